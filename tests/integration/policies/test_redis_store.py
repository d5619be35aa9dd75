"""The Lua scripts: buckets, quota, slots and the breaker's states, seen by two processes."""

from dataclasses import replace

import pytest

from ipaas.policies.limits.model import AdmitRequest, LimitSpec, Mode, Report
from ipaas.policies.limits.redis_store import RedisLimitStore
from ipaas.policies.settings import BreakerSettings, RateSettings
from tests.integration.policies.conftest import ShiftedRedis


async def admit(
    store: RedisLimitStore, spec: LimitSpec, tokens: int = 1, ahead: int = 0, slots: int = 0, cost: int = 1
):
    return (await store.admit([AdmitRequest(spec, tokens, ahead, slots, cost)]))[0]


async def test_bucket_gives_its_burst_then_tells_when_to_come_again(
    store: RedisLimitStore, limited: LimitSpec, shifted: ShiftedRedis
) -> None:
    first = await admit(store, limited, tokens=7)
    assert (first.tokens, first.reason, first.wait_ms) == (5, "rate_limited", 100)
    shifted.advance(0.25)
    assert (await admit(store, limited, tokens=7)).tokens == 2
    shifted.advance(60)
    assert (await admit(store, limited, tokens=7)).tokens == 5


async def test_tokens_taken_ahead_come_out_of_the_shared_bucket(
    store: RedisLimitStore, other: RedisLimitStore, limited: LimitSpec
) -> None:
    assert (await admit(store, limited, tokens=1, ahead=3)).tokens == 4
    assert (await admit(other, limited, tokens=3)).tokens == 1


async def test_a_call_may_cost_several_tokens(store: RedisLimitStore, limited: LimitSpec) -> None:
    answer = await admit(store, limited, tokens=3, cost=2)
    assert (answer.tokens, answer.wait_ms) == (2, 100)


async def test_a_steps_own_bucket_bounds_it_within_the_connections(store: RedisLimitStore, limited: LimitSpec) -> None:
    step = replace(limited, bucket="flow/step", step_rate=RateSettings(per_second=1, burst=2))
    answer = await admit(store, step, tokens=4)
    assert (answer.tokens, answer.reason, answer.wait_ms) == (2, "rate_limited", 1000)
    assert (await admit(store, limited, tokens=5)).tokens == 3


async def test_daily_quota_ends_at_midnight(store: RedisLimitStore, limited: LimitSpec, shifted: ShiftedRedis) -> None:
    spec = replace(limited, rate=RateSettings(per_second=1000, burst=1000, daily_quota=3))
    answer = await admit(store, spec, tokens=5)
    assert (answer.tokens, answer.reason) == (3, "quota")
    shifted.advance(answer.wait_ms / 1000)
    assert (await admit(store, spec, tokens=1)).tokens == 1


async def test_a_steps_own_quota_bounds_the_step_alone(store: RedisLimitStore, spec: LimitSpec) -> None:
    step = replace(spec, bucket="flow/step", step_rate=RateSettings(per_second=1000, burst=1000, daily_quota=2))
    answer = await admit(store, step, tokens=5)
    assert (answer.tokens, answer.reason) == (2, "quota")
    assert (await admit(store, spec, tokens=5)).tokens == 5


async def test_slots_are_shared_and_those_of_a_dead_process_come_free(
    store: RedisLimitStore, other: RedisLimitStore, spec: LimitSpec, shifted: ShiftedRedis
) -> None:
    capped = replace(spec, concurrency=3)
    assert (await admit(store, capped, slots=2)).slots == 2
    answer = await admit(other, capped, slots=2)
    assert (answer.slots, answer.reason) == (1, "concurrency")
    assert (await store.state(capped)).in_use == 3
    await store.report([Report(capped, held=0)])
    assert (await admit(other, capped, slots=2)).slots == 2
    shifted.advance(31)
    assert (await admit(store, capped, slots=5)).slots == 3


@pytest.mark.parametrize(("ok", "failed", "mode"), [(0, 3, Mode.CLOSED), (5, 4, Mode.CLOSED), (4, 4, Mode.OPEN)])
async def test_breaker_opens_by_ratio_over_enough_calls(
    store: RedisLimitStore, guarded: LimitSpec, ok: int, failed: int, mode: Mode
) -> None:
    assert await store.report([Report(guarded, ok=ok, failed=failed)]) == [mode]


async def test_failures_of_all_processes_count_and_old_ones_do_not(
    store: RedisLimitStore, other: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=3)])
    shifted.advance(31)
    assert await other.report([Report(guarded, failed=3)]) == [Mode.CLOSED]
    assert await store.report([Report(guarded, failed=1)]) == [Mode.OPEN]


async def test_open_breaker_spends_no_token_and_tells_the_time_left(
    store: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    spec = replace(guarded, rate=RateSettings(per_second=0.001, burst=1))
    await store.report([Report(spec, failed=4)])
    shifted.advance(5)
    answer = await admit(store, spec)
    assert (answer.mode, answer.tokens, answer.reason, answer.wait_ms) == (Mode.OPEN, 0, "breaker_open", 15_000)
    assert (await store.state(spec)).tokens == 1
    shifted.advance(15)
    assert (await admit(store, spec)).tokens == 1


async def test_half_open_lets_only_the_probes_through(
    store: RedisLimitStore, other: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    answer = await admit(store, guarded, tokens=10, ahead=10)
    assert (answer.mode, answer.tokens) == (Mode.HALF_OPEN, 2)
    assert (await admit(other, guarded)).tokens == 0


async def test_probes_that_are_never_reported_are_given_out_again(
    store: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    await admit(store, guarded, tokens=2)
    shifted.advance(61)
    assert (await admit(store, guarded, tokens=2)).tokens == 2


async def test_failed_probe_opens_for_twice_as_long_up_to_eightfold(
    store: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=4)])
    for wait in (20, 40, 80, 160, 160):
        shifted.advance(wait - 1)
        assert (await admit(store, guarded)).mode is Mode.OPEN
        shifted.advance(1)
        assert (await admit(store, guarded)).mode is Mode.HALF_OPEN
        assert await store.report([Report(guarded, probes_failed=1)]) == [Mode.OPEN]


@pytest.mark.parametrize(
    ("probes", "ratio", "results", "modes"),
    [
        (3, 0.5, "+++", "..r"),
        (3, 0.5, "-++", "..r"),
        (3, 0.5, "+-+", "..r"),
        (3, 0.5, "++-", "..r"),
        (3, 0.5, "--", ".o"),
        (3, 0.5, "+--", "..o"),
        (2, 0.5, "-", "o"),
        (2, 0.5, "+-", ".o"),
        (4, 0.5, "-+++", "...r"),
        (4, 0.5, "-++-", "...o"),
        (5, 0.3, "-+++-", "....o"),
        (5, 1.0, "----+", "....r"),
        (5, 1.0, "-----", "....o"),
        (1, 1.0, "-", "o"),
        (1, 0.01, "+", "r"),
        (100, 0.01, "-", "o"),
    ],
)
async def test_probes_are_judged_by_the_ratio(
    store: RedisLimitStore, spec: LimitSpec, shifted: ShiftedRedis, probes: int, ratio: float, results: str, modes: str
) -> None:
    breaker = BreakerSettings(min_calls=4, failure_ratio=ratio, open_s=20, half_open_probes=probes)
    guarded = replace(spec, breaker=breaker)
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    await admit(store, guarded, tokens=probes)
    seen = ""
    for result in results:
        report = Report(guarded, probes_ok=1) if result == "+" else Report(guarded, probes_failed=1)
        seen += {Mode.HALF_OPEN: ".", Mode.OPEN: "o", Mode.RAMP: "r"}[(await store.report([report]))[0]]
        if seen[-1] == ".":
            assert (await admit(store, guarded)).tokens == 0
    assert seen == modes


async def test_failed_probes_are_forgotten_with_the_next_probing(
    store: RedisLimitStore, spec: LimitSpec, shifted: ShiftedRedis
) -> None:
    guarded = replace(spec, breaker=BreakerSettings(min_calls=4, open_s=20, half_open_probes=3))
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    await admit(store, guarded, tokens=3)
    assert await store.report([Report(guarded, probes_failed=2)]) == [Mode.OPEN]
    shifted.advance(40)
    assert (await admit(store, guarded, tokens=9)).tokens == 3
    assert await store.report([Report(guarded, probes_failed=1, probes_ok=2)]) == [Mode.RAMP]


async def test_good_probes_lead_over_a_doubling_ramp_to_closed(
    store: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    await admit(store, guarded, tokens=2)
    assert await store.report([Report(guarded, probes_ok=1)]) == [Mode.HALF_OPEN]
    assert await store.report([Report(guarded, probes_ok=1)]) == [Mode.RAMP]
    for allowed in (2, 4, 8):
        answer = await admit(store, guarded, tokens=100, ahead=100)
        assert (answer.mode, answer.tokens, answer.reason) == (Mode.RAMP, allowed, "breaker_open")
        shifted.advance(1)
    shifted.advance(5)
    answer = await admit(store, guarded, tokens=100)
    assert (answer.mode, answer.tokens) == (Mode.CLOSED, 100)


async def test_failures_during_the_ramp_open_again_soon(
    store: RedisLimitStore, guarded: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(guarded, failed=4)])
    shifted.advance(20)
    await admit(store, guarded, tokens=2)
    await store.report([Report(guarded, probes_ok=2)])
    assert await store.report([Report(guarded, failed=2)]) == [Mode.OPEN]
    assert (await admit(store, guarded)).wait_ms == 40_000


async def test_results_that_come_late_do_not_close_an_open_breaker(store: RedisLimitStore, guarded: LimitSpec) -> None:
    await store.report([Report(guarded, failed=4)])
    assert await store.report([Report(guarded, ok=100)]) == [Mode.OPEN]


async def test_a_pause_holds_for_all_processes(
    store: RedisLimitStore, other: RedisLimitStore, spec: LimitSpec, shifted: ShiftedRedis
) -> None:
    await store.report([Report(spec, pause_ms=3000)])
    answer = await admit(other, spec)
    assert (answer.tokens, answer.reason, answer.wait_ms) == (0, "paused", 3000)
    shifted.advance(3)
    assert (await admit(other, spec)).tokens == 1


async def test_many_connections_share_one_round_trip(
    store: RedisLimitStore, limited: LimitSpec, guarded: LimitSpec
) -> None:
    await store.report([Report(guarded, failed=4)])
    answers = await store.admit([AdmitRequest(limited, 6), AdmitRequest(guarded, 1), AdmitRequest(limited, 1)])
    assert [answer.tokens for answer in answers] == [5, 0, 0]


async def test_keys_hold_ids_only_and_expire(store: RedisLimitStore, limited: LimitSpec, redis) -> None:
    await admit(store, limited)
    assert limited.key == f"ipaas:limit:{limited.workspace_id}:{limited.connection_id}"
    assert 0 < await redis.ttl(limited.key) <= 172_800


async def test_state_shows_window_and_level(store: RedisLimitStore, guarded: LimitSpec) -> None:
    spec = replace(guarded, rate=RateSettings(per_second=1, burst=10))
    await admit(store, spec, tokens=4)
    await store.report([Report(spec, ok=3, failed=1)])
    state = await store.state(spec)
    assert (state.mode, state.tokens, state.ok, state.failed) == (Mode.CLOSED, 6, 3, 1)
