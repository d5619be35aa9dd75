"""The places of data that a mapping can read or fill, in reading order: from a JSON Schema, from values, or both.

A place is a dotted path from its root; ``[]`` stands for every element of a list: ``source.lines[].sku``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MAX_PLACES = 2_000
MAX_DEPTH = 12
MAX_ELEMENTS = 20
EXAMPLES = 3
_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Place:
    """``type`` is JSON Schema's word, "" where nothing is known; ``sensitive`` the class of the field.

    ``holder`` is the path of the object, or of the list of them, that it belongs to; ``value`` the first one observed.
    """

    path: str
    name: str
    depth: int
    type: str = ""
    required: bool = False
    doc: str = ""
    sensitive: str = ""
    format: str = ""
    examples: tuple[Any, ...] = ()
    holder: str = ""
    value: Any = None


def joined(path: str, name: str) -> str:
    """The path of a key, as the engine tells where it read and wrote."""
    return f"{path}.{name}" if path else name


def schema_places(schema: Any, root: str) -> list[Place]:
    """The places that a JSON Schema describes, its root first; references within the document are followed."""
    if not isinstance(schema, Mapping):
        return []
    found: list[Place] = []
    for place in _described(schema, schema, Place(root, root, 0), frozenset()):
        found.append(place)
        if len(found) >= MAX_PLACES:
            break
    return found


def _described(root: Mapping[str, Any], schema: Any, place: Place, seen: frozenset[str]) -> Iterator[Place]:
    schema, seen = _resolved(root, schema, seen)
    kind = schema.get("type", "")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    properties, items = _properties(root, schema, seen), schema.get("items")
    kind = kind or ("object" if properties else "array" if isinstance(items, Mapping) else "")
    yield replace(
        place,
        type=str(kind),
        doc=str(schema.get("description") or schema.get("title") or "")[:300],
        sensitive=str(schema.get("x-sensitive") or ""),
        format=str(schema.get("format") or ""),
        examples=_examples(schema),
    )
    if place.depth >= MAX_DEPTH:
        return
    needed = schema.get("required")
    needed = needed if isinstance(needed, list) else ()
    for name, part in properties.items():
        below = _below(place, place.path, name, required=name in needed)
        yield from _described(root, part, below, seen)
    if kind == "array" and isinstance(items, Mapping):
        element = Place(f"{place.path}[]", "[]", place.depth, holder=place.path)
        inner = [replace(one, holder=_list_of(one.holder, place)) for one in _described(root, items, element, seen)]
        yield from inner[1:] if inner[0].type == "object" else ()


def _below(holder: Place, path: str, name: str, *, required: bool = False) -> Place:
    return Place(joined(path, name), name, holder.depth + 1, required=required, holder=holder.path)


def _list_of(holder: str, place: Place) -> str:
    """Fields of elements belong to their list."""
    return place.path if holder == f"{place.path}[]" else holder


def _resolved(root: Mapping[str, Any], schema: Any, seen: frozenset[str]) -> tuple[Mapping[str, Any], frozenset[str]]:
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        reference = schema["$ref"]
        if reference in seen or not reference.startswith("#/"):
            return {}, seen
        seen |= {reference}
        node: Any = root
        for part in reference[2:].split("/"):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, Mapping) else None
        schema = node
    return (schema if isinstance(schema, Mapping) else {}), seen


def _properties(root: Mapping[str, Any], schema: Mapping[str, Any], seen: frozenset[str]) -> dict[str, Any]:
    own = schema.get("properties")
    found = dict(own) if isinstance(own, Mapping) else {}
    for word in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(word)
        for part in parts if isinstance(parts, list) else ():
            inner = _resolved(root, part, seen)[0].get("properties")
            for name, one in inner.items() if isinstance(inner, Mapping) else ():
                found.setdefault(name, one)
    return {str(name): part for name, part in found.items()}


def _examples(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    given = [schema.get("examples"), schema.get("enum"), [schema["const"]] if "const" in schema else None]
    return tuple(one for values in given if isinstance(values, list) for one in values)[:EXAMPLES]


def value_places(value: Any, root: str) -> list[Place]:
    """The places of a value, its root first; of a list, those of its first elements together."""
    found: dict[str, Place] = {}
    _observe(value, Place(root, root, 0), found)
    return list(found.values())


def _observe(value: Any, place: Place, found: dict[str, Place]) -> None:
    if len(found) >= MAX_PLACES:
        return
    known = found.get(place.path)
    if known is None or known.type in ("", "null"):
        found[place.path] = replace(place, type=_KINDS.get(type(value), "number"), value=value)
    if place.depth >= MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, part in value.items():
            _observe(part, _below(place, place.path, str(name)), found)
    elif isinstance(value, list | tuple):
        for element in value[:MAX_ELEMENTS]:
            if isinstance(element, Mapping):
                for name, part in element.items():
                    _observe(part, _below(place, f"{place.path}[]", str(name)), found)


def together(described: Iterable[Place], observed: Iterable[Place]) -> list[Place]:
    """The places of a schema with the values found there; those that only values have stand behind their siblings."""
    order, values = list(described), {place.path: place for place in observed}
    known = {place.path for place in order}
    below: dict[str, list[Place]] = {}
    for place in values.values():
        if place.path not in known:
            below.setdefault(place.holder, []).append(place)
    return [*_with(order, below, values), *_nested(below, "")]


def _nested(below: dict[str, list[Place]], path: str) -> Iterator[Place]:
    for place in below.pop(path, ()):
        yield place
        yield from _nested(below, place.path)


def _with(order: list[Place], below: dict[str, list[Place]], values: Mapping[str, Place]) -> Iterator[Place]:
    stack: list[Place] = []
    for place in (*order, None):
        while stack and stack[-1].depth >= (place.depth if place else -1):
            yield from _nested(below, stack.pop().path)
        if place:
            seen = values.get(place.path)
            yield replace(place, value=seen.value, type=place.type or seen.type) if seen else place
            stack.append(place)
