"""Two contents of a document side by side: as lines of their YAML, and as single changes with their places."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ipaas.core import jsonio
from ipaas.flows.yaml_form import to_yaml


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; ``path`` is a JSON pointer in which blocks go by their ids."""

    op: Literal["added", "removed", "changed"]
    path: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``text`` is a unified diff, empty when the contents are equal."""

    text: str
    changes: tuple[Change, ...]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str]) -> Comparison:
    """What turns one content into the other; ``names`` head the two sides of the text."""
    lines = difflib.unified_diff(
        to_yaml(before).splitlines(keepends=True), to_yaml(after).splitlines(keepends=True), *names
    )
    return Comparison("".join(lines), tuple(_changes(before, after, "")))


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if jsonio.canonical(before) == jsonio.canonical(after):
        return
    if isinstance(before, list) and isinstance(after, list):
        before, after = _keyed(before), _keyed(after)
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield Change("changed", path, before, after)
        return
    for key in [*before, *(key for key in after if key not in before)]:
        place = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            yield Change("removed", place, before=before[key])
        elif key not in before:
            yield Change("added", place, after=after[key])
        else:
            yield from _changes(before[key], after[key], place)
    if [key for key in before if key in after] != [key for key in after if key in before] and _ordered(before):
        yield Change("changed", path, list(before), list(after))


def _keyed(items: list[Any]) -> dict[str, Any]:
    """A list by the ids of its members, by position where they have none (or share one)."""
    ids = [item.get("id") if isinstance(item, Mapping) else None for item in items]
    if items and all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids):
        return _Ordered((str(one), item) for one, item in zip(ids, items, strict=True))
    return {str(number): item for number, item in enumerate(items)}


class _Ordered(dict[str, Any]):
    """A list by ids: its order is part of what it says."""


def _ordered(value: Any) -> bool:
    return isinstance(value, _Ordered)
