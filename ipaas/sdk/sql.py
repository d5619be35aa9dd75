"""The operations of every database connector: a query, rows written by key or once, rows that are new."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ipaas.core.errors import ErrorClass
from ipaas.sdk.connector import Handler, HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.rows import Page

Row = Mapping[str, Any]


class Database(Protocol):
    """One kind of database. Raises ActionError and nothing of its driver."""

    async def query(self, io: Transports, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
        """Rows of one statement that may not write."""

    async def upsert(self, io: Transports, table: str, rows: Sequence[Row], key: Sequence[str]) -> int:
        """Write rows by their key columns in one transaction; how many were written."""

    async def insert_once(self, io: Transports, table: str, rows: Sequence[Row], effect: tuple[str, str]) -> int | None:
        """Write rows in one transaction with a note of the effect, (table of notes, key); None when it is noted."""

    async def page(self, io: Transports, page: Page) -> list[dict[str, Any]]:
        """Up to ``page.limit`` rows after ``page.after`` and one more."""


def handlers(database: Database) -> dict[str, Handler]:
    """The HANDLERS of a database's connector.py."""

    async def query(call: HandlerCall) -> Result:
        params = call.params
        rows = await database.query(call.io, params["sql"], params["values"] or [], max_rows=params["max_rows"])
        return _result("query", {"sql": params["sql"]}, {"rows": rows, "count": len(rows)})

    async def upsert_rows(call: HandlerCall) -> Result:
        params = call.params
        written = await database.upsert(call.io, params["table"], params["rows"], params["key"])
        return _result("upsert_rows", params, {"written": written, "repeated": False})

    async def insert_rows(call: HandlerCall) -> Result:
        params, key = call.params, call.io.effect_key
        if not key:
            raise ActionError(ErrorClass.INTERNAL, "no_effect_key", "An insert needs an effect key.")
        notes = str(call.io.config.get("effects_table") or "ipaas_effects")
        written = await database.insert_once(call.io, params["table"], params["rows"], (notes, key))
        return _result("insert_rows", params, {"written": written or 0, "repeated": written is None})

    async def poll_rows(call: HandlerCall) -> Result:
        page = Page.of(call.params)
        return _result("poll_rows", call.params, page.found(await database.page(call.io, page)))

    return {"query": query, "upsert_rows": upsert_rows, "insert_rows": insert_rows, "poll_rows": poll_rows}


def _result(action: str, shown: Mapping[str, Any], data: dict[str, Any]) -> Result:
    return Result(data, None, {}, RequestView("SQL", action, body=dict(shown)), ResponseView(None, {}, data))
