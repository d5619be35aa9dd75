"""What a test expects against what came out, place by place, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ipaas.core import jsonio
from ipaas.core.document_forms import exact, pointer
from ipaas.core.phrases import said

MOST_DIFFERENCES = 50
MOST_OF_A_VALUE = 120

JSON = Any
Code = Literal["missing", "unexpected", "changed", "type", "beyond_tolerance"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place (a JSON pointer, "" the whole) where the output is not what was expected."""

    path: str
    code: Code
    message: str

    def as_json(self) -> dict[str, str]:
        return {"path": self.path, "code": self.code, "message": self.message}


def differences(
    expected: JSON, actual: JSON, *, tolerance: Mapping[str, Any] | None = None, ignore: Sequence[str] = ()
) -> list[Difference]:
    """All differences in the order of the places, at most ``MOST_DIFFERENCES``; [] when nothing differs.

    Numbers are compared by value. ``tolerance`` gives by pointer how far a number may be off, ``ignore`` the places
    that do not count, with all below them; a part ``*`` of a pointer stands for any key or number.
    """
    given = {tuple(_parts(path)): Decimal(str(off)) for path, off in (tolerance or {}).items()}
    comparing = _Comparing(given, [tuple(_parts(path)) for path in ignore])
    found: list[Difference] = []
    for one in comparing.compare(exact(expected), exact(actual), ()):
        found.append(one)
        if len(found) == MOST_DIFFERENCES:
            break
    return found


def shown(value: JSON) -> str:
    """A value in one short line."""
    text = jsonio.dumps(value).decode()
    return text if len(text) <= MOST_OF_A_VALUE else f"{text[: MOST_OF_A_VALUE - 1]}…"


def kind_in_words(value: JSON) -> str:
    if isinstance(value, str):
        return said("a text")
    if isinstance(value, bool):
        return said("a truth value")
    if isinstance(value, int | float | Decimal):
        return said("a number")
    if isinstance(value, list | tuple):
        return said("a list")
    return said("nothing") if value is None else said("an object")


Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Comparing:
    tolerance: Mapping[Path, Decimal]
    ignore: Sequence[Path]

    def compare(self, expected: JSON, actual: JSON, path: Path) -> Iterator[Difference]:
        if any(_meant(one, path) for one in self.ignore):
            return
        if isinstance(expected, Mapping) and isinstance(actual, Mapping):
            yield from self._members(expected, actual, path)
        elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
            yield from self._members(_numbered(expected), _numbered(actual), path)
        elif _is_number(expected) and _is_number(actual):
            yield from self._numbers(Decimal(expected), Decimal(actual), path)
        elif type(expected) is not type(actual) and kind_in_words(expected) != kind_in_words(actual):
            words = said(
                "expected {kind}, {expected}, and got {other}, {actual}",
                kind=kind_in_words(expected),
                expected=shown(expected),
                other=kind_in_words(actual),
                actual=shown(actual),
            )
            yield Difference(pointer(*path), "type", words)
        elif expected != actual:
            words = said("expected {expected}, got {actual}", expected=shown(expected), actual=shown(actual))
            yield Difference(pointer(*path), "changed", words)

    def _members(self, expected: Mapping[str, JSON], actual: Mapping[str, JSON], path: Path) -> Iterator[Difference]:
        for key, value in expected.items():
            place = (*path, key)
            if key in actual:
                yield from self.compare(value, actual[key], place)
            elif not any(_meant(one, place) for one in self.ignore):
                yield Difference(pointer(*place), "missing", said("is missing; expected {value}", value=shown(value)))
        for key, value in actual.items():
            place = (*path, key)
            if key not in expected and not any(_meant(one, place) for one in self.ignore):
                yield Difference(pointer(*place), "unexpected", said("was not expected: {value}", value=shown(value)))

    def _numbers(self, expected: Decimal, actual: Decimal, path: Path) -> Iterator[Difference]:
        off = abs(expected - actual)
        allowed = next((off for one, off in self.tolerance.items() if _meant(one, path)), None)
        if off == 0 or (allowed is not None and off <= allowed):
            return
        values = {"expected": shown(expected), "actual": shown(actual)}
        if allowed is None:
            yield Difference(pointer(*path), "changed", said("expected {expected}, got {actual}", **values))
        else:
            words = said(
                "expected {expected}, got {actual}: off by {off}, {allowed} is allowed",
                **values,
                off=shown(off),
                allowed=shown(allowed),
            )
            yield Difference(pointer(*path), "beyond_tolerance", words)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _numbered(items: Sequence[JSON]) -> dict[str, JSON]:
    return {str(number): item for number, item in enumerate(items)}


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _meant(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(one in ("*", part) for one, part in zip(pattern, path, strict=True))
