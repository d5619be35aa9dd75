"""PostgreSQL for connectors: one checked connection per call, statements with bound parameters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps, loads
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports

Connection = psycopg.AsyncConnection[dict[str, Any]]

_BY_SQLSTATE = {
    "08": ErrorClass.TRANSIENT,
    "22": ErrorClass.CONTRACT_VIOLATION,
    "23": ErrorClass.BUSINESS_REJECTION,
    "25": ErrorClass.CONFIGURATION,
    "28": ErrorClass.AUTH,
    "40": ErrorClass.TRANSIENT,
    "42": ErrorClass.CONFIGURATION,
    "53": ErrorClass.THROTTLED,
    "55": ErrorClass.TRANSIENT,
    "57": ErrorClass.TRANSIENT,
}


@asynccontextmanager
async def transaction(io: Transports, *, read_only: bool = False, timeout_s: int = 30) -> AsyncIterator[Connection]:
    """A transaction in the connection's database; raises ActionError and nothing of the driver.

    A failure at COMMIT leaves the outcome unknown (``sent``); every earlier one has rolled back.
    """
    config = io.config
    host, port = str(config["host"]), int(config.get("port") or 5432)
    address = await io.pin(host, port, told=True)
    committing = False
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=host,
            hostaddr=address,
            port=port,
            dbname=str(config["database"]),
            user=io.secret("username"),
            password=io.secret("password"),
            sslmode=str(config.get("sslmode") or "verify-full"),
            sslrootcert="system" if config.get("sslmode") in (None, "verify-full") else None,
            connect_timeout=min(timeout_s, 10),
            application_name="ipaas",
            options=f"-c statement_timeout={timeout_s * 1000}",
            row_factory=dict_row,
        )
        async with connection:
            await connection.set_read_only(read_only)
            yield connection
            committing = True
            if not read_only:
                io.committing()
            await connection.commit()
    except psycopg.Error as error:
        raise _failure(error, sent=committing and not read_only) from error


async def query(connection: Connection, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
    """Rows of one statement with ``%s`` places, as JSON values; more than ``max_rows`` is a contract violation."""
    cursor = await connection.execute(text.encode(), [adapted(value) for value in values] or None)
    if cursor.description is None:
        return []
    rows = await cursor.fetchmany(max_rows + 1)
    if len(rows) > max_rows:
        message = f"The query gives more than {max_rows} rows; ask for fewer."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "too_many_rows", message)
    plain: list[dict[str, Any]] = loads(dumps([{name: _json(value) for name, value in row.items()} for row in rows]))
    return plain


async def write_rows(
    connection: Connection, table: str, rows: Sequence[dict[str, Any]], *, conflict: Sequence[str], update: bool
) -> int:
    """Insert rows of equal columns; how many were written.

    On a conflict over the columns ``conflict`` the rest is updated, or the row left as it is without ``update``.
    """
    columns = list(rows[0])
    if any(list(row) != columns and set(row) != set(columns) for row in rows):
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "row_shape", "The rows do not have the same columns.")
    statement = _insert(table, columns, conflict=conflict, update=update)
    written = 0
    for row in rows:
        cursor = await connection.execute(statement, [adapted(row[name]) for name in columns])
        written += cursor.rowcount
    return written


async def once(connection: Connection, effects_table: str, key: str) -> bool:
    """Note an effect key in the target database; False when it is there already.

    The note is part of the caller's transaction, so that effect and note commit together.
    """
    name = _identifier(effects_table)
    await connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (effect_key text PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now())"
        ).format(name)
    )
    cursor = await connection.execute(
        sql.SQL("INSERT INTO {} (effect_key) VALUES (%s) ON CONFLICT DO NOTHING").format(name), [key]
    )
    return cursor.rowcount == 1


def adapted(value: Any) -> Any:
    """A JSON value as a statement's parameter: objects and lists become jsonb."""
    return Jsonb(value, dumps=dumps) if isinstance(value, dict | list) else value


def _insert(table: str, columns: Sequence[str], *, conflict: Sequence[str], update: bool) -> sql.Composed:
    changed = [name for name in columns if name not in conflict] if update else []
    tail: sql.Composable = sql.SQL("")
    if conflict:
        sets = sql.SQL(", ").join(
            sql.SQL("{} = EXCLUDED.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in changed
        )
        action = sql.SQL("DO UPDATE SET {}").format(sets) if changed else sql.SQL("DO NOTHING")
        keys = sql.SQL(", ").join(sql.Identifier(name) for name in conflict)
        tail = sql.SQL(" ON CONFLICT ({}) {}").format(keys, action)
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}){}").format(
        _identifier(table),
        sql.SQL(", ").join(sql.Identifier(name) for name in columns),
        sql.SQL(", ").join(sql.Placeholder() for _ in columns),
        tail,
    )


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | dict | list) else _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _failure(error: psycopg.Error, *, sent: bool) -> ActionError:
    """Only the SQLSTATE is told: a driver's message quotes values and may hold the connection string."""
    state = error.sqlstate or ""
    found = _BY_SQLSTATE.get(state[:2], ErrorClass.TRANSIENT if not state else ErrorClass.INTERNAL)
    where = f"SQLSTATE {state}" if state else "no connection or a broken one"
    return ActionError(found, f"postgres_{state or 'connection'}", f"The database refused: {where}.", sent=sent)
