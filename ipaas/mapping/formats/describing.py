"""Descriptions of formats: their JSON Schema, and what else may be wrong with one."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ipaas.core.document_forms import Finding, schema_findings
from ipaas.core.phrases import said
from ipaas.mapping.formats.structure import items_of, names_in
from ipaas.sdk.schemas import compile_schema

FORMATS = ("json", "csv", "xml", "form", "fixed", "segments", "xlsx")


def findings(spec: Any, path: str) -> Iterator[Finding]:
    """What is wrong with a description."""
    kind = spec.get("format") if isinstance(spec, dict) else None
    if kind not in FORMATS:
        message = said("say format: one of {formats}", formats=", ".join(FORMATS))
        yield Finding(f"{path}/format", "format.unknown", message)
        return
    found = [Finding(path + one.path, one.code, one.message) for one in schema_findings(_form(kind), spec)]
    yield from found or _sense(spec, path)


def _sense(spec: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """What no schema sees: names that do not meet."""
    if path == "/output" and spec.get("encoding") == "utf-16":
        yield Finding(f"{path}/encoding", "format.encoding", said("utf-16 is read, and not written"))
    if spec["format"] not in ("fixed", "segments"):
        return
    items = items_of(spec.get("structure", ()))
    if isinstance(spec.get("records"), str) and not any(one.of and one.key == spec["records"] for one in items):
        message = said("there is no group {name!r} at the top of the structure", name=spec["records"])
        yield Finding(f"{path}/records", "format.records", message)
    if spec.get("records") is True and items:
        message = said("name a group of the structure, or leave the structure out")
        yield Finding(f"{path}/records", "format.records", message)
    if spec["format"] == "fixed":
        unknown = sorted(names_in(items) - {one["name"] for one in spec.get("lines", ())})
        if items and unknown:
            message = said("the structure names {name!r}, which is none of the lines", name=unknown[0])
            yield Finding(f"{path}/structure", "format.structure", message)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of all descriptions, one definition for each format."""
    loaded: dict[str, Any] = json.loads(
        files("ipaas.mapping.formats").joinpath("formats.schema.json").read_text("utf-8")
    )
    return loaded


@cache
def _form(kind: str) -> Any:
    return compile_schema({"$ref": f"#/$defs/{kind}", "$defs": schema()["$defs"]})
