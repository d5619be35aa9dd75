"""Rows in files: CSV, JSON Lines, XML, Excel and Parquet, read and written row by row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError

Row = dict[str, Any]
MAX_COLUMNS = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """What the formats need to know: of CSV the delimiter, encoding and whether a header names the columns; of XML
    the elements that are rows and, for writing, the root; of Excel the sheet. For ``lists`` and ``namespaces`` see
    ``xml.Shape``."""

    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    row: str = "row"
    root: str = "rows"
    sheet: str = ""
    columns: Sequence[str] = field(default_factory=tuple)
    lists: Sequence[str] = field(default_factory=tuple)
    namespaces: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Options":
        """From an action's parameters; those that are absent or null keep their usual value."""
        names = ("delimiter", "encoding", "header", "row", "root", "sheet", "columns")
        return cls(**{name: params[name] for name in names if params.get(name) is not None})


def malformed(kind: str, reason: str) -> ActionError:
    """The file is not what it should be."""
    return ActionError(ErrorClass.CONTRACT_VIOLATION, "bad_file", f"The file is not good {kind}: {reason}.")


def unwritable(kind: str, reason: str) -> ActionError:
    """The rows have no place in the format."""
    return ActionError(ErrorClass.CONTRACT_VIOLATION, "bad_rows", f"The rows cannot be written as {kind}: {reason}.")


def columns_of(rows: Sequence[Mapping[str, Any]], options: Options) -> list[str]:
    """The columns to write: those named, else all that a row has, in the order they are met."""
    return list(options.columns) or list(dict.fromkeys(name for row in rows for name in row))


def read_rows(kind: str, file: BinaryIO, options: Options) -> Iterator[Row]:
    """The rows of a file, as they are read. Raises ActionError (contract violation) for a file that is not good."""
    return (row for _, row in numbered_rows(kind, file, options))


def numbered_rows(kind: str, file: BinaryIO, options: Options) -> Iterator[tuple[int, Row]]:
    """Rows with the line that each ends at, in files of lines; else with their number."""
    rows = _formats(kind)[0](file, options)
    return rows if kind in ("csv", "jsonl") else enumerate(rows, start=1)


def write_rows(kind: str, rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    """Write rows. Raises ActionError (contract violation) for rows that the format cannot hold."""
    _formats(kind)[1](rows, file, options)


def window(rows: Iterable[Row], offset: int, limit: int) -> Iterator[Row]:
    """Up to ``limit`` rows and one more, after ``offset``."""
    for number, row in enumerate(rows):
        if number > offset + limit:
            return
        if number >= offset:
            yield row


_Format = tuple[
    Callable[[BinaryIO, Options], Iterator[Any]],
    Callable[[Sequence[Mapping[str, Any]], BinaryIO, Options], None],
]


_PLACES = {
    "csv": ("text", "read_csv", "write_csv"),
    "jsonl": ("text", "read_jsonl", "write_jsonl"),
    "xml": ("xml", "read", "write"),
    "excel": ("excel", "read", "write"),
    "parquet": ("parquet", "read", "write"),
}


def _formats(kind: str) -> _Format:
    """Each is loaded with its library when it is first needed."""
    module, read, write = _PLACES[kind]
    found = import_module(f"{__name__}.{module}")
    return getattr(found, read), getattr(found, write)
