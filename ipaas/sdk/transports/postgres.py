"""PostgreSQL for connectors: one checked connection per call, statements with bound parameters."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.rows import Bound, Page, columns_of
from ipaas.sdk.transports.secured import tls_files

Connection = psycopg.AsyncConnection[dict[str, Any]]
_CHUNK = 100

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
        with tls_files(io) as files:
            connection = await psycopg.AsyncConnection.connect(
                host=host,
                hostaddr=address,
                port=port,
                dbname=str(config["database"]),
                user=io.secret("username"),
                password=io.secret("password"),
                connect_timeout=min(timeout_s, 10),
                application_name="ipaas",
                options=f"-c statement_timeout={timeout_s * 1000}",
                row_factory=dict_row,
                **_tls(io, files),
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


def _tls(io: Transports, files: Mapping[str, str]) -> dict[str, Any]:
    mode = str(io.config.get("sslmode") or "verify-full")
    given: dict[str, Any] = {"sslmode": mode}
    if mode == "verify-full":
        given["sslrootcert"] = files.get("ca", "system")
    if "cert" in files:
        given |= {"sslcert": files["cert"], "sslkey": files.get("key", files["cert"])}
        given["sslpassword"] = io.secret("tls_key_password") or None
    return given


async def query(connection: Connection, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
    """Rows of one statement with ``%s`` places, as JSON values; too many or too large is a contract violation.

    They come as they are read: a statement that gives millions costs no memory.
    """
    bound, found = Bound(max_rows), []
    cursor = connection.cursor()
    try:
        stream = cursor.stream(text.encode(), [adapted(value) for value in values] or None, size=_CHUNK)
        async with aclosing(cast("AsyncGenerator[dict[str, Any], None]", stream)) as rows:
            async for row in rows:
                found.append(bound.taken(row))  # noqa: PERF401 - it may refuse
    except psycopg.ProgrammingError as error:
        if error.sqlstate is not None:
            raise
        return []  # a statement that gives no rows at all
    return found


async def write_rows(
    connection: Connection, table: str, rows: Sequence[Mapping[str, Any]], *, conflict: Sequence[str], update: bool
) -> int:
    """Insert rows of equal columns; how many were written.

    On a conflict over the columns ``conflict`` the rest is updated, or the row left as it is without ``update``.
    """
    columns = columns_of(rows)
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


def _failure(error: psycopg.Error, *, sent: bool) -> ActionError:
    """Only the SQLSTATE is told: a driver's message quotes values and may hold the connection string."""
    state = error.sqlstate or ""
    found = _BY_SQLSTATE.get(state[:2], ErrorClass.TRANSIENT if not state else ErrorClass.INTERNAL)
    where = f"SQLSTATE {state}" if state else "no connection or a broken one"
    return ActionError(found, f"postgres_{state or 'connection'}", f"The database refused: {where}.", sent=sent)


class Postgres:
    """PostgreSQL for ``ipaas.sdk.sql``."""

    async def query(self, io: Transports, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
        async with transaction(io, read_only=True) as connection:
            return await query(connection, text, values, max_rows=max_rows)

    async def upsert(self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> int:
        async with transaction(io) as connection:
            return await write_rows(connection, table, rows, conflict=key, update=True)

    async def insert_once(
        self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], effect: tuple[str, str]
    ) -> int | None:
        async with transaction(io) as connection:
            if not await once(connection, *effect):
                return None
            return await write_rows(connection, table, rows, conflict=[], update=False)

    async def page(self, io: Transports, page: Page) -> list[dict[str, Any]]:
        order, key = sql.Identifier(page.order_by), sql.Identifier(page.key)
        where: sql.Composable = sql.SQL("")
        values = []
        if page.after is not None:
            where = sql.SQL(" WHERE {} >= %s AND ({} > %s OR {} > %s)").format(order, order, key)
            values = [page.after["order"], page.after["order"], page.after["key"]]
        statement = sql.SQL("SELECT * FROM {}{} ORDER BY {}, {} LIMIT {}").format(
            _identifier(page.table), where, order, key, sql.Literal(page.limit + 1)
        )
        async with transaction(io, read_only=True) as connection:
            bound, cursor = Bound(page.limit + 1), await connection.execute(statement, values or None)
            return [bound.taken(row) for row in await cursor.fetchall()]
