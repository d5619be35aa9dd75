"""Leases, micro-batches and reports of one process, over a store that notes what it is asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as RedisGone

from ipaas.policies.limits.gatekeeper import Denied, Gatekeeper, Ticket
from ipaas.policies.limits.local_store import FallbackLimitStore, LocalLimitStore
from ipaas.policies.limits.model import Admission, AdmitRequest, LimitSpec, LimitState, Mode, Report
from ipaas.policies.settings import BreakerSettings, RateSettings

SPEC = LimitSpec(uuid4(), uuid4(), breaker=BreakerSettings())
LIMITED = replace(SPEC, rate=RateSettings(per_second=100, burst=100))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Grants everything unless ``answer`` says otherwise; raises ``error`` when one is set."""

    def __init__(self) -> None:
        self.asked: list[Sequence[AdmitRequest]] = []
        self.reports: list[Report] = []
        self.answer: Admission | None = None
        self.mode = Mode.CLOSED
        self.error: Exception | None = None

    async def admit(self, requests: Sequence[AdmitRequest]) -> list[Admission]:
        if self.error:
            raise self.error
        self.asked.append(requests)
        return [self.answer or Admission(Mode.CLOSED, one.tokens + one.ahead, one.slots) for one in requests]

    async def report(self, reports: Sequence[Report]) -> list[Mode]:
        if self.error:
            raise self.error
        self.reports += reports
        return [self.mode] * len(reports)

    async def state(self, spec: LimitSpec) -> LimitState:
        return LimitState()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Store:
    return Store()


async def test_calls_of_the_same_moment_share_one_round_trip(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    others = [replace(LIMITED, connection_id=uuid4()) for _ in range(3)]
    answers = await asyncio.gather(*(keeper.admit(spec) for spec in [LIMITED, LIMITED, *others]))
    assert all(isinstance(answer, Ticket) for answer in answers)
    assert [len(batch) for batch in store.asked] == [4]


async def test_a_lease_serves_the_next_calls_without_a_round_trip(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    for _ in range(11):
        assert isinstance(await keeper.admit(LIMITED), Ticket)
    assert len(store.asked) == 1
    await keeper.admit(LIMITED)
    assert len(store.asked) == 2
    clock.now += 0.3
    await keeper.admit(SPEC)
    assert len(store.asked) == 3


async def test_without_limits_nothing_is_asked(store: Store) -> None:
    keeper = Gatekeeper(store)
    assert isinstance(await keeper.admit(LimitSpec(uuid4(), uuid4())), Ticket)
    assert store.asked == []


async def test_those_who_must_wait_get_one_place_each(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    slow = replace(SPEC, rate=RateSettings(per_second=2, burst=1))
    store.answer = Admission(Mode.CLOSED, 0, 0, 500, "rate_limited")
    waits = []
    for _ in range(10):
        answer = await keeper.admit(slow)
        assert isinstance(answer, Denied)
        assert answer.reason == "rate_limited"
        waits.append(answer.wait_s)
    assert waits == sorted(waits)
    assert all(0.5 + place / 2 <= wait <= 1.0 + place / 2 for place, wait in enumerate(waits))
    assert len(store.asked) == 1


async def test_open_breaker_is_remembered_and_asked_again_when_its_time_is_over(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    store.answer = Admission(Mode.OPEN, 0, 0, 1000, "breaker_open")
    assert isinstance(await keeper.admit(SPEC), Denied)
    assert isinstance(await keeper.admit(SPEC), Denied)
    assert len(store.asked) == 1
    clock.now += 1.1
    store.answer = Admission(Mode.HALF_OPEN, 1, 0)
    ticket = await keeper.admit(SPEC)
    assert isinstance(ticket, Ticket)
    assert ticket.mode is Mode.HALF_OPEN
    keeper.settle(ticket, "ok")
    await keeper.drain()
    assert store.reports[0].probes_ok == 1


async def test_more_callers_than_probes_wait(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    store.answer = Admission(Mode.HALF_OPEN, 2, 0, 1000, "breaker_open")
    answers = await asyncio.gather(*(keeper.admit(SPEC) for _ in range(6)))
    assert [type(answer) for answer in answers].count(Ticket) == 2


async def test_good_results_are_counted_and_reported_together(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    for outcome in ("ok", "ok", "ignored", "failed"):
        ticket = await keeper.admit(SPEC)
        assert isinstance(ticket, Ticket)
        keeper.settle(ticket, outcome)  # type: ignore[arg-type]
    await keeper.drain()
    [report] = store.reports
    assert (report.ok, report.failed, report.held) == (2, 1, None)


async def test_an_opened_breaker_ends_the_lease(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    ticket = await keeper.admit(SPEC)
    assert isinstance(ticket, Ticket)
    keeper.settle(ticket, "failed")
    store.mode = Mode.OPEN
    await keeper.drain()
    store.answer = Admission(Mode.OPEN, 0, 0, 1000, "breaker_open")
    assert isinstance(await keeper.admit(SPEC), Denied)


async def test_slots_come_back_and_are_given_away_when_idle(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    capped = replace(SPEC, concurrency=2)
    first, second = await keeper.admit(capped), await keeper.admit(capped)
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    store.answer = Admission(Mode.CLOSED, 1, 0, 50, "concurrency")
    third = await keeper.admit(capped)
    assert isinstance(third, Denied)
    assert third.reason == "concurrency"
    keeper.settle(first, "ok")
    again = await keeper.admit(capped)
    assert isinstance(again, Ticket)
    keeper.settle(again, "ok")
    keeper.settle(second, "ok")
    await keeper.drain()
    assert store.reports[-1].held == 0


async def test_a_pause_holds_at_once(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    ticket = await keeper.admit(SPEC)
    assert isinstance(ticket, Ticket)
    keeper.settle(ticket, "ignored", pause_s=5)
    answer = await keeper.admit(SPEC)
    assert isinstance(answer, Denied)
    assert answer.reason == "paused"
    assert answer.wait_s >= 5


async def test_a_caller_that_went_away_leaves_nothing_behind(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    capped = replace(SPEC, concurrency=2)
    waiting = asyncio.create_task(keeper.admit(capped))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other = await keeper.admit(capped)
    assert isinstance(other, Ticket)
    keeper.settle(other, "ok")
    await keeper.drain()
    assert store.reports[-1].held == 0


async def test_redis_gone_falls_back_to_a_local_share_and_recovers(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(FallbackLimitStore(store, LocalLimitStore(clock=clock), clock), clock)
    limited = replace(SPEC, rate=RateSettings(per_second=8, burst=8))
    store.error = RedisGone("gone")
    admitted = [await keeper.admit(limited) for _ in range(5)]
    assert [isinstance(answer, Ticket) for answer in admitted] == [True, True, False, False, False]
    store.error = None
    clock.now += 2
    assert isinstance(await keeper.admit(limited), Ticket)
    assert len(store.asked) == 1


async def test_breaker_fails_open_while_redis_is_gone(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(FallbackLimitStore(store, clock=clock), clock)
    store.error = RedisGone("gone")
    for _ in range(50):
        ticket = await keeper.admit(SPEC)
        assert isinstance(ticket, Ticket)
        keeper.settle(ticket, "failed")
    await keeper.drain()
    clock.now += 0.5
    assert isinstance(await keeper.admit(SPEC), Ticket)


async def test_a_defect_of_the_store_reaches_everyone_who_waits(store: Store, clock: Clock) -> None:
    keeper = Gatekeeper(store, clock)
    store.error = ValueError("defect")
    answers = await asyncio.gather(keeper.admit(SPEC), keeper.admit(LIMITED), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]
    store.error = None
    assert isinstance(await keeper.admit(SPEC), Ticket)
