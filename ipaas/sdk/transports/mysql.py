"""MySQL and MariaDB for connectors: one checked connection per call, statements with bound values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.cursors import DictCursor, SSDictCursor

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.rows import Dialect, Page, bounded, columns_of
from ipaas.sdk.transports.secured import tls_settings
from ipaas.sdk.transports.threads import Gate, in_thread

if TYPE_CHECKING:
    Plain = Connection[DictCursor]
else:
    Plain = Connection
T = TypeVar("T")
_DIALECT = Dialect("`", "%s")
_TIMEOUT_S = 25
_NO_TLS = 2026

_BY_ERRNO: Mapping[int, ErrorClass] = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1410, 1698, 1820, 1862, 2059, 2061), ErrorClass.AUTH),
    **dict.fromkeys((1046, 1049, 1054, 1064, 1103, 1146, 1290, 1305, 1792, 1836, 2026), ErrorClass.CONFIGURATION),
    **dict.fromkeys((1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1644, 3819, 4025), ErrorClass.BUSINESS_REJECTION),
    **dict.fromkeys((1136, 1264, 1265, 1292, 1365, 1366, 1367, 1406, 1411, 3140), ErrorClass.CONTRACT_VIOLATION),
    **dict.fromkeys((1040, 1203, 1226), ErrorClass.THROTTLED),
    **dict.fromkeys((1053, 1129, 1205, 1213, 2002, 2003, 2006, 2013, 2055), ErrorClass.TRANSIENT),
    **dict.fromkeys((1317, 1969, 3024), ErrorClass.TIMEOUT),
}


class _Checked(Plain):
    """A connection that never says a word in the clear when TLS was asked for."""

    def _request_authentication(self) -> None:
        if self.ssl and not vars(self)["server_capabilities"] & CLIENT.SSL:
            raise pymysql.err.OperationalError(_NO_TLS, "no TLS")
        super()._request_authentication()  # type: ignore[misc]


class MySql:
    """MySQL and MariaDB for ``ipaas.sdk.sql``."""

    async def query(self, io: Transports, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
        def read(connection: Plain, gate: Gate) -> list[dict[str, Any]]:
            connection.query("SET SESSION TRANSACTION READ ONLY")  # the session's: some statements end a transaction
            connection.query("START TRANSACTION READ ONLY")
            cursor = connection.cursor(SSDictCursor)
            cursor.execute(text, [adapted(value) for value in values] or None)
            try:
                return bounded(iter(cursor.fetchone, None), max_rows) if cursor.description else []
            finally:
                _leave_unread(cursor)

        return await _within(io, read)

    async def upsert(self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> int:
        columns = columns_of(rows)
        changed = [name for name in columns if name not in key] or columns[:1]
        sets = ", ".join(f"{_DIALECT.name(name)} = VALUES({_DIALECT.name(name)})" for name in changed)
        statement = _DIALECT.insert(table, columns, f" ON DUPLICATE KEY UPDATE {sets}")

        def write(connection: Plain, gate: Gate) -> int:
            with _transaction(connection, gate) as cursor:
                for row in rows:
                    cursor.execute(statement, [adapted(row[name]) for name in columns])
            return len(rows)

        return await _within(io, write)

    async def insert_once(
        self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], effect: tuple[str, str]
    ) -> int | None:
        columns = columns_of(rows)
        statement, notes = _DIALECT.insert(table, columns), _DIALECT.name(effect[0])
        note = _DIALECT.insert(effect[0], ["effect_key"], verb="INSERT IGNORE")

        def write(connection: Plain, gate: Gate) -> int | None:
            with connection.cursor() as cursor:  # ends a transaction by itself, hence before the real one
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {notes} (effect_key varbinary(200) PRIMARY KEY,"
                    " created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB"
                )
            with _transaction(connection, gate) as cursor:
                if not cursor.execute(note, [effect[1]]):
                    return None
                for row in rows:
                    cursor.execute(statement, [adapted(row[name]) for name in columns])
            return len(rows)

        return await _within(io, write)

    async def page(self, io: Transports, page: Page) -> list[dict[str, Any]]:
        text, values = _DIALECT.page(page)
        return await self.query(io, text, values, max_rows=page.limit + 1)


def adapted(value: Any) -> Any:
    """A JSON value as a statement's parameter: objects and lists become JSON text."""
    return dumps(value).decode() if isinstance(value, dict | list) else value


@contextmanager
def _transaction(connection: Plain, gate: Gate) -> Iterator[DictCursor]:
    connection.begin()
    with connection.cursor() as cursor:
        yield cursor
    gate.commit()
    connection.commit()


def _leave_unread(cursor: SSDictCursor) -> None:
    """The driver would read whatever is left of an answer before it lets go; the connection ends instead."""
    result = vars(cursor)["_result"]
    if result is not None:
        result.unbuffered_active = False


async def _within(io: Transports, work: Callable[[Plain, Gate], T]) -> T:
    """Work on one connection, in a thread. What fails before COMMIT has rolled back with the connection."""
    config = io.config
    host, port = str(config["host"]), int(config.get("port") or 3306)
    secured = tls_settings(io, str(config.get("tls") or "verify-full"))
    sock = await io.dial(host, port, told=True)
    gate = _Noted(io, sock)

    def run() -> T:
        connection = _Checked(
            host=host,
            port=port,
            user=io.secret("username"),
            password=io.secret("password") or "",
            database=str(config["database"]),
            charset="utf8mb4",
            ssl=secured,
            ssl_disabled=secured is None,
            connect_timeout=10,
            read_timeout=_TIMEOUT_S,
            write_timeout=_TIMEOUT_S,
            cursorclass=DictCursor,
            program_name="ipaas",
            defer_connect=True,
        )
        try:
            connection.connect(sock)
            return work(connection, gate)
        finally:
            connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - no farewell
            sock.close()

    try:
        return await in_thread(gate, run)
    except (pymysql.MySQLError, OSError) as error:
        raise _failure(error, sent=gate.committed) from error


class _Noted(Gate):
    committed = False

    def commit(self) -> None:
        super().commit()
        self.committed = True


def _failure(error: pymysql.MySQLError | OSError, *, sent: bool) -> ActionError:
    """Only the number is told: a server's message quotes values."""
    number = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return ActionError(ErrorClass.TIMEOUT, "mysql_timeout", "The database did not answer in time.", sent=sent)
    if not isinstance(number, int) or not number:
        message = "The database refused: no connection or a broken one."
        return ActionError(ErrorClass.TRANSIENT, "mysql_connection", message, sent=sent)
    told = "it offers no TLS or its certificate is not accepted" if number == _NO_TLS else f"error {number}"
    found = _BY_ERRNO.get(number, ErrorClass.INTERNAL)
    return ActionError(found, f"mysql_{number}", f"The database refused: {told}.", sent=sent)
