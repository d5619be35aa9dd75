"""Reading vendors' descriptions as the product does: seconds and peak memory, by size and by notation.

A description of more than 256 KB is read by a child of the process that asks: its memory is another column.
"""

import argparse
import json
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SIZES = ("50 KB", "1 MB", "5 MB", "10 MB")
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
    started = time.perf_counter()
    made = read_apart(data, slug="measured")
    took = time.perf_counter() - started
    loaded = Loaded(made.manifest)
    started = time.perf_counter()
    loaded.actions[next(iter(made.manifest.actions))]
    first = time.perf_counter() - started
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    answers.send((len(made.manifest.actions), took, first, before, _peak(), child))


def _peak() -> float:
    """Megabytes that this process has had in memory at most; getrusage counts those of its parent too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="manage.py bench imports", description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="SIZE", help="such as 50KB or 10MB")
    parser.add_argument("--json-only", action="store_true", help="leave YAML out")
    arguments = parser.parse_args()
    import yaml

    names = f"{'document':<16}{'bytes':>12}{'operations':>12}{'seconds':>9}{'first call':>12}"
    print(f"{names}{'MB before':>11}{'MB peak':>9}{'MB child':>10}")
    for size in arguments.sizes:
        document = description(_bytes(size))
        notations = {"JSON": json.dumps(document).encode()}
        if not arguments.json_only:
            dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
            notations["YAML"] = yaml.dump(document, Dumper=dumper, sort_keys=False).encode()
        for name, data in notations.items():
            operations, took, first, before, peak, child = measured(data)
            line = f"{size + ' ' + name:<16}{len(data):>12,}{operations:>12}{took:>9.2f}{first:>12.2f}"
            print(f"{line}{before:>11.0f}{peak:>9.0f}{child:>10.0f}")
    return 0


def _bytes(text: str) -> int:
    units = {"KB": 1_000, "MB": 1_000_000}
    plain = text.replace(" ", "").upper()
    return int(float(plain[:-2]) * units[plain[-2:]])
