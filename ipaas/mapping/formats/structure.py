"""Groups in a row of lines or segments: which follow which, and what belongs together.

A structure is a list of items. An item is the name of a line or segment (``LIN``), the same with more to say
(``{segment: DTM, as: dates, many: true, required: true}``), or a group, which begins with its first item
(``{group: lines, many: true, of: [LIN, {segment: QTY, as: quantities, many: true}]}``). Where ``many`` is said there is
always a list, whether it holds none, one or several.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipaas.mapping.formats.errors import failed

MAX_PARTS = 200_000
"""Lines or segments in one record, which stands in memory as a whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line or segment as it was read: its number in the input, its name, its values."""

    number: int
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a structure; ``of`` is empty for a single line or segment."""

    name: str
    key: str
    many: bool
    required: bool
    of: tuple["Item", ...]

    @property
    def first(self) -> str:
        return self.of[0].first if self.of else self.name


def items_of(structure: Sequence[Any]) -> tuple[Item, ...]:
    """The items that a valid structure describes."""
    return tuple(map(_item, structure))


def _item(told: Any) -> Item:
    if isinstance(told, str):
        return Item(told, told, False, False, ())
    name = told["segment"] if "segment" in told else told["group"]
    of = items_of(told["of"]) if "group" in told else ()
    return Item(name, told.get("as", name), told.get("many", False), told.get("required", False), of)


def names_in(items: Sequence[Item]) -> set[str]:
    """The lines or segments that have a place."""
    return {name for item in items for name in (names_in(item.of) if item.of else {item.name})}


class Cursor:
    """The parts with one of them looked at in advance; ``unit`` is what messages call a part."""

    def __init__(self, parts: Iterator[Part], unit: str) -> None:
        self._parts, self.unit = parts, unit
        self._taken = 0
        self.ahead = next(parts, None)

    def take(self) -> Part:
        part, self.ahead = self.ahead, next(self._parts, None)
        if part is None:  # nobody takes without looking
            raise AssertionError
        self._taken += 1
        if self._taken > MAX_PARTS:
            raise failed(f"a record has more than {MAX_PARTS} {self.unit}s", line=part.number, unit=self.unit)
        return part

    def begin_record(self) -> None:
        self._taken = 0

    def at(self, name: str) -> bool:
        return self.ahead is not None and self.ahead.name == name


def whole(items: Sequence[Item], cursor: Cursor) -> dict[str, Any]:
    """The one object of an input. Raises FormatFailed for a part that has no place."""
    found = _object(items, cursor)
    _refuse_rest(cursor)
    return found


def each(items: Sequence[Item], records: str, cursor: Cursor) -> Iterator[tuple[int, dict[str, Any]]]:
    """The instances of one group of the top, with the number of their first part; the rest is read over."""
    for item in items:
        if item.key != records or not item.of:
            _values(item, cursor)
            continue
        while cursor.at(item.first):
            cursor.begin_record()
            number = cursor.ahead.number if cursor.ahead else 0
            yield number, _object(item.of, cursor)
        cursor.begin_record()
    _refuse_rest(cursor)


def _refuse_rest(cursor: Cursor) -> None:
    if cursor.ahead is not None:
        unit = cursor.unit
        raise failed(f"{cursor.ahead.name} has no place here", line=cursor.ahead.number, unit=unit)


def _object(items: Sequence[Item], cursor: Cursor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        values = _values(item, cursor)
        if item.required and not values:
            here = cursor.ahead.number if cursor.ahead else None
            raise failed(
                f"{item.key} is missing before it" if here else f"{item.key} is missing", line=here, unit=cursor.unit
            )
        if item.many:
            found.setdefault(item.key, []).extend(values)
        elif values:
            found[item.key] = values[0]
    return found


def _values(item: Item, cursor: Cursor) -> list[Any]:
    values: list[Any] = []
    while cursor.at(item.first) and (item.many or not values):
        values.append(_object(item.of, cursor) if item.of else cursor.take().value)
    return values


def flattened(items: Sequence[Item], value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values of the lines or segments that an object is written as. Raises FormatFailed."""
    if not isinstance(value, Mapping):
        raise failed(f"{place or 'the target'} is no object")
    unknown = set(value) - {item.key for item in items}
    if unknown:
        raise failed(f"{place}{'.' if place else ''}{min(unknown)} has no place in the structure")
    for item in items:
        here = f"{place}.{item.key}" if place else item.key
        found = value.get(item.key)
        if item.many and found is not None and not isinstance(found, list):
            raise failed(f"{here} is a list by its description, this is none")
        values = found if item.many and found is not None else [] if found is None else [found]
        if item.required and not values:
            raise failed(f"{here} is missing")
        for one in values:
            if item.of:
                yield from flattened(item.of, one, here)
            else:
                yield item.name, one
