"""Mappings beside plain Python written by hand for the same target, and JSONata beside its reference in Node."""

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import report

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- mapping: begin -->", "<!-- mapping: end -->"
SIZES = (10, 50, 300)
KILOBYTES = (1, 16, 160)
ROUNDS = 60
"""Short ones: on a machine that does other work too, some of them are left alone."""
AIM_US, AIM_NODE = 30.0, 2.0
EXPRESSION = """{
  "id": order.id,
  "customer": $uppercase(order.customer.name),
  "total": $sum(order.lines.(price * qty)),
  "lines": order.lines[qty > 1].{"sku": sku, "amount": price * qty, "label": name & " (" & sku & ")"},
  "tags": $distinct(order.lines.tag)
}"""
NODE = """
const jsonata = require(process.argv[1]);
const read = require("fs").readFileSync;
const text = read(process.argv[2], "utf8"), turns = Number(process.argv[3]);
const expression = jsonata(read(process.argv[4], "utf8"));
(async () => {
  const took = [];
  for (let turn = 0; turn < 20; turn++) JSON.stringify(await expression.evaluate(JSON.parse(text)));
  for (let round = 0; round < 60; round++) {
    const started = process.hrtime.bigint();
    for (let turn = 0; turn < turns; turn++) JSON.stringify(await expression.evaluate(JSON.parse(text)));
    took.push(Number(process.hrtime.bigint() - started) / 1000 / turns);
  }
  console.log(Math.min(...took));
})();
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3_000, help="of the smallest; larger ones take fewer")
    parser.add_argument("--write", action="store_true", help=f"also put the tables into {DOCUMENT.name}")
    given = parser.parse_args()
    text = "\n".join([report.machine(_versions()), "", *_fields(given.turns), "", *_jsonata(given.turns)])
    print(text)
    if given.write:
        report.write(DOCUMENT, text, BEGIN, END)
    return 0


def _versions() -> dict[str, str]:
    import platform

    import jlens

    return {"Python": platform.python_version(), "jlens": jlens.__version__, "jsonata (npm)": "2.2.2"}


# -- fields ----------------------------------------------------------------------------------------------------------

KINDS = 5


def source_of(count: int) -> dict[str, Any]:
    """Ten values for each ten fields: texts, decimals, an object, an absent and a null one."""
    return {
        f"part{number}": {
            "id": f"SO-{number}",
            "name": "Ada Lovelace",
            "net": Decimal("19.99"),
            "qty": 3,
            "country": "DE",
            "note": None,
            "address": {"city": "Berlin", "zip": "10115"},
        }
        for number in range(count // KINDS)
    }


def fields_of(count: int) -> dict[str, Any]:
    """Of each five fields: a look-up, a function, exact arithmetic, a default, a condition."""
    fields: dict[str, Any] = {}
    for number in range(count // KINDS):
        at = f"source.part{number}"
        fields[f"id{number}"] = f"{at}.id"
        fields[f"name{number}"] = f"upper({at}.name)"
        fields[f"total{number}"] = f"{at}.net * {at}.qty"
        fields[f"note{number}"] = {"expr": f"{at}.note", "default": ""}
        fields[f"zone{number}"] = {
            "choose": [{"when": f"{at}.country == 'DE'", "then": {"value": "home"}}],
            "otherwise": f"{at}.address.city",
        }
    return fields


def by_hand(count: int) -> Callable[[Any], Any]:
    """The same target, as a programmer would write it without any guard."""
    lines = ["def make(source):", " return {"]
    for number in range(count // KINDS):
        at = f"source['part{number}']"
        lines.append(f"  'id{number}': {at}['id'], 'name{number}': {at}['name'].upper(),")
        lines.append(f"  'total{number}': {at}['net'] * {at}['qty'],")
        lines.append(f"  'note{number}': '' if {at}.get('note') is None else {at}['note'],")
        lines.append(f"  'zone{number}': 'home' if {at}['country'] == 'DE' else {at}['address']['city'],")
    names: dict[str, Any] = {}
    exec("\n".join([*lines, " }"]), names)  # noqa: S102 - the benchmark's own text
    made: Callable[[Any], Any] = names["make"]
    return made


def _fields(turns: int) -> Iterator[str]:
    from ipaas.mapping import engine

    yield "| fields | compiled once | one target | by hand | ratio | explained | aim |"
    yield "|---|---|---|---|---|---|---|"
    for count in SIZES:
        source, fields, plain = source_of(count), fields_of(count), by_hand(count)
        started = time.perf_counter()
        mapping = engine.compile({"slug": "measured", "fields": fields})
        compiled = (time.perf_counter() - started) * 1e3
        if mapping.apply(source) != plain(source):
            message = "the targets differ"
            raise SystemExit(message)
        each = max(turns // count, 2)
        ours, hand = _beside(lambda: mapping.apply(source), lambda: plain(source), each)  # noqa: B023 - used at once
        slow, _ = _beside(lambda: mapping.explain(source), lambda: None, 1)  # noqa: B023
        aim = f"{AIM_US:.0f} µs" if count == SIZES[0] else ""
        yield (
            f"| {count} | {compiled:.1f} ms | {ours:.1f} µs | {hand:.1f} µs | {ours / hand:.1f} × "
            f"| {slow / 1e3:.2f} ms | {aim} |"
        )


def _beside(one: Callable[[], Any], other: Callable[[], Any], turns: int) -> tuple[float, float]:
    """Microseconds of each, turn by turn so that both meet the same machine; the best of the rounds."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for deed, times in zip((one, other), found, strict=True):
            started = time.perf_counter()
            for _turn in range(turns):
                deed()
            times.append((time.perf_counter() - started) / turns * 1e6)
    return min(found[0]), min(found[1])


# -- JSONata ---------------------------------------------------------------------------------------------------------


def order_of(size: int) -> dict[str, Any]:
    """An order whose JSON has about so many bytes."""
    line = {"sku": "A-1000", "name": "Difference engine", "price": 19.99, "qty": 3, "tag": "brass"}
    count = max((size - 80) // (len(json.dumps(line)) + 4), 1)
    lines = [{**line, "sku": f"A-{number}", "qty": number % 5, "tag": f"t{number % 7}"} for number in range(count)]
    return {"order": {"id": "SO-1", "customer": {"name": "Ada Lovelace"}, "lines": lines}}


def _jsonata(turns: int) -> Iterator[str]:
    from ipaas.core import jsonio
    from ipaas.mapping import engine

    mapping = engine.compile({"slug": "measured", "jsonata": EXPRESSION})
    yield "| JSONata over | with all guards | the engine alone | Node, JSON read and written | Node ÷ ours | aim |"
    yield "|---|---|---|---|---|---|"
    for size in KILOBYTES:
        text = json.dumps(order_of(size * 1024))
        source = jsonio.loads(text)
        each = max(turns // size // 100, 1)
        program = mapping.root.evaluate.__self__.expression  # type: ignore[union-attr]  # the engine below the guards
        ours, alone = _beside(
            lambda: mapping.apply(source),  # noqa: B023 - used at once
            lambda: program.evaluate_json(text),  # noqa: B023
            each,
        )
        node = _node(text, each)
        told = "not installed (npm install)" if node is None else f"{node:,.0f} µs"
        ratio = "" if node is None else f"{node / ours:.1f} ×"
        aim = f"{AIM_NODE:.0f} ×" if size == KILOBYTES[-1] else ""
        yield f"| {len(text) / 1024:.0f} KB | {ours:,.0f} µs | {alone:,.0f} µs | {told} | {ratio} | {aim} |"


def _node(text: str, turns: int) -> float | None:
    """Microseconds of the reference implementation, None where it is not installed."""
    import tempfile

    library = ROOT / "node_modules" / "jsonata" / "jsonata.js"
    if not library.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        data, expression = Path(folder, "data.json"), Path(folder, "expression")
        data.write_text(text)
        expression.write_text(EXPRESSION)
        command = ["node", "-e", NODE, str(library), str(data), str(turns), str(expression)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
