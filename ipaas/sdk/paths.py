"""Dotted paths into JSON values: ``errors.0.code``."""

from typing import Any, Final

MISSING: Final = object()


def read_path(value: Any, path: str) -> Any:
    """The value at ``path`` (numbers index lists), or MISSING."""
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def joined_text(value: Any, path: str) -> str | None:
    """The texts and numbers at several paths parted by ``+``, joined by ``/``; None when one of them is missing."""
    found = []
    for one in path.split("+"):
        part = read_path(value, one.strip())
        if part is MISSING or not isinstance(part, str | int):
            return None
        found.append(str(part).lower() if isinstance(part, bool) else str(part))
    return "/".join(found)


def with_path(value: dict[str, Any], path: str, leaf: Any) -> dict[str, Any]:
    """A copy of ``value`` with ``leaf`` set at ``path``; objects on the way are made, nothing else is overwritten.

    Numbers index lists, which are filled up with null.
    """
    head, _, rest = path.partition(".")
    return {**value, head: _below(value.get(head), rest, leaf)}


def _below(value: Any, path: str, leaf: Any) -> Any:
    if not path:
        return leaf
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head.isascii() and head.isdigit():
        place = int(head)
        longer = [*value, *[None] * (place + 1 - len(value))]
        longer[place] = _below(longer[place], rest, leaf)
        return longer
    return with_path(value if isinstance(value, dict) else {}, path, leaf)
