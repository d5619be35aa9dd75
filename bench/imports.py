"""Reading vendors' descriptions as the product does: seconds and peak memory, by size and by notation.

A process apart reads them: its memory is another column. The floor
is the bare parser over the same bytes in the same minute: ``json.loads``, or PyYAML with libyaml.
"""

import argparse
import json
import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import report

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- imports: begin -->", "<!-- imports: end -->"
SIZES = ("50 KB", "1 MB", "5 MB", "10 MB")
HEAD = (
    "document", "operations", "parser alone", "imported", "beside the parser", "first operation compiled",
    "memory before", "at the peak", "of the child",
)  # fmt: skip
PER_OPERATION = 8_000
"""Bytes that an operation with its schemas takes in most vendors' descriptions; texts fill them up."""


def description(size: int) -> dict[str, Any]:
    """An OpenAPI document of about so many bytes, with references between its schemas, cycles among them."""
    count = max(size // PER_OPERATION, 5)
    schemas = {f"Thing{number}": _schema(number, count) for number in range(count)}
    paths: dict[str, Any] = {}
    for number in range(0, count, 2):
        answer = {"200": _body(number)}
        paths[f"/things{number}"] = {
            "get": _operation(number, "list", {"200": _body(number, many=True)}),
            "post": {**_operation(number, "create", answer), "requestBody": {"required": True, **_body(number)}},
        }
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "Measured", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
    text = "What it means, said at the length that vendors like. "
    short = size - len(json.dumps(document))
    for entry in schemas.values():
        entry["description"] = text * max(short // count // len(text), 1)
    return document


def _schema(number: int, count: int) -> dict[str, Any]:
    properties: dict[str, Any] = {
        f"field_{place}": {"type": "string", "maxLength": 200, "example": "abc"} for place in range(20)
    }
    properties["next"] = {"$ref": f"#/components/schemas/Thing{(number + 1) % count}"}
    properties["others"] = {"type": "array", "items": {"$ref": f"#/components/schemas/Thing{(number * 7) % count}"}}
    return {"type": "object", "required": ["field_0"], "properties": properties}


def _operation(number: int, verb: str, answers: dict[str, Any]) -> dict[str, Any]:
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}
    given = {"operationId": f"{verb}Things{number}", "tags": [f"group {number // 20}"], "parameters": [limit]}
    return {**given, "summary": f"{verb} things", "responses": answers}


def _body(number: int, *, many: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/Thing{number}"}
    whole = {"type": "array", "items": schema} if many else schema
    return {"content": {"application/json": {"schema": whole}}, "description": "ok"}


def _measure(data: bytes, answers: Connection) -> None:
    from ipaas.sdk.connector import Connector as Loaded
    from ipaas.sdk.openapi.apart import read_apart

    before = _peak()
    seen, done = [0.0], threading.Event()
    watch = threading.Thread(target=_watch, args=(seen, done))
    watch.start()
    started = time.perf_counter()
    made = read_apart(data, slug="measured")
    took = time.perf_counter() - started
    done.set()
    watch.join()
    loaded = Loaded(made.manifest)
    started = time.perf_counter()
    loaded.actions[next(iter(made.manifest.actions))]
    first = time.perf_counter() - started
    answers.send((len(made.manifest.actions), took, first, before, _peak(), max(seen)))


def _watch(seen: list[float], done: threading.Event) -> None:
    """The peaks of the process that is forked for the reading, which ends before it could be asked."""
    while not done.wait(0.01):
        for helper in _children("self"):
            seen += [_peak(child) for child in _children(helper)]


def _children(pid: str) -> list[str]:
    try:
        lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []
    return [child for text in lists for child in text.split()]


def _peak(pid: str = "self") -> float:
    """Megabytes that a process has had in memory at most; getrusage counts those of its parent too."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def measured(data: bytes) -> tuple[int, float, float, float, float, float]:
    """Operations, seconds to read, seconds until one is compiled, megabytes before, at the peak, and of the child."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(data, theirs))
    process.start()
    theirs.close()
    try:
        found: tuple[int, float, float, float, float, float] = mine.recv()
        return found
    finally:
        process.join()


def bare(data: bytes) -> float:
    """Seconds of the parser alone."""
    import yaml

    started = time.perf_counter()
    if data.startswith(b"{"):
        json.loads(data)
    else:
        yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    return time.perf_counter() - started


def rows(sizes: Sequence[str], *, with_yaml: bool) -> Iterator[tuple[str, ...]]:
    import yaml

    for size in sizes:
        document = description(_bytes(size))
        notations = {"JSON": json.dumps(document).encode()}
        if with_yaml:
            dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
            notations["YAML"] = yaml.dump(document, Dumper=dumper, sort_keys=False).encode()
        for name, data in notations.items():
            floor = bare(data)
            operations, took, first, before, peak, child = measured(data)
            figures = (
                f"{operations:,}",
                f"{floor * 1000:,.1f} ms",
                f"{took:.2f} s",
                f"{took / floor:,.0f} ×",
                f"{first:.2f} s",
            )
            yield (f"{size} {name}", *figures, f"{before:.0f} MB", f"{peak:.0f} MB", f"{child:.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(prog="manage.py bench imports", description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="SIZE", help="such as 50KB or 10MB")
    parser.add_argument("--json-only", action="store_true", help="leave YAML out")
    parser.add_argument("--write", action="store_true", help="into docs/reference/benchmarks.md")
    arguments = parser.parse_args()
    text = report.table(HEAD, rows(arguments.sizes, with_yaml=not arguments.json_only))
    machine = report.machine({"PyYAML": version("PyYAML")})
    print(text)
    print(machine)
    if arguments.write:
        report.write(PAGE, f"{machine}\n\n{text}", BEGIN, END)
    return 0


def _bytes(text: str) -> int:
    units = {"KB": 1_000, "MB": 1_000_000}
    plain = text.replace(" ", "").upper()
    return int(float(plain[:-2]) * units[plain[-2:]])
