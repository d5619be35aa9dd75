"""Which places of the data an expression really reads: data that notes how it is looked at.

Objects and lists are wrapped once, each with its place (``source.lines[0]``); looking a key up notes the place of what
is found. Where a place and something inside it are both read, only the inner one is told.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from ipaas.expressions.limits import Budget
from ipaas.expressions.operators import kind_of

MAX_READS: Final = 200
MAX_WRAPPED: Final = 200_000
MAX_LEVELS: Final = 64
_MISSING: Final = object()


class Recorder:
    """The places read since ``begin``, in their order, with the kind of what was found there."""

    __slots__ = ("_read", "_whole", "wrapped")

    def __init__(self) -> None:
        self._read: dict[str, Any] = {}
        self._whole: set[str] = set()
        self.wrapped = 0

    def begin(self) -> None:
        self._read, self._whole = {}, set()

    def note(self, place: str, value: Any) -> None:
        if len(self._read) < 10 * MAX_READS:
            self._read.setdefault(place, value)

    def note_whole(self, place: str) -> None:
        if place in self._read:
            self._whole.add(place)

    def note_missing(self, place: str) -> None:
        self._read.setdefault(place, _MISSING)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(islice(self._inner(), MAX_READS))

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Every place that was read, with the word for the kind of its value."""
        for place in self._inner():
            value = self._read[place]
            yield place, "missing" if value is _MISSING else kind_of(value)

    def _inner(self) -> Iterator[str]:
        outer: set[str] = set()
        for place in self._read:
            head = _holder(place)
            while head and head not in outer:
                outer.add(head)
                head = _holder(head)
        outer -= self._whole
        return (place for place in self._read if place not in outer)


def _holder(place: str) -> str:
    return place[: max(place.rfind("."), place.rfind("["), 0)]


class TracedObject(dict[str, Any]):
    """An object that notes which keys are looked up."""

    __slots__ = ("place", "plain", "recorder")
    place: str
    plain: dict[str, Any]
    recorder: Recorder

    def __getitem__(self, key: str) -> Any:
        value = dict.__getitem__(self, key)
        self.recorder.note(f"{self.place}.{key}", value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 - the look-up notes the place

    def values(self) -> Any:
        self.recorder.note_whole(self.place)
        return dict.values(self)

    def items(self) -> Any:
        self.recorder.note_whole(self.place)
        return dict.items(self)


class TracedList(list[Any]):
    """A list that notes which elements are looked up."""

    __slots__ = ("place", "plain", "recorder")
    place: str
    plain: list[Any] | tuple[Any, ...]
    recorder: Recorder

    def __getitem__(self, index: Any) -> Any:
        value = list.__getitem__(self, index)
        if not isinstance(index, slice):
            self.recorder.note(f"{self.place}[{index if index >= 0 else len(self) + index}]", value)
        return value


class TracedScope(dict[str, Any]):
    """The names of an expression; ``places`` says where those come from that are elements of lists."""

    __slots__ = ("places", "recorder")

    def __init__(self, names: Mapping[str, Any], recorder: Recorder, places: Mapping[str, str | None]) -> None:
        super().__init__(names)
        self.recorder = recorder
        self.places = places

    def __getitem__(self, name: str) -> Any:
        value = dict.__getitem__(self, name)
        place = place_of(value) or self.places.get(name, name)
        if place:
            self.recorder.note(place, value)
        return value

    def with_element(self, name: str, value: Any, index: int, place: str | None) -> "TracedScope":
        """The names inside of a list, at one element of it."""
        names = {**self, name: value, "loop": {"index": index}}
        return TracedScope(names, self.recorder, {**self.places, name: place, "loop": None})

    def placed(self, path: str) -> str:
        """A path as an expression writes it, from the root of the data on."""
        name = path.partition(".")[0].partition("[")[0]
        if name not in self:
            return path
        root = place_of(dict.__getitem__(self, name)) or self.places.get(name, name) or name
        return root + path[len(name) :]


def place_of(value: Any) -> str:
    """Where a wrapped value stands, empty for any other."""
    return value.place if isinstance(value, TracedObject | TracedList) else ""


def plain_of(value: Any) -> Any:
    """What was wrapped."""
    return value.plain if isinstance(value, TracedObject | TracedList) else value


def traced(value: Any, place: str, recorder: Recorder, depth: int = 0) -> Any:
    """The value wrapped; beyond ``MAX_WRAPPED`` parts and ``MAX_LEVELS`` levels the rest stays as it is."""
    if recorder.wrapped >= MAX_WRAPPED or depth > MAX_LEVELS:
        return value
    wrapped: TracedObject | TracedList
    if isinstance(value, dict):
        recorder.wrapped += 1
        wrapped = TracedObject(
            {key: traced(part, f"{place}.{key}", recorder, depth + 1) for key, part in value.items()}
        )
    elif isinstance(value, list | tuple):
        recorder.wrapped += 1
        parts = (traced(part, f"{place}[{number}]", recorder, depth + 1) for number, part in enumerate(value))
        wrapped = TracedList(parts)
    else:
        return value
    wrapped.place, wrapped.plain, wrapped.recorder = place, value, recorder
    return wrapped


def untraced(budget: Budget, value: Any) -> Any:
    """A result without wrapped parts; a wrapped part in it was read as a whole."""
    if isinstance(value, TracedObject | TracedList):
        value.recorder.note_whole(value.place)
        return value.plain
    if isinstance(value, dict):
        budget.spend(2 * len(value) + 1)
        return {key: untraced(budget, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        budget.spend(len(value) + 1)
        return [untraced(budget, part) for part in value]
    return value
