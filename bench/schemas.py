"""Schemas: validating 1 KB as the engine does, and the compatibility check by the size of the schema."""

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import report

BEGIN, END = "<!-- schemas: begin -->", "<!-- schemas: end -->"
PAGE = Path(__file__).parent.parent / "docs/reference/benchmarks.md"
SIZES = (5, 50, 500, 5_000)
AIM_US = 10


def order(lines: int) -> dict[str, Any]:
    return {
        "id": "o-100001",
        "placed_at": "2026-01-05T10:00:00Z",
        "customer": {"email": "someone@shop.example", "name": "Some One", "country": "DE"},
        "lines": [{"sku": f"sku-{number:05}", "quantity": 1 + number % 3, "price": 9.95} for number in range(lines)],
        "note": "Leave it at the door, please.",
    }


ORDER_SCHEMA = {
    "type": "object",
    "required": ["id", "placed_at", "customer", "lines"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^o-[0-9]+$", "maxLength": 20},
        "placed_at": {"type": "string", "format": "date-time"},
        "customer": {
            "type": "object",
            "required": ["email"],
            "properties": {
                "email": {"type": "string", "format": "email", "x-sensitive": "personal"},
                "name": {"type": "string", "maxLength": 100},
                "country": {"enum": ["DE", "FR", "GB", "US"]},
            },
        },
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["sku", "quantity"],
                "properties": {
                    "sku": {"type": "string", "minLength": 1},
                    "quantity": {"type": "integer", "minimum": 1},
                    "price": {"type": "number", "minimum": 0},
                },
            },
        },
        "note": {"type": ["string", "null"], "maxLength": 1000},
    },
}


def tree(nodes: int) -> dict[str, Any]:
    """A schema of about so many nodes: objects of eight properties."""
    fields = {f"f{number}": {"type": ["string", "null"], "maxLength": 20 + number} for number in range(8)}
    group = {"type": "object", "required": ["f0"], "properties": fields, "additionalProperties": False}
    if nodes < 10:
        return {**group, "properties": dict(list(fields.items())[: nodes - 1])}
    count = nodes // 9
    return {"type": "object", "properties": {f"group{number}": group for number in range(count)}}


def chain(nodes: int) -> dict[str, Any]:
    """A schema of about so many nodes: definitions that refer to each other in a circle."""
    count = max(1, nodes // 5)
    parts = {
        f"n{number}": {
            "type": "object",
            "properties": {
                "value": {"type": "integer", "minimum": 0},
                "next": {"anyOf": [{"type": "null"}, {"$ref": f"#/$defs/n{(number + 1) % count}"}]},
            },
        }
        for number in range(count)
    }
    return {"$ref": "#/$defs/n0", "$defs": parts}


def longer(schema: Any) -> Any:
    """A compatible change of every leaf: the worst case, as no part is the same on both sides."""
    if isinstance(schema, list):
        return [longer(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: longer(one) for name, one in schema.items()}
    if isinstance(schema.get("maxLength"), int):
        found["maxLength"] = schema["maxLength"] + 1
    if schema.get("minimum") == 0:
        found["minimum"] = -1
    return found


def middle_of(deed: Callable[[], object], seconds: float = 0.4) -> float:
    """The middle of the times of single runs, in microseconds."""
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begin = time.perf_counter_ns()
        deed()
        times.append(time.perf_counter_ns() - begin)
    return sorted(times)[len(times) // 2] / 1000


def rows() -> list[tuple[str, ...]]:
    """What, figure, aim."""
    from ipaas.contracts.compatibility import check
    from ipaas.contracts.validators import compile_schema

    value = order(17)
    size = len(json.dumps(value, separators=(",", ":")))
    compiled = compile_schema(ORDER_SCHEMA)
    found: list[tuple[str, ...]] = [
        ("compiling the schema of an order", f"{middle_of(lambda: compile_schema(ORDER_SCHEMA)):,.0f} µs", ""),
        (
            f"validating an order of {size:,} bytes",
            f"{middle_of(lambda: compiled.is_valid(value)):.1f} µs",
            f"{AIM_US} µs",
        ),
        (
            "the same, with the list of errors (none)",
            f"{middle_of(lambda: compiled.errors(value)):.1f} µs",
            f"{AIM_US} µs",
        ),
    ]
    for name, make in (("objects", tree), ("a circle of references", chain)):
        for nodes in SIZES:
            old = make(nodes)
            new = longer(old)
            verdict = check(old, new, "backward").state
            cost = middle_of(lambda old=old, new=new: check(old, new, "full")) / 1000  # type: ignore[misc]
            found.append((f"full check, {nodes:,} nodes, {name}: {verdict} backward", f"{cost:,.1f} ms", ""))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/reference/benchmarks.md")
    options = parser.parse_args()
    text = report.table(("what", "figure", "aim"), rows())
    machine = report.machine({"jsonschema-rs": version("jsonschema-rs")})
    print(text)
    print(machine)
    if options.write:
        report.write(PAGE, f"{machine}\n\n{text}", BEGIN, END)
    return 0
