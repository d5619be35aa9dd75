"""The reference of the formats as Markdown, made from their JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.mapping.formats.describing import FORMATS, schema

_INTRODUCTION = """\
# Formats of mappings

A mapping reads JSON and makes JSON. With `input` it reads another format, with `output` it writes one:

```yaml
input: {format: csv, delimiter: ";", records: true}
output: {format: xml, root: orders, row: order}
```

Without `records` the mapping is applied once, to the whole input as its source. With `records` it is applied to each
record by itself, and a list of targets comes out; a file of any size is read and written so in little memory.

In a flow the input of the step is a text, or a file as `{base64: …}`, which a workbook may also be as a bare text; JSON
may come read already. The step's output is the text that was written, of a workbook in Base64; without `output` it is
the target itself. What is wrong with an input or output is told with its line, segment or record, and never with a
value: `mapping.format` for the format, `mapping.record` for a record that the mapping does not expect.

Files are read by a process apart, with limits on memory and time. See
[how to map files](../how-to/map-files.md) for examples with EDIFACT, X12 and fixed width.
"""
_STRUCTURES = """\
## Structures

Under `structure` of `fixed` and `segments` stands which lines or segments follow which. An item is a name (`BGM`), a
name with more to say (`{segment: DTM, as: dates, many: true}`), or a group, which begins with the first item of its
`of` (`{group: lines, many: true, of: [LIN, …]}`). Where `many` is said there is always a list, whether it holds none,
one or several; what is neither there nor `required` is left out. A line or segment without a place is an error.
"""


def formats_reference() -> str:
    """The page about formats."""
    defs = schema()["$defs"]
    parts = [_INTRODUCTION]
    for kind in FORMATS:
        parts.append(f"## `{kind}`: {defs[kind]['title']}\n\n{defs[kind]['description']}\n")
        parts.append(_table(defs[kind], defs))
        if kind == "fixed":
            parts.append("### A field\n\n" + _table(defs["fields"]["items"], defs))
        if kind == "segments":
            parts.append("### An element\n\nIts name, null for one that is left out, or:\n")
            parts.append(_table(defs["element"]["oneOf"][2], defs))
    items = [one for one in defs["structure"]["items"]["oneOf"] if "properties" in one]
    parts.append(_STRUCTURES)
    parts += ["### A line or segment\n\n" + _table(items[0], defs), "### A group\n\n" + _table(items[1], defs)]
    return "\n".join(parts).rstrip() + "\n"


def _table(form: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    rows = [f"| `{name}` | {_kind(part, defs)} | {text} |" for name, part, text in _keys(form, defs, "")]
    return "\n".join(["| key | takes | says |", "|---|---|---|", *rows]) + "\n"


def _keys(form: Mapping[str, Any], defs: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any, str]]:
    required = form.get("required", ())
    for name, part in form.get("properties", {}).items():
        mark = "**Required.** " if name in required and name != "format" else ""
        yield prefix + name, part, mark + part.get("description", "")
        inner = part.get("items", part)
        if "properties" in inner:
            yield from _keys(inner, defs, f"{prefix}{name}.")


_NAMED = {
    "structure": "a structure, see below",
    "fields": "list of fields, see below",
    "name": "a name",
    "tag": "a tag",
    "columns": "list of texts",
}


def _kind(part: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    if name in _NAMED:
        return _NAMED[name]
    part = defs.get(name, part)
    if "const" in part:
        return f"`{jsonio.dumps(part['const']).decode().strip(chr(34))}`"
    if "enum" in part:
        words = " ".join(f"`{_shown(one)}`" for one in part["enum"])
        return f"{words}{_default(part)}"
    if "oneOf" in part:
        return " or ".join(_kind(one, defs) for one in part["oneOf"])
    kind = {"string": "text", "array": "list"}.get(part.get("type", ""), str(part.get("type", "value")))
    return f"{kind}{_default(part)}"


def _default(part: Mapping[str, Any]) -> str:
    return f", else `{_shown(part['default'])}`" if "default" in part else ""


def _shown(value: Any) -> str:
    return jsonio.dumps(value).decode().replace("|", "\\|")
