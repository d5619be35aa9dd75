"""The fields of data that documents name: of schemas, of targets of mappings, of lookups and functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ipaas.contracts.validators import SUBSCHEMA_LISTS, SUBSCHEMAS
from ipaas.core.document_forms import pointer
from ipaas.mapping.outline import outline
from ipaas.mapping.places import joined

MOST_FIELDS = 5_000
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Field:
    """``pointer`` is its place in the document, ``path`` in the data (``lines[].sku``); ``node`` its schema, if any.

    ``around`` are the names beside it and beside what holds it.
    """

    name: str
    pointer: str
    path: str
    node: Mapping[str, Any] | None = None
    around: frozenset[str] = frozenset()


def fields_of(content: Any) -> list[Field]:
    """The fields of a document of any form, as far as it can be read; at most ``MOST_FIELDS``."""
    reader = _READERS.get(str(content.get("kind"))) if isinstance(content, Mapping) else None
    return [] if reader is None else list(islice(reader(content), MOST_FIELDS))


def _of_schema(content: Mapping[str, Any]) -> Iterator[Field]:
    yield from _properties(content.get("schema"), "/schema", "", frozenset(), 0)


def _properties(schema: Any, place: str, path: str, around: frozenset[str], depth: int) -> Iterator[Field]:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return
    for group in ("properties", "$defs"):
        parts = schema.get(group)
        if not isinstance(parts, Mapping):
            continue
        names = around | frozenset(map(str, parts)) if group == "properties" else around
        for key, node in parts.items():
            at = place + pointer(group, key)
            inner = joined(path, str(key)) if group == "properties" else ""
            if group == "properties":
                yield Field(str(key), at, inner, node if isinstance(node, Mapping) else None, names)
            yield from _properties(node, at, inner, names, depth + 1)
    for keyword in SUBSCHEMAS:
        inner = f"{path}[]" if keyword in ("items", "contains") else path
        yield from _properties(schema.get(keyword), place + pointer(keyword), inner, around, depth + 1)
    for keyword in SUBSCHEMA_LISTS:
        parts = schema.get(keyword)
        for index, node in enumerate(parts if isinstance(parts, list) else ()):
            inner = f"{path}[]" if keyword == "prefixItems" else path
            yield from _properties(node, place + pointer(keyword, index), inner, around, depth + 1)


def _of_mapping(content: Mapping[str, Any]) -> Iterator[Field]:
    for row in outline(content.get("fields")):
        if row.name != "[]":
            yield Field(row.name, pointer(*row.pointer), row.path)


def _of_lookup(content: Mapping[str, Any]) -> Iterator[Field]:
    columns = content.get("columns")
    for name in columns if isinstance(columns, Mapping) else ():
        yield Field(str(name), pointer("columns", name), str(name))


def _of_function(content: Mapping[str, Any]) -> Iterator[Field]:
    parameters = content.get("parameters")
    for index, one in enumerate(parameters if isinstance(parameters, list) else ()):
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            yield Field(one["name"], pointer("parameters", index, "name"), one["name"])


_READERS = {"schema": _of_schema, "mapping": _of_mapping, "lookup": _of_lookup, "function": _of_function}
