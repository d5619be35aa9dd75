"""Members of a schema as rows for people, of lists and of schemas made of others too."""

from collections.abc import Mapping
from typing import Any

MOST_CHOICES = 12
MAX_DEPTH = 2
MAX_PARTS = 4
"""Levels of allOf, anyOf and oneOf inside one another."""
MOST_PARTS = 500


def described(schema: Any, most: int = 60) -> list[dict[str, Any]]:
    """Members in their order: name, kind, whether needed, text; members of objects two levels down.

    Those of a list's elements are named ``[].member``; a plain value is one row without a name.
    """
    if not isinstance(schema, Mapping) or not schema:
        return []
    reader = _Reader(schema.get("definitions", {}), most)
    whole = reader.opened(schema)
    reader.add(reader.inside(whole), "[]." if whole.get("type") == "array" else "", 0)
    if not reader.rows and "type" in whole and whole["type"] not in ("object", "array"):
        reader.rows.append(reader.row("", whole, needed=True))
    return reader.rows


class _Reader:
    def __init__(self, definitions: Mapping[str, Any], most: int) -> None:
        self.rows: list[dict[str, Any]] = []
        self._definitions, self._most, self._parts = definitions, most, 0

    def opened(self, one: Any) -> Mapping[str, Any]:
        for _round in range(8):
            reference = one.get("$ref") if isinstance(one, Mapping) else None
            if not isinstance(reference, str):
                break
            one = self._definitions.get(reference.removeprefix("#/definitions/"))
        return one if isinstance(one, Mapping) else {}

    def inside(self, one: Mapping[str, Any]) -> Mapping[str, Any]:
        """The element of a list, anything else itself."""
        return self.opened(one.get("items", {})) if one.get("type") == "array" else one

    def add(self, whole: Mapping[str, Any], path: str, depth: int) -> None:
        members, needed = self._members(whole)
        for name, given in members.items():
            if len(self.rows) >= self._most:
                return
            one = self.opened(given)
            self.rows.append(self.row(f"{path}{name}", one, needed=name in needed))
            inner = self.inside(one)
            if depth < MAX_DEPTH:
                self.add(inner, f"{path}{name}[]." if inner is not one else f"{path}{name}.", depth + 1)

    def row(self, place: str, one: Mapping[str, Any], *, needed: bool) -> dict[str, Any]:
        kind = one.get("type", "any")
        return {
            "name": place,
            "kind": kind if isinstance(kind, str) else " / ".join(kind),
            "required": needed,
            "text": str(one.get("description") or one.get("title") or "")[:300],
            "choices": [str(value) for value in one.get("enum", ())][:MOST_CHOICES],
        }

    def _members(self, whole: Mapping[str, Any], level: int = 0) -> tuple[dict[str, Any], set[str]]:
        """Members and the needed ones; of several possible forms those of all, none of them needed."""
        members: dict[str, Any] = {}
        needed = set(whole.get("required", ()))
        for key in ("allOf", "anyOf", "oneOf") if level < MAX_PARTS else ():
            for part in whole.get(key, ()):
                self._parts += 1
                if self._parts > MOST_PARTS:
                    break
                found, asked = self._members(self.opened(part), level + 1)
                members |= found
                needed |= asked if key == "allOf" else set()
        return members | dict(whole.get("properties", {})), needed
