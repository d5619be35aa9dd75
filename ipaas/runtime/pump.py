"""The pump: claims due work and keeps it moving on one asyncio loop per worker process.

A Celery message only starts it; after that it is woken by the database's notifications and by due times. It stops by
itself when nothing has been due for ``LINGER_S``, and at once when asked to (or when its parent is gone).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from ipaas.core.logging import get_logger
from ipaas.core.meters import ENGINE_INFLIGHT, LEASES_LAPSED, WORK_CLAIMED
from ipaas.runtime.endings import Failure
from ipaas.runtime.engine import Engine
from ipaas.runtime.journal import OUTAGE
from ipaas.runtime.models import Work
from ipaas.runtime.rows import Claim, Unit
from ipaas.runtime.store import Claimed, ClaimLost, Store

log = get_logger(__name__)

CHANNEL = "ipaas_work"
LEASE_S = 20.0
LINGER_S = 30.0
BATCH = 64
MAX_INFLIGHT = 256
MAX_CRASHES = 5
PACE_S = 0.004  # between claims that found less than a full batch, so that batches form under load
POLL_S = 1.0
DRAIN_S = 15.0
"""How long work under way may go on after ``stop``; less than the time after which a supervisor kills."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of work is done; ``abandon`` tells its owner why it is not tried any more."""

    run: Callable[[Engine, Claimed, Unit], Coroutine[Any, Any, None]]
    abandon: Callable[[Claimed, str], None]


class Pump:
    """Drives one process's share of the work."""

    def __init__(self, conninfo: str, *, handlers: Mapping[int, Handler], lanes: Sequence[int] = (0, 1, 2)) -> None:
        self.handlers = handlers
        self.engine = Engine(Store(conninfo), lease_s=LEASE_S)
        self.lanes = list(lanes)
        self._inflight: dict[asyncio.Task[None], Unit] = {}
        self._wanted = asyncio.Event()
        self._stopping = False
        self._broken = False
        self._abandoned: list[Claim] = []
        self._faulty: list[Claim] = []
        self._doubtful: set[Claim] = set()

    async def open(self) -> None:
        await self.engine.start()

    async def close(self) -> None:
        await self.engine.stop()

    def stop(self) -> None:
        """Claim nothing more; what is under way goes on to its next rest."""
        self._stopping = True
        self._wanted.set()

    async def run(self, *, linger_s: float = LINGER_S) -> int:
        """Work until nothing is due for ``linger_s`` or ``stop`` is called; returns how much was claimed."""
        claimed = 0
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._renew_forever())]
        idle_since = time.monotonic()
        try:
            while not self._stopping:
                self._wanted.clear()
                found = await self._claim()
                claimed += found
                if found or self._inflight:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since >= linger_s:
                    break
                if found >= BATCH:
                    await asyncio.sleep(0)
                    continue
                await self._rest(PACE_S if found else POLL_S)
            await self._drain()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        return claimed

    async def run_until_idle(self) -> int:
        """Work until nothing is due now and nothing is under way; for tests and single commands."""
        claimed = 0
        while True:
            found = await self._claim()
            claimed += found
            if not found and not self._inflight:
                return claimed
            if self._inflight:
                await asyncio.wait(self._inflight, return_when=asyncio.FIRST_COMPLETED)

    async def _rest(self, seconds: float) -> None:
        if seconds <= PACE_S:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):  # the pause is over
            await asyncio.wait_for(self._wanted.wait(), seconds)

    async def _claim(self) -> int:
        room = min(BATCH, MAX_INFLIGHT - len(self._inflight))
        if room <= 0:
            await asyncio.wait(self._inflight, return_when=asyncio.FIRST_COMPLETED)
            return 0
        try:
            if self._broken:
                await self._recover()
            await self._put_off()
            claimed = await self.engine.store.claim(limit=room, lease_s=LEASE_S, lanes=self.lanes)
            if claimed:
                await self._dispatch(claimed)
        except (psycopg.Error, TimeoutError, OSError) as error:
            log.warning("database out of reach", action="claim_failed", error=type(error).__name__)
            self._broken = True
            await asyncio.sleep(0.1)
            return 0
        return len(claimed)

    async def _recover(self) -> None:
        """After an outage: give back what this process held, so that nobody waits for its leases to end."""
        await self.engine.store.wait_until_back()
        self._broken = False
        abandoned, self._abandoned = self._abandoned, []
        if abandoned:
            await self.engine.store.release(abandoned)

    async def _put_off(self) -> None:
        """Work that could not be worked on is tried again later, each time later still, and set aside in the end."""
        faulty, self._faulty = self._faulty, []
        if faulty:
            await self.engine.store.put_off(faulty)

    async def _dispatch(self, claimed: list[Claimed]) -> None:
        WORK_CLAIMED.inc(len(claimed))
        LEASES_LAPSED.inc(sum(claim.lapsed for claim in claimed))
        by_kind: dict[int, list[Claimed]] = {}
        for claim in claimed:
            if claim.crashes >= MAX_CRASHES:
                task = self.handlers.get(claim.kind)
                abandon = None if task is None else task.abandon
                self._spawn(Unit((claim.id, claim.fence)), self.engine.bury(claim, abandon))
            else:
                by_kind.setdefault(claim.kind, []).append(claim)
        taken: list[Claimed] = []
        try:
            for kind, claims in by_kind.items():
                await self._take(kind, claims)
                taken += claims
        except (psycopg.Error, TimeoutError, OSError):
            self._abandoned += [(claim.id, claim.fence) for claim in claimed if claim not in taken]
            raise

    async def _take(self, kind: int, claims: list[Claimed]) -> None:
        if kind == Work.Kind.RECEIPT:
            await self.engine.take_receipts(claims, self._spawn)
        elif kind == Work.Kind.RUN:
            await self.engine.take_runs(claims, self._spawn)
        elif kind == Work.Kind.EVENT:
            await self.engine.take_events(claims, self._spawn)
        else:
            for claim in claims:
                unit = Unit((claim.id, claim.fence))
                self._spawn(unit, self.handlers[kind].run(self.engine, claim, unit))

    def _spawn(self, unit: Unit, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._inflight[task] = unit
        ENGINE_INFLIGHT.set(len(self._inflight))
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        unit = self._inflight.pop(task)
        ENGINE_INFLIGHT.set(len(self._inflight))
        self._wanted.set()
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return
        if isinstance(error, ClaimLost):
            log.warning("claim lost", action="claim_lost", work_id=str(unit.owner[0]))
            return
        if error is None or isinstance(error, OUTAGE):
            self._broken = True
            self._abandoned += unit.claims
        else:
            self._faulty += unit.claims
            what = f"{type(error).__name__}: {error.code}" if isinstance(error, Failure) else type(error).__name__
            log.error("work put off", action="work_failed", work_id=str(unit.owner[0]), error=what, exc_info=error)

    async def _drain(self) -> None:
        """Let work under way come to its rest; give back at once what does not in time."""
        if self._inflight:
            _, late = await asyncio.wait(self._inflight, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            if late:
                log.warning("work given back at the stop", action="drain", count=len(late))
                await asyncio.wait(late)
                await asyncio.sleep(0)  # lets the callbacks note what was abandoned
        if self._abandoned:
            await self._recover()
        await self._put_off()

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            try:
                await self.renew()
            except (psycopg.Error, TimeoutError, OSError) as error:
                log.warning("leases not renewed", action="renew_failed", error=type(error).__name__)

    async def renew(self) -> None:
        """Prolong what is held and stop what was lost.

        A claim that is missing once may just have been handed on by a commit whose answer is still under way; the
        second time it is lost. What goes on in between is fenced.
        """
        held = {task: unit.owner for task, unit in self._inflight.items()}
        if not held:
            return
        kept = await self.engine.store.renew(sorted(held.values()), lease_s=LEASE_S)
        self.engine.note_cancelled(await self.engine.store.cancelled(kept))
        missing = {task: owner for task, owner in held.items() if owner[0] not in kept}
        for task, owner in missing.items():
            unit = self._inflight.get(task)
            if unit is not None and unit.owner == owner and owner in self._doubtful:
                task.cancel()
        self._doubtful = set(missing.values())

    async def _listen(self) -> None:
        """Wake on the database's notifications; without them the poll once a second still finds everything."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.engine.store.conninfo, autocommit=True, application_name="ipaas-listen"
                ) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    self._wanted.set()
                    async for _ in conn.notifies():
                        self._wanted.set()
            except (psycopg.Error, OSError) as error:
                log.warning("not listening", action="listen_failed", error=type(error).__name__)
                await asyncio.sleep(POLL_S)
