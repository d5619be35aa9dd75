"""The types of the platform's own events: name, meaning, form and example of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EventType:
    """One type. ``fields`` are the members of its data, each with what it means; ``example`` has all of them."""

    name: str
    title: str
    doc: str
    fields: Mapping[str, str]
    example: Mapping[str, Any]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the event's data."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
            "type": "object",
            "required": sorted(self.fields),
            "properties": {
                name: {"type": _kind_of(self.example[name]), "description": doc} for name, doc in self.fields.items()
            },
        }


def _kind_of(value: Any) -> str:
    return "integer" if isinstance(value, int) else "string"


_types: dict[str, EventType] = {}


def register_event_types(types: Iterable[EventType]) -> None:
    """Make types known; an app does this once at start-up."""
    for one in types:
        if one.fields.keys() != one.example.keys():
            message = f"the example of {one.name} has other members than its fields"
            raise LookupError(message)
        _types[one.name] = one


def event_types() -> dict[str, EventType]:
    """Every type by name."""
    return dict(sorted(_types.items()))


def event_type(name: str) -> EventType:
    """The type of a name; guards against a misspelt one, which nobody would ever hear of."""
    if name not in _types:
        message = f"unknown event type {name!r}"
        raise LookupError(message)
    return _types[name]
