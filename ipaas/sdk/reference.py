"""The reference of the connector manifest, made from its schema."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ipaas.sdk.manifest_reader import manifest_schema
from ipaas.sdk.quality import LADDER
from ipaas.sdk.samples import SCHEMA as SAMPLE_SCHEMA

_INTRO = """\
# Connector manifest

A connector is a folder `connectors/<slug>/` with `manifest.yaml`, `README.md`, `icon.svg`, optionally `schemas/*.json`
and `connector.py`. This page describes every key of the manifest; it is generated from
`ipaas/sdk/manifest_schema.json`.

Templates: a string that is wholly `{{ expression }}` keeps the type of its value, other strings interpolate. What an
expression may read: `params` and `config` in requests; `body`, `status`, `headers` in `response.result`; `data` and
`params` in look-ups; `cursor`, `config`, `data`, `items`, `item` in polls; `data`, `body`, `headers` in pagination;
`url`, `events`, `secret`, `id`, `config`, `data` in subscriptions; `path`, `query`, `body`, `id`, `time`, `entity`,
`items`, `next` in the stub. Absent optional parameters read as their default or null. Keys in **bold** are required.
"""


_SAMPLES = """
## Samples

Files `samples/*.yaml` beside the manifest hold what the vendor really sends, from its own documentation: a delivery of
a webhook trigger with the secret of the example, or an answer to an action. The generated suite reads each of them.
"""
_LADDER = """
## Quality

`ipaas connector test` computes the level of a connector from what passes, and keeps it in `quality.json` beside the
manifest with a digest of the folder: a folder that was changed since has no level until it is tested again. A level
includes those before it.
"""


def render() -> str:
    """The whole page as Markdown."""
    schema = manifest_schema()
    parts = [_INTRO, "## The manifest\n", *_table(schema)]
    for name, below in schema["$defs"].items():
        if below.get("type") == "object" and "properties" in below:
            parts += [f"\n## {_title(name)}\n", below.get("description", "") + "\n", *_table(below)]
    rows = [f"\n## {_title('error_class')}\n", ", ".join(f"`{one}`" for one in schema["$defs"]["error_class"]["enum"])]
    return "\n".join([*parts, *rows, *_samples(), *_ladder()]) + "\n"


def _samples() -> Iterator[str]:
    yield _SAMPLES
    yield from _table(SAMPLE_SCHEMA)


def _ladder() -> Iterator[str]:
    yield _LADDER
    yield "| level | requirement | what has to hold |"
    yield "|---|---|---|"
    for one in LADDER:
        yield f"| {one.level} | {one.name} | {one.text} |"


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | value | meaning |"
    yield "|---|---|---|"
    yield from _rows("", schema)


def _rows(prefix: str, schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, below in schema.get("properties", {}).items():
        shown = f"`{prefix}{name}`"
        meaning = str(below.get("description", "")).replace("|", "\\|").replace("\n", " ")
        if "default" in below:
            meaning += f" Default: `{orjson.dumps(below['default']).decode()}`."
        yield f"| {f'**{shown}**' if name in required else shown} | {_value(below)} | {meaning} |"
        inner = below.get("items", below) if below.get("type") == "array" else below
        if "$ref" not in inner and inner.get("properties"):
            yield from _rows(f"{prefix}{name}.", inner)


def _value(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"slug": "slug", "schema": "JSON Schema or `schemas/….json`"}.get(
            name, f"[{_title(name)}](#{_anchor(name)})"
        )
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_value(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"name → {_value(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _anchor(name: str) -> str:
    return name.replace("_", "-")
