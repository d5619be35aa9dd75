"""The stubs' own book of what really arrived: JSON Lines, appended before the answer leaves."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson


def in_scope(vendor: str, scope: str) -> bool:
    """Whether a stand-in is to be seen: those of the installation by all, described ones by their owner.

    The name of a described stand-in is that of its owner, a dot, and its own.
    """
    owner, dot, _ = vendor.partition(".")
    return not dot or owner == scope


class Ledger:
    """An append-only file. A line that a crash cut off is dropped on opening, since its answer never left."""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        self.path = path
        self._fsync = fsync
        self.counts: Counter[tuple[str, str, str]] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._drop_torn_line()

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line with one system call; with ``fsync`` it is on disk when this returns."""
        data = orjson.dumps(line) + b"\n"
        if os.write(self._fd, data) != len(data):
            msg = "the ledger's disk is full"
            raise OSError(msg)
        if self._fsync:
            os.fsync(self._fd)
        self._count(line)

    def replay(self) -> Iterator[dict[str, Any]]:
        """Every line in order; also rebuilds the counts."""
        self.counts.clear()
        for line in self._lines():
            self._count(line)
            yield line

    def find(self, filters: Mapping[str, str], *, limit: int = 1000, scope: str = "") -> list[dict[str, Any]]:
        """The latest lines whose members equal the filters, oldest first; of described stand-ins those of ``scope``."""
        wanted = {name: value for name, value in filters.items() if value}
        found = [
            line
            for line in self._lines()
            if in_scope(line["vendor"], scope) and all(str(line.get(key)) == one for key, one in wanted.items())
        ]
        return found[-limit:] if limit else found

    def page(
        self, filters: Mapping[str, str], *, limit: int, before: int | None, scope: str = ""
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Matching lines, newest first, and where the next page begins; ``before`` is such a place."""
        lines = self.find(filters, limit=0, scope=scope)
        end = len(lines) if before is None else min(before, len(lines))
        start = max(end - limit, 0)
        return lines[start:end][::-1], start or None

    def clear(self, forgotten: Callable[[str], bool] = lambda vendor: True) -> None:
        """Forget the lines of those vendors (reset of the stubs)."""
        kept = [line for line in self._lines() if not forgotten(line["vendor"])]
        os.ftruncate(self._fd, 0)
        self.counts.clear()
        for line in kept:
            self.append(line)

    def close(self) -> None:
        os.close(self._fd)

    def _count(self, line: Mapping[str, Any]) -> None:
        self.counts[line["vendor"], line["action"], line["outcome"]] += 1

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            for raw in file:
                yield orjson.loads(raw)

    def _drop_torn_line(self) -> None:
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.ftruncate(self._fd, data.rfind(b"\n") + 1)
