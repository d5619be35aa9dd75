"""What an import has to say: a line for each thing that was left out, or taken in one of several ways."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class ImportFinding:
    """``path`` is a JSON pointer into the source; ``level`` is ``dropped`` (it is not there) or ``note``."""

    path: str
    code: str
    message: str
    level: str = "note"


class Findings:
    """Gathers findings; the same one at the same place counts once."""

    def __init__(self) -> None:
        self._found: dict[ImportFinding, None] = {}

    def dropped(self, path: str, code: str, message: str) -> None:
        self._found[ImportFinding(path, code, message, "dropped")] = None

    def note(self, path: str, code: str, message: str) -> None:
        self._found[ImportFinding(path, code, message, "note")] = None

    def __iter__(self) -> Iterator[ImportFinding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def below(path: str, *parts: str | int) -> str:
    """A JSON pointer (RFC 6901) with further parts."""
    return path + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def listed(value: object) -> list[Any]:
    """A list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []
