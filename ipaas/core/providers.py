"""Functions that a higher package lends to a lower one, so that no import points upwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_providers: dict[str, Callable[..., Any]] = {}


def register(name: str, function: Callable[..., Any]) -> None:
    """Lend a function under a name (``app.what_it_gives``); a second, different one is a mistake."""
    if _providers.setdefault(name, function) is not function:
        message = f"provider {name!r} is already registered"
        raise LookupError(message)


def get(name: str) -> Callable[..., Any]:
    """The function registered under a name; ``LookupError`` when none is."""
    try:
        return _providers[name]
    except KeyError:
        message = f"no provider {name!r} is registered"
        raise LookupError(message) from None


@contextmanager
def replaced(name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Lend another function for the length of a block."""
    before = _providers.get(name)
    _providers[name] = function
    try:
        yield
    finally:
        if before is None:
            del _providers[name]
        else:
            _providers[name] = before
