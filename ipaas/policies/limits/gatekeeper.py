"""The limits as one process sees them: leases make the usual call free, one micro-batch serves all others.

While a breaker is closed, a process may let calls through on its own for a quarter of a second, with tokens and slots
that it took ahead. Results are counted here and reported in the background, at once when something failed.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ipaas.policies.limits.gates import DRAIN_PER_S, FOREVER, Denied, Gate, Outcome, Pool, Ticket
from ipaas.policies.limits.model import Admission, AdmitRequest, LimitSpec, LimitStore, Mode, Report
from ipaas.policies.meters import LIMIT_ROUND_TRIPS

BATCH = 32
_LEASE_S = 0.25
_TOKEN_LEASE_S = 0.5
_TOKENS_AHEAD = 16
_AHEAD_S = 0.1
_REPORT_SOON_S = 0.05
_REPORT_LATER_S = 1.0
_RENEW_SLOTS_S = 10.0
_SLOT_BAR_S = 0.02
_MAX_GATES = 10_000


@dataclass(slots=True)
class _Waiting:
    gate: Gate
    pool: Pool
    spec: LimitSpec
    cost: int
    futures: list["asyncio.Future[Ticket | Denied]"]


class Gatekeeper:
    """Belongs to one event loop. ``clock`` is monotonic time in seconds."""

    def __init__(self, store: LimitStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._gates: dict[str, Gate] = {}
        self._waiting: dict[tuple[str, str, int], _Waiting] = {}
        self._turn = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = FOREVER
        self._reporting: asyncio.Task[None] | None = None

    async def admit(self, spec: LimitSpec, cost: int = 1) -> Ticket | Denied:
        """Let one call through or say when to come again; usually without a round trip."""
        gate = self._gate(spec)
        pool = gate.pools.get(spec.bucket)
        if pool is None:
            pool = gate.pools[spec.bucket] = Pool()
        now = self._clock()
        answer = _at_once(gate, pool, spec, cost, now)
        if answer is not None:
            return answer
        future: asyncio.Future[Ticket | Denied] = asyncio.get_running_loop().create_future()
        key = (spec.key, spec.bucket, cost)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(gate, pool, spec, cost, [])
        waiting.futures.append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await future

    def settle(self, ticket: Ticket, outcome: Outcome, pause_s: float = 0.0) -> None:
        """Hand a ticket back. ``ignored``: the call says nothing about the other side. Never waits.

        ``pause_s``: the other side asked for silence (Retry-After on a throttled call).
        """
        gate = ticket.gate
        gate.in_flight -= 1
        soon = False
        if ticket.slot:
            gate.free += 1
            gate.slot_bar_until = 0.0
            soon = True
        if ticket.mode is Mode.HALF_OPEN:
            soon = True
            if outcome == "ok":
                gate.probes_ok += 1
            elif outcome == "failed":
                gate.probes_failed += 1
            else:
                gate.probes_void += 1
        elif outcome == "ok":
            gate.ok += 1
        elif outcome == "failed":
            gate.failed += 1
            soon = True
        if pause_s > 0:
            now = self._clock()
            gate.pause_until = max(gate.pause_until, now + pause_s)
            gate.bar.raise_until(gate.pause_until, "paused", DRAIN_PER_S)
            soon = True
        self._mark(gate, _REPORT_SOON_S if soon else _REPORT_LATER_S)

    async def drain(self) -> None:
        """Report everything that was counted; for shutdown, short-lived loops and tests."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_at = None, FOREVER
        if self._reporting is not None:
            await self._reporting
        await self._report([gate for gate in self._gates.values() if gate.dirty_at != FOREVER])

    # Asking.

    def _gate(self, spec: LimitSpec) -> Gate:
        gate = self._gates.get(spec.key)
        if gate is None:
            if len(self._gates) >= _MAX_GATES:
                self._gates = {key: gate for key, gate in self._gates.items() if not gate.idle}
            gate = self._gates[spec.key] = Gate(spec)
        elif spec is not gate.spec:
            gate.spec = spec
        return gate

    async def _ask(self) -> None:
        """Serve all who wait; those who come during a round trip are in the next one."""
        try:
            await asyncio.sleep(0)
            while self._waiting:
                keys = list(self._waiting)[:BATCH]
                await self._ask_for([self._waiting.pop(key) for key in keys])
        finally:
            self._asking = None
            if self._waiting:
                self._asking = asyncio.create_task(self._ask())

    async def _ask_for(self, batch: list[_Waiting]) -> None:
        try:
            async with self._turn:
                LIMIT_ROUND_TRIPS.inc()
                answers = await self._store.admit([_request(waiting) for waiting in batch])
                for waiting, answer in zip(batch, answers, strict=True):
                    self._answer(waiting, answer)
        except Exception as error:
            _fail(batch, error)
        except asyncio.CancelledError:
            _fail(batch, asyncio.CancelledError())
            raise

    def _answer(self, waiting: _Waiting, answer: Admission) -> None:
        now = self._clock()
        gate, pool = waiting.gate, waiting.pool
        _take_over(gate, pool, waiting, answer, now)
        exact = answer.tokens if answer.mode in (Mode.HALF_OPEN, Mode.RAMP) else None
        for future in waiting.futures:
            decision: Ticket | Denied | None = None
            if exact is None:
                decision = _at_once(gate, pool, waiting.spec, waiting.cost, now)
            elif exact > 0 and (waiting.spec.concurrency is None or gate.free > 0):
                exact -= 1
                decision = _ticket(gate, waiting.spec, answer.mode)
            if decision is None:
                decision = _refusal(gate, pool, waiting, answer, now)
            if future.cancelled():
                if isinstance(decision, Ticket):
                    self.settle(decision, "ignored")
            else:
                future.set_result(decision)
        if exact and answer.mode is Mode.HALF_OPEN:
            gate.probes_void += exact
        if exact or gate.touched_slots:
            self._mark(gate, _REPORT_SOON_S)

    # Reporting.

    def _mark(self, gate: Gate, delay_s: float) -> None:
        due = self._clock() + delay_s
        if due >= gate.dirty_at:
            return
        gate.dirty_at = due
        if due < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = due
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer, self._timer_at = None, FOREVER
        if self._reporting is None:
            self._reporting = asyncio.create_task(self._report_due())

    async def _report_due(self) -> None:
        try:
            horizon = self._clock() + _REPORT_SOON_S / 5
            await self._report([gate for gate in self._gates.values() if gate.dirty_at <= horizon])
        finally:
            self._reporting = None
            self._rearm()

    def _rearm(self) -> None:
        due = min((gate.dirty_at for gate in self._gates.values()), default=FOREVER)
        if due < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = due
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._clock()), self._due)

    async def _report(self, gates: list[Gate]) -> None:
        for start in range(0, len(gates), BATCH):
            async with self._turn:  # a report of held slots must not overtake a grant of more
                await self._report_part(gates[start : start + BATCH])

    async def _report_part(self, gates: list[Gate]) -> None:
        now = self._clock()
        LIMIT_ROUND_TRIPS.inc()
        modes = await self._store.report([_collect(gate, now) for gate in gates])
        for gate, mode in zip(gates, modes, strict=True):
            if mode is not Mode.CLOSED:
                gate.lease_until = 0.0
            gate.mode = mode
            if gate.touched_slots:
                gate.dirty_at = min(gate.dirty_at, now + _RENEW_SLOTS_S)


def _at_once(gate: Gate, pool: Pool, spec: LimitSpec, cost: int, now: float) -> Ticket | Denied | None:
    """Decide from what this process holds; None when the shared state has to be asked."""
    if now < gate.bar.until:
        return gate.bar.refuse(now)
    if spec.unlimited:
        return _ticket(gate, spec, Mode.CLOSED)
    if gate.mode is not Mode.CLOSED or now >= gate.lease_until:
        return None
    limited = spec.rate is not None or spec.step_rate is not None
    if limited and (pool.tokens < cost or now >= pool.expires):
        return pool.bar.refuse(now) if now < pool.bar.until else None
    if spec.concurrency is not None and gate.free < 1:
        return Denied("concurrency", _slot_wait(gate, now)) if now < gate.slot_bar_until else None
    if limited:
        pool.tokens -= cost
    return _ticket(gate, spec, Mode.CLOSED)


def _ticket(gate: Gate, spec: LimitSpec, mode: Mode) -> Ticket:
    gate.in_flight += 1
    slot = spec.concurrency is not None
    if slot:
        gate.free -= 1
        gate.touched_slots = True
    return Ticket(gate, mode, slot)


def _request(waiting: _Waiting) -> AdmitRequest:
    spec, count = waiting.spec, len(waiting.futures)
    rates = [rate.per_second for rate in (spec.rate, spec.step_rate) if rate is not None]
    ahead = min(_TOKENS_AHEAD, int(min(rates) * _AHEAD_S) // waiting.cost) if rates else 0
    slots = 0
    if spec.concurrency is not None:
        slots = max(0, count - waiting.gate.free) + min(4, spec.concurrency // 16)
    return AdmitRequest(spec, tokens=count, ahead=ahead, slots=slots, cost=waiting.cost)


def _take_over(gate: Gate, pool: Pool, waiting: _Waiting, answer: Admission, now: float) -> None:
    """Put what was granted into this process' leases."""
    gate.mode = answer.mode
    gate.free += answer.slots
    if answer.slots:
        gate.touched_slots = True
    if answer.mode is Mode.CLOSED:
        gate.lease_until = now + _LEASE_S
        held = pool.tokens if now < pool.expires else 0
        pool.tokens = held + answer.tokens * waiting.cost
        pool.expires = now + _TOKEN_LEASE_S
    if answer.tokens >= len(waiting.futures):
        return
    until = now + max(1, answer.wait_ms) / 1000
    if answer.reason in ("rate_limited", "quota"):
        rates = [rate.per_second for rate in (waiting.spec.rate, waiting.spec.step_rate) if rate is not None]
        pool.bar.raise_until(until, answer.reason, min(rates, default=DRAIN_PER_S) / waiting.cost)
    elif answer.reason == "paused" or answer.mode is Mode.OPEN:
        gate.bar.raise_until(until, answer.reason or "breaker_open", DRAIN_PER_S)


def _refusal(gate: Gate, pool: Pool, waiting: _Waiting, answer: Admission, now: float) -> Denied:
    for bar in (gate.bar, pool.bar):
        if now < bar.until:
            return bar.refuse(now)
    reason = answer.reason or "concurrency"
    if reason == "concurrency":
        gate.slot_bar_until = now + _SLOT_BAR_S
        return Denied(reason, _slot_wait(gate, now))
    spread = 1 + random.random()  # noqa: S311 - jitter
    return Denied(reason, max(0.05, answer.wait_ms / 1000) * spread)


def _slot_wait(gate: Gate, now: float) -> float:
    return max(0.05, gate.slot_bar_until - now) * (1 + random.random() * 3)  # noqa: S311 - jitter


def _collect(gate: Gate, now: float) -> Report:
    """What a gate has counted since its last report; free slots go back."""
    held: int | None = None
    if gate.touched_slots:
        gate.free = 0
        held = gate.in_flight
        gate.touched_slots = held > 0
    report = Report(
        gate.spec,
        ok=gate.ok,
        failed=gate.failed,
        probes_ok=gate.probes_ok,
        probes_failed=gate.probes_failed,
        probes_void=gate.probes_void,
        pause_ms=max(0, round((gate.pause_until - now) * 1000)),
        held=held,
    )
    gate.ok = gate.failed = gate.probes_ok = gate.probes_failed = gate.probes_void = 0
    gate.dirty_at = FOREVER
    return report


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        for future in waiting.futures:
            if not future.done():
                future.set_exception(error)
