"""PostgreSQL: rows in, rows out."""

from typing import Any

from ipaas.sdk.basics import ErrorClass
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import postgres


async def query(call: HandlerCall) -> Result:
    """Rows of a statement that may not write."""
    params = call.params
    async with postgres.transaction(call.io, read_only=True) as connection:
        rows = await postgres.query(connection, params["sql"], params["values"] or [], max_rows=params["max_rows"])
    return _result("query", {"sql": params["sql"]}, {"rows": rows, "count": len(rows)})


async def upsert_rows(call: HandlerCall) -> Result:
    """Rows by their natural key."""
    params = call.params
    async with postgres.transaction(call.io) as connection:
        written = await postgres.write_rows(
            connection, params["table"], params["rows"], conflict=params["key"], update=True
        )
    return _result("upsert_rows", dict(params), {"written": written, "repeated": False})


async def insert_rows(call: HandlerCall) -> Result:
    """Rows with the effect key beside them."""
    params, key = call.params, call.io.effect_key
    if not key:
        raise ActionError(ErrorClass.INTERNAL, "no_effect_key", "An insert needs an effect key.")
    table = str(call.io.config.get("effects_table") or "ipaas_effects")
    async with postgres.transaction(call.io) as connection:
        if not await postgres.once(connection, table, key):
            return _result("insert_rows", dict(params), {"written": 0, "repeated": True})
        written = await postgres.write_rows(connection, params["table"], params["rows"], conflict=[], update=False)
    return _result("insert_rows", dict(params), {"written": written, "repeated": False})


def _result(action: str, shown: dict[str, Any], data: dict[str, Any]) -> Result:
    return Result(data, None, {}, RequestView("SQL", action, body=shown), ResponseView(None, {}, data))


HANDLERS = {"query": query, "upsert_rows": upsert_rows, "insert_rows": insert_rows}
