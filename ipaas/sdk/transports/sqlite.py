"""SQLite for connectors: a file below the workspace's folder, statements with bound values."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.folders import place_below
from ipaas.sdk.transports.rows import Dialect, Page, bounded, columns_of
from ipaas.sdk.transports.threads import Gate, in_thread

T = TypeVar("T")
_DIALECT = Dialect('"', "?")
_TIMEOUT_S = 25.0
_BUSY_S = 5.0
_INSTRUCTIONS = 10_000
_EXACT_DIGITS = 15
_FORBIDDEN = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})

_BY_CODE: Mapping[int, ErrorClass] = {
    sqlite3.SQLITE_CONSTRAINT: ErrorClass.BUSINESS_REJECTION,
    sqlite3.SQLITE_BUSY: ErrorClass.TRANSIENT,
    sqlite3.SQLITE_LOCKED: ErrorClass.TRANSIENT,
    sqlite3.SQLITE_IOERR: ErrorClass.TRANSIENT,
    sqlite3.SQLITE_FULL: ErrorClass.TRANSIENT,
    sqlite3.SQLITE_INTERRUPT: ErrorClass.TIMEOUT,
    sqlite3.SQLITE_MISMATCH: ErrorClass.CONTRACT_VIOLATION,
    sqlite3.SQLITE_TOOBIG: ErrorClass.CONTRACT_VIOLATION,
    sqlite3.SQLITE_RANGE: ErrorClass.CONTRACT_VIOLATION,
}


class Sqlite:
    """SQLite for ``ipaas.sdk.sql``."""

    async def query(self, io: Transports, text: str, values: Sequence[Any], *, max_rows: int) -> list[dict[str, Any]]:
        def read(connection: sqlite3.Connection, gate: Gate) -> list[dict[str, Any]]:
            cursor = connection.execute(text, [adapted(value) for value in values])
            return bounded((dict(row) for row in cursor), max_rows)

        return await _within(io, read, mode="ro")

    async def upsert(self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> int:
        columns = columns_of(rows)
        sets = ", ".join(
            f"{_DIALECT.name(name)} = excluded.{_DIALECT.name(name)}" for name in columns if name not in key
        )
        keys = ", ".join(_DIALECT.name(name) for name in key)
        change = f"UPDATE SET {sets}" if sets else "NOTHING"
        statement = _DIALECT.insert(table, columns, f" ON CONFLICT ({keys}) DO {change}")

        def write(connection: sqlite3.Connection, gate: Gate) -> int:
            with _transaction(connection, gate):
                connection.executemany(statement, [[adapted(row[name]) for name in columns] for row in rows])
            return len(rows)

        return await _within(io, write, mode="rw")

    async def insert_once(
        self, io: Transports, table: str, rows: Sequence[Mapping[str, Any]], effect: tuple[str, str]
    ) -> int | None:
        columns = columns_of(rows)
        statement, notes = _DIALECT.insert(table, columns), _DIALECT.name(effect[0])
        note = _DIALECT.insert(effect[0], ["effect_key"], verb="INSERT OR IGNORE")

        def write(connection: sqlite3.Connection, gate: Gate) -> int | None:
            with _transaction(connection, gate):
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {notes} (effect_key text PRIMARY KEY,"
                    " created_at text NOT NULL DEFAULT CURRENT_TIMESTAMP)"
                )
                if connection.execute(note, [effect[1]]).rowcount == 0:
                    return None
                connection.executemany(statement, [[adapted(row[name]) for name in columns] for row in rows])
            return len(rows)

        return await _within(io, write, mode="rw")

    async def page(self, io: Transports, page: Page) -> list[dict[str, Any]]:
        text, values = _DIALECT.page(page)
        return await self.query(io, text, values, max_rows=page.limit + 1)


def adapted(value: Any) -> Any:
    """A JSON value as a statement's parameter: objects and lists become JSON text.

    A number is bound as one wherever SQLite's own keep its digits, else as text.
    """
    if isinstance(value, dict | list):
        return dumps(value).decode()
    if isinstance(value, Decimal):
        return float(value) if len(value.as_tuple().digits) <= _EXACT_DIGITS else str(value)
    return value


@contextmanager
def _transaction(connection: sqlite3.Connection, gate: Gate) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    yield
    gate.commit()
    connection.execute("COMMIT")


async def _within(io: Transports, work: Callable[[sqlite3.Connection, Gate], T], *, mode: str) -> T:
    """Work on the connection's file, in a thread. What fails before COMMIT has rolled back."""
    folder, gate = await io.folder(told=True), Gate(io)
    name = str(io.config["file"])

    def run() -> T:
        path = place_below(folder, name)
        try:
            return _worked(path, work, gate, mode)
        except sqlite3.Error as error:
            raise _failure(error) from error
        except OverflowError as error:
            message = "A number is larger than SQLite's 64 bits."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "sqlite_number", message) from error

    return await in_thread(gate, run)


def _worked(path: Path, work: Callable[[sqlite3.Connection, Gate], T], gate: Gate, mode: str) -> T:
    if not path.is_file():
        raise ActionError(ErrorClass.CONFIGURATION, "sqlite_no_file", "There is no such database file in the folder.")
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        ends = time.monotonic() + _TIMEOUT_S
        connection.set_progress_handler(lambda: gate.given_up or time.monotonic() > ends, _INSTRUCTIONS)
        connection.execute("PRAGMA trusted_schema = OFF")  # a file's own views and triggers reach nothing else
        connection.set_authorizer(_allowed)
        return work(connection, gate)
    finally:
        connection.close()


def _allowed(deed: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
    """A statement stays within the one file and changes no setting."""
    if deed in _FORBIDDEN or (deed == sqlite3.SQLITE_PRAGMA and second is not None):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _failure(error: sqlite3.Error) -> ActionError:
    """Only the name of the code is told: a message quotes names and values."""
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", "SQLITE_MISUSE")
    found = _BY_CODE.get(code & 0xFF, ErrorClass.CONFIGURATION) if code is not None else ErrorClass.CONTRACT_VIOLATION
    return ActionError(found, name.lower(), f"The database refused: {name}.")
