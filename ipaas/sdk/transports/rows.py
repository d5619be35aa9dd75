"""What databases share: rows as JSON, bounded; statements with quoted names and bound values; pages of a poll."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps, loads
from ipaas.sdk.errors import ActionError

MAX_RESULT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """Where a poll reads: rows of ``table`` in the order of two columns, ``key`` being unique.

    ``after`` is the last row read: its values of both columns, or None at the start.
    """

    table: str
    order_by: str
    key: str
    limit: int
    after: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Page":
        if not params.get("table") or not params.get("key"):
            message = "The connection does not say which table to poll; fill in its table and key for polling."
            raise ActionError(ErrorClass.CONFIGURATION, "no_poll_table", message)
        after = params.get("after")
        order_by = params.get("order_by") or params["key"]
        if after is not None and after.keys() != {"order", "key"}:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "poll_cursor", "The cursor is not one of this poll.")
        return cls(params["table"], order_by, params["key"], params["limit"], after)

    def found(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The page as the poll's data; its rows were asked for with one more than ``limit``."""
        kept = rows[: self.limit]
        for name in (self.order_by, self.key):
            if kept and name not in kept[0]:
                message = f"The table has no column {name}, written exactly so."
                raise ActionError(ErrorClass.CONFIGURATION, "poll_column", message)
        items = [{"key": f"{row[self.order_by]}/{row[self.key]}", "row": row} for row in kept]
        last = {"order": kept[-1][self.order_by], "key": kept[-1][self.key]} if kept else self.after
        return {"items": items, "next": last, "more": len(rows) > self.limit}


def bounded(rows: Iterable[Mapping[str, Any]], max_rows: int) -> list[dict[str, Any]]:
    """Rows as JSON values, read one by one; more than ``max_rows`` or MAX_RESULT_BYTES is a contract violation."""
    bound = Bound(max_rows)
    return [bound.taken(row) for row in rows]


class Bound:
    """Takes rows up to a number and a size."""

    def __init__(self, max_rows: int) -> None:
        self._rows_left = self._max_rows = max_rows
        self._bytes_left = MAX_RESULT_BYTES

    def taken(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as a JSON value. Raises ActionError for one too many."""
        self._rows_left -= 1
        if self._rows_left < 0:
            message = f"The query gives more than {self._max_rows} rows; ask for fewer."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "too_many_rows", message)
        text = dumps({name: plain(value) for name, value in row.items()})
        self._bytes_left -= len(text)
        if self._bytes_left < 0:
            message = f"The rows are larger than {MAX_RESULT_BYTES // 1024 // 1024} MB together; ask for fewer."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "result_too_large", message)
        value: dict[str, Any] = loads(text)
        return value


def plain(value: Any) -> Any:
    """A column's value as JSON: bytes in Base64, dates and times in ISO 8601, what else there is as text."""
    if value is None or isinstance(value, str | int | float | dict | list | Decimal):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(bytes(value)).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that all the rows have. Raises ActionError when they differ."""
    columns = list(rows[0])
    if any(set(row) != set(columns) for row in rows):
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "row_shape", "The rows do not have the same columns.")
    return columns


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database that speaks DB-API writes names and places."""

    quote: str
    place: str

    def name(self, text: str) -> str:
        """A quoted name; dots separate a schema from its table."""
        if self.quote in text or "\0" in text:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "bad_name", "A table or column has an impossible name.")
        return ".".join(f"{self.quote}{part}{self.quote}" for part in text.split("."))

    def insert(self, table: str, columns: Sequence[str], tail: str = "", *, verb: str = "INSERT") -> str:
        names = ", ".join(self.name(column) for column in columns)
        places = ", ".join([self.place] * len(columns))
        return f"{verb} INTO {self.name(table)} ({names}) VALUES ({places}){tail}"

    def page(self, page: Page) -> tuple[str, list[Any]]:
        """One row more than the page holds, so that it is known whether there are others."""
        order, key, place = self.name(page.order_by), self.name(page.key), self.place
        where, values = "", []
        if page.after is not None:
            where = f" WHERE {order} >= {place} AND ({order} > {place} OR {key} > {place})"
            values = [page.after["order"], page.after["order"], page.after["key"]]
        text = f"SELECT * FROM {self.name(page.table)}{where} ORDER BY {order}, {key} LIMIT {page.limit + 1:d}"  # noqa: S608
        return text, values
