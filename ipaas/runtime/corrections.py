"""Corrected input: what somebody edited in its masked form, with the masked values put back from what is sealed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.runtime.replays import InputGone
from ipaas.runtime.showing import ShownRun

MASK = "‹redacted:"
_Stored = dict[str, dict[str, Any]]


def restored_input(shown: ShownRun, edited: Any) -> Any:
    """The edited body in clear; a mask that is left in its place stands for the value that is stored there.

    A mask counts at its own place only (in a list: at any index), because elsewhere its value would become readable.
    Raises ``InvalidInput`` for any other mask, ``InputGone`` when nothing is stored any more.
    """
    if not shown.has_input:
        raise InputGone
    stored: _Stored = defaultdict(dict)
    for where, text, value in _masked(shown.whole_input, shown.sealed_input, "", ""):
        for place in where:
            known = stored[place].setdefault(text, value)
            if known != value:
                stored[place][text] = _AMBIGUOUS
    return _restore(edited, stored, "", "")


_AMBIGUOUS = object()


def _masked(shown: Any, clear: Any, exact: str, general: str) -> Iterator[tuple[tuple[str, str], str, Any]]:
    """Each masked text with its places and what is stored there; masked and clear documents have the same shape."""
    if isinstance(shown, str):
        if MASK in shown and shown != clear:
            yield (f"={exact}", general), shown, clear
    elif isinstance(shown, Mapping) and isinstance(clear, Mapping):
        for (name, item), stored in zip(shown.items(), clear.values(), strict=True):
            yield from _masked(item, stored, f"{exact}/{name}", f"{general}/{name}")
    elif isinstance(shown, list) and isinstance(clear, list):
        for number, (item, stored) in enumerate(zip(shown, clear, strict=True)):
            yield from _masked(item, stored, f"{exact}/{number}", f"{general}/*")


def _restore(value: Any, stored: _Stored, exact: str, general: str) -> Any:
    if isinstance(value, str):
        return _restored_text(value, stored, exact, general) if MASK in value else value
    if isinstance(value, Mapping):
        for name in value:
            if MASK in name:
                raise _refused(exact, said("the name of this field is masked; write it out or take the field out"))
        return {name: _restore(item, stored, f"{exact}/{name}", f"{general}/{name}") for name, item in value.items()}
    if isinstance(value, list):
        return [_restore(item, stored, f"{exact}/{number}", f"{general}/*") for number, item in enumerate(value)]
    return value


def _restored_text(text: str, stored: _Stored, exact: str, general: str) -> Any:
    for place in (f"={exact}", general):
        found = stored.get(place, {}).get(text, _AMBIGUOUS)
        if found is not _AMBIGUOUS:
            return found
    raise _refused(
        exact, said("this masked value is not what is stored here; put it back in its place or write the value out")
    )


def _refused(exact: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": exact.lstrip("/") or "input", "code": "input.mask", "message": message}])
