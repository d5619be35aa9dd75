"""Group commit: one writer per process takes what all runs want written and commits it together."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import psycopg
from django.db import InterfaceError, OperationalError

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.runtime.digests import with_digests
from ipaas.runtime.rows import Claim, Row, Unit
from ipaas.runtime.store import ClaimLost, EffectKey, Store

log = get_logger(__name__)


class StoreGone(IpaasError):
    """The database could not be reached; the work is given back and taken up again."""

    code = "store_gone"
    title = "Database out of reach"
    status = 503


OUTAGE = (
    StoreGone,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OperationalError,
    InterfaceError,
)
"""How the database being away shows, to the engine's own SQL and to ORM code beside it."""

_KEY_WIDTH = {"step": 2, "state": 1, "outcome": 4, "receipt": 1, "suspend": 1}
_UNDONE = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)  # certainly rolled back
_BAD_ROW = (psycopg.errors.IntegrityError, psycopg.errors.DataError, psycopg.errors.CardinalityViolation)


class _Pending:
    __slots__ = ("done", "rows", "unit")

    def __init__(self, unit: Unit, done: "asyncio.Future[set[EffectKey]]") -> None:
        self.unit = unit
        self.rows = unit.take()
        self.done = done

    @property
    def owner(self) -> Claim:
        """The claim to write under, as it is at the moment of writing."""
        return self.unit.owner


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
        pending = _Pending(unit, done)
        if unit.lost is not None:
            done.set_exception(unit.lost)
            return done
        self._queue.append(pending)
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
        while batch := _writable(batch):
            try:
                rows = with_digests(_merge(p.rows for p in batch))
                taken = await self.store.commit(sorted({p.owner for p in batch}), rows)
            except ClaimLost as lost:
                batch = _split_lost(batch, lost.held)
            except _UNDONE as error:
                log.info("commit repeated", action="journal_repeat", error=type(error).__name__, units=len(batch))
            except (psycopg.Error, TimeoutError) as error:
                await self._refused(batch, error)
                return
            except Exception as error:  # the writer serves all runs: it outlives a defect in one batch
                log.exception("commit failed by a defect", action="journal_defect", units=len(batch))
                _fail(batch, error)
                return
            else:
                self.commits += 1
                for pending in batch:
                    pending.unit.committed()
                    if not pending.done.done():
                        pending.done.set_result(taken)
                return

    async def _refused(self, batch: list[_Pending], error: Exception) -> None:
        if isinstance(error, _BAD_ROW):
            await self._write_singly(batch, error)
            return
        log.warning("commit failed", action="journal_commit", error=type(error).__name__, units=len(batch))
        if not isinstance(error, psycopg.OperationalError | TimeoutError):
            _fail(batch, error)
            return
        for pending in batch:  # nobody knows what was committed: what is gathered later would lack what came before
            pending.unit.lost = StoreGone()
        _fail(batch, StoreGone())

    async def _write_singly(self, batch: list[_Pending], error: Exception) -> None:
        """A row that the database refuses must not take its neighbours down."""
        units: dict[int, list[_Pending]] = {}
        for pending in batch:
            units.setdefault(id(pending.unit), []).append(pending)
        if len(units) == 1:
            log.warning("row refused", action="journal_row", error=type(error).__name__)
            _fail(batch, error)
            return
        for group in units.values():
            await self._write(group)


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
    for pending in batch:
        if pending.owner[0] not in held:
            pending.unit.lost = ClaimLost()
    return batch


def _writable(batch: list[_Pending]) -> list[_Pending]:
    """What may still be written; the others are told why not."""
    for pending in batch:
        if pending.unit.lost is not None:
            _fail([pending], pending.unit.lost)
    return [pending for pending in batch if pending.unit.lost is None]


def _fail(batch: list[_Pending], error: BaseException) -> None:
    for pending in batch:
        if not pending.done.done():
            pending.done.set_exception(error)
