"""Group commit: one writer per process takes what all runs want written and commits it together."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import psycopg

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.runtime.rows import Claim, Row, Unit
from ipaas.runtime.store import ClaimLost, EffectKey, Store

log = get_logger(__name__)


class StoreGone(IpaasError):
    """The database could not be reached; the work is given back and taken up again."""

    code = "store_gone"
    title = "Database out of reach"
    status = 503


_KEY_WIDTH = {"step": 2, "state": 1, "outcome": 4, "receipt": 1, "suspend": 1}
_BAD_ROW = (psycopg.errors.IntegrityError, psycopg.errors.DataError, psycopg.errors.CardinalityViolation)


class _Pending:
    __slots__ = ("done", "owner", "rows")

    def __init__(self, owner: Claim, rows: dict[str, list[Row]], done: "asyncio.Future[set[EffectKey]]") -> None:
        self.owner = owner
        self.rows = rows
        self.done = done


class Journal:
    """Collects units of work and commits them in batches; ``write`` returns only after the commit."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._queue: list[_Pending] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.commits = 0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._write_forever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def write(self, unit: Unit) -> "asyncio.Future[set[EffectKey]]":
        """Queue what the unit has gathered; the future gives the effect intents that were taken.

        Raises ``ClaimLost`` when the unit's claim is no longer held, ``StoreGone`` when the outcome of the commit
        is not known; in both cases the run must stop at once.
        """
        done: asyncio.Future[set[EffectKey]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Pending(*unit.take(), done))
        self._wanted.set()
        return done

    async def _write_forever(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)  # let every run that is ready in this turn of the loop join the batch
            self._wanted.clear()
            batch, self._queue = self._queue, []
            if batch:
                await self._write(batch)

    async def _write(self, batch: list[_Pending]) -> None:
        while batch:
            try:
                taken = await self.store.commit(sorted({p.owner for p in batch}), _merge(p.rows for p in batch))
            except ClaimLost as lost:
                batch = _split_lost(batch, lost.held)
            except (psycopg.Error, TimeoutError) as error:
                if isinstance(error, _BAD_ROW) and len(batch) > 1:
                    await self._write_singly(batch)
                    return
                log.warning("commit failed", action="journal_commit", error=type(error).__name__, units=len(batch))
                _fail(batch, StoreGone() if isinstance(error, psycopg.OperationalError | TimeoutError) else error)
                return
            except Exception as error:
                _fail(batch, error)
                raise
            else:
                self.commits += 1
                for pending in batch:
                    if not pending.done.done():
                        pending.done.set_result(taken)
                return

    async def _write_singly(self, batch: list[_Pending]) -> None:
        """A row that the database refuses must not take its neighbours down."""
        for pending in batch:
            await self._write([pending])


def _merge(parts: Iterable[dict[str, list[Row]]]) -> dict[str, list[Row]]:
    merged: dict[str, list[Row]] = {}
    for part in parts:
        for name, rows in part.items():
            if name in merged:
                merged[name] += rows
            else:
                merged[name] = list(rows)
    for name, width in _KEY_WIDTH.items():  # one statement touches a row once: the newest state wins
        if name in merged:
            merged[name] = list({row[:width]: row for row in merged[name]}.values())
    return merged


def _split_lost(batch: list[_Pending], held: frozenset[UUID]) -> list[_Pending]:
    kept = []
    for pending in batch:
        if pending.owner[0] in held:
            kept.append(pending)
        elif not pending.done.done():
            pending.done.set_exception(ClaimLost())
    return kept


def _fail(batch: list[_Pending], error: BaseException) -> None:
    for pending in batch:
        if not pending.done.done():
            pending.done.set_exception(error)
