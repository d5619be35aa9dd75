"""Two masked documents compared field by field. Equal values have equal masks, so that equal secrets show as equal."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.web.readmodels import DiffRow

MOST_CHARS = 200


def differences(before: Any, after: Any, path: str = "", *, root: str = "input") -> Iterator[DiffRow]:
    """Rows of what differs; ``root`` names the place when the whole documents differ."""
    if isinstance(before, list) and isinstance(after, list):
        before, after = dict(enumerate(before)), dict(enumerate(after))
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if jsonio.canonical(before) != jsonio.canonical(after):
            yield DiffRow(path or root, "changed", _line(before), _line(after))
        return
    for name in [*before, *(name for name in after if name not in before)]:
        place = f"{path}.{name}" if path else str(name)
        if name not in after:
            yield DiffRow(place, "removed", _line(before[name]))
        elif name not in before:
            yield DiffRow(place, "added", "", _line(after[name]))
        else:
            yield from differences(before[name], after[name], place, root=root)


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else jsonio.dumps(value).decode()
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"
