"""Where data has moved away from its schema: fields it does not name, new choices, values of another type."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from ipaas.contracts.validators import resolved_part
from ipaas.core.document_forms import pointer

MOST_PLACES: Final = 20_000
MOST_FOUND: Final = 50
MOST_NESTED: Final = 40
_LABEL: Final = re.compile(r"[A-Za-z_$][\w$.:-]{0,79}")

JSON = Any
Kind = Literal["unknown_field", "new_value", "other_type"]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which data differs from its schema, wherever in it.

    ``path`` is a JSON pointer with ``*`` for the numbers of lists. ``what`` is the type of an unknown field or of
    another value (``string``, ``number``…), and of a new choice the choice itself.
    """

    kind: Kind
    path: str
    what: str
    value: JSON = None


def drift_of(schema: JSON, value: JSON) -> list[Drift]:
    """Every difference once, at most ``MOST_FOUND``. Says nothing of ranges, lengths, patterns and absent fields."""
    finder = _Finder(schema)
    found: dict[tuple[str, str, str], Drift] = {}
    for one in finder.look(schema, value, ()):
        found.setdefault((one.kind, one.path, one.what), one)
        if len(found) == MOST_FOUND:
            break
    return list(found.values())


def type_of(value: JSON) -> str:
    """The JSON Schema type of a value; whole numbers are ``integer``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "integer" if value == int(value) else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object"


class _Finder:
    def __init__(self, root: JSON) -> None:
        self._root = root
        self._left = MOST_PLACES

    def look(self, schema: JSON, value: JSON, path: tuple[str, ...]) -> Iterator[Drift]:
        self._left -= 1
        if self._left < 0 or len(path) > MOST_NESTED:
            return
        ways = [way for way in self._ways(schema, frozenset()) if way is not None]
        if not ways:
            return
        fitting = [way for way in ways if _has_type(way, value)]
        if not fitting:
            yield Drift("other_type", pointer(*path), type_of(value), value)
            return
        choices = [
            way["enum"] if "enum" in way else [way["const"]] for way in fitting if "enum" in way or "const" in way
        ]
        if len(choices) == len(fitting) and not any(value in some for some in choices):
            if isinstance(value, str | int | Decimal | bool):
                yield Drift("new_value", pointer(*path), str(value)[:120], value)
            return
        if isinstance(value, Mapping):
            yield from self._members(fitting, value, path)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                parts = [part for way in fitting for part in _items(way, number)]
                if parts:
                    yield from self.look({"anyOf": parts}, item, (*path, "*"))

    def _members(self, ways: list[Schema], value: Mapping[str, JSON], path: tuple[str, ...]) -> Iterator[Drift]:
        known = [way for way in ways if isinstance(way.get("properties"), Mapping)]
        if len(known) < len(ways):
            return
        for key, item in value.items():
            parts = [way["properties"][key] for way in known if key in way["properties"]]
            if parts:
                yield from self.look({"anyOf": parts}, item, (*path, key))
            elif not any(_is_foreseen(way, key) for way in known):
                place = key if _LABEL.fullmatch(key) else "…"
                yield Drift("unknown_field", pointer(*path, place), type_of(item), item)

    def _ways(self, schema: JSON, seen: frozenset[str]) -> list[Schema | None]:
        """The alternatives of a schema, each with the keywords of what it refers to; None for "anything"."""
        if not isinstance(schema, Mapping):
            return [{"type": []} if schema is False else None]
        own = {key: part for key, part in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        ways: list[Schema | None] = [own]
        reference = schema.get("$ref")
        parts = list(schema.get("allOf") or ())
        if isinstance(reference, str):
            if reference in seen:
                return [None]
            parts.append(resolved_part(self._root, reference))
            seen = seen | {reference}
        for part in parts:
            ways = [_both(one, other) for one in ways for other in self._ways(part, seen)][:16]
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                others = [way for part in schema[key] for way in self._ways(part, seen)]
                ways = [_both(one, other) for one in ways for other in others][:16]
        return [None] if None in ways else ways


def _both(one: Schema | None, other: Schema | None) -> Schema | None:
    if one is None or other is None:
        return one or other
    found = {**one, **other}
    if "properties" in one and "properties" in other:
        found["properties"] = {**one["properties"], **other["properties"]}
    return found


def _has_type(way: Schema, value: JSON) -> bool:
    given = way.get("type")
    if given is None:
        return True
    kinds = [given] if isinstance(given, str) else given
    kind = type_of(value)
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _items(way: Schema, number: int) -> list[JSON]:
    first = way.get("prefixItems")
    if isinstance(first, list) and number < len(first):
        return [first[number]]
    return [way["items"]] if isinstance(way.get("items"), Mapping) else []


def _is_foreseen(way: Schema, key: str) -> bool:
    if isinstance(way.get("additionalProperties"), Mapping):
        return True
    try:
        return any(re.search(pattern, key) for pattern in way.get("patternProperties") or ())
    except re.error:
        return True
