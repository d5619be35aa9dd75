"""Retry as a table, and what must hold for every input."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.errors import ErrorClass
from ipaas.policies.pipeline import Effect, Failure
from ipaas.policies.retry import RetryBudget, backoff, decide, is_in_doubt
from ipaas.policies.settings import RetrySettings
from ipaas.policies.taxonomy import RULES

SETTINGS = RetrySettings(max_attempts=3, base_s=2, cap_s=60, budget_s=100, doubt_s=400)
TRANSIENT = Failure(ErrorClass.TRANSIENT, "http_503", "unavailable", 503)
IN_DOUBT = Failure(ErrorClass.TIMEOUT, "timeout", "no answer", sent=True)
REJECTED = Failure(ErrorClass.BUSINESS_REJECTION, "declined", "no", 402)
DRIFT = Failure(ErrorClass.CONTRACT_VIOLATION, "response_schema", "odd", 200, sent=True)


@pytest.mark.parametrize(
    ("failure", "effect", "attempt", "elapsed_s", "remaining_s", "verdict"),
    [
        (TRANSIENT, Effect.SAFE, 1, 0, None, "retry"),
        (TRANSIENT, Effect.UNKEYED, 1, 0, None, "retry"),
        (TRANSIENT, Effect.SAFE, 3, 0, None, "fail"),
        (TRANSIENT, Effect.SAFE, 1, 100, None, "fail"),
        (TRANSIENT, Effect.SAFE, 1, 0, 0.5, "fail"),
        (REJECTED, Effect.SAFE, 1, 0, None, "fail"),
        (REJECTED, Effect.UNKEYED, 1, 0, None, "fail"),
        (IN_DOUBT, Effect.SAFE, 1, 0, None, "retry"),
        (IN_DOUBT, Effect.SAFE, 3, 0, None, "fail"),
        (IN_DOUBT, Effect.KEYED, 1, 0, None, "retry"),
        (IN_DOUBT, Effect.KEYED, 3, 0, None, "retry"),
        (IN_DOUBT, Effect.KEYED, 30, 300, None, "retry"),
        (IN_DOUBT, Effect.KEYED, 3, 400, None, "unknown"),
        (IN_DOUBT, Effect.KEYED, 3, 0, 0.5, "unknown"),
        (IN_DOUBT, Effect.KEYED, 1, 0, 0.5, "unknown"),
        (IN_DOUBT, Effect.LOOKUP, 1, 0, None, "retry"),
        (IN_DOUBT, Effect.LOOKUP, 3, 0, None, "retry"),
        (IN_DOUBT, Effect.LOOKUP, 4, 300, None, "retry"),
        (IN_DOUBT, Effect.LOOKUP, 4, 400, None, "unknown"),
        (IN_DOUBT, Effect.UNKEYED, 1, 0, None, "unknown"),
        (DRIFT, Effect.SAFE, 1, 0, None, "fail"),
        (DRIFT, Effect.KEYED, 1, 0, None, "unknown"),
        (DRIFT, Effect.LOOKUP, 1, 0, None, "retry"),
        (DRIFT, Effect.UNKEYED, 1, 0, None, "unknown"),
        (
            Failure(ErrorClass.BUSINESS_REJECTION, "busy", "later", 409, retryable=True),
            Effect.SAFE,
            1,
            0,
            None,
            "retry",
        ),
        (Failure(ErrorClass.TRANSIENT, "gone", "never", 503, retryable=False), Effect.SAFE, 1, 0, None, "fail"),
    ],
)
def test_decision_follows_class_effect_and_doubt(
    failure: Failure, effect: Effect, attempt: int, elapsed_s: float, remaining_s: float | None, verdict: str
) -> None:
    decision = decide(
        failure,
        effect=effect,
        attempt=attempt,
        settings=SETTINGS,
        elapsed_s=elapsed_s,
        remaining_s=remaining_s,
        draw=0.5,
    )
    assert decision.verdict == verdict


@pytest.mark.parametrize(
    ("failure", "attempt", "verdict"),
    [
        (TRANSIENT, 3, "retry"),
        (Failure(ErrorClass.AUTH, "http_401", "no", 401), 2, "unknown"),
        (Failure(ErrorClass.THROTTLED, "http_429", "later", 429), 3, "retry"),
        (Failure(ErrorClass.CONFLICT, "http_409", "busy", 409), 2, "unknown"),
        (Failure(ErrorClass.CONFIGURATION, "egress_denied", "not allowed"), 2, "unknown"),
        (Failure(ErrorClass.CONTRACT_VIOLATION, "params", "never left"), 2, "unknown"),
        (REJECTED, 2, "fail"),
        (Failure(ErrorClass.NOT_FOUND, "http_404", "no such customer", 404), 2, "fail"),
    ],
)
def test_only_an_answer_about_the_request_settles_an_earlier_doubt(
    failure: Failure, attempt: int, verdict: str
) -> None:
    """A refused connection or credential says nothing about the attempt before it."""

    def decided(effect: Effect) -> str:
        return decide(
            failure,
            effect=effect,
            attempt=attempt,
            settings=SETTINGS,
            elapsed_s=0,
            remaining_s=None,
            draw=0.5,
            doubted=True,
        ).verdict

    assert decided(Effect.KEYED) == verdict
    assert decided(Effect.SAFE) != "unknown"


def test_a_look_up_is_not_asked_before_it_is_conclusive() -> None:
    decision = decide(
        IN_DOUBT, effect=Effect.LOOKUP, attempt=1, settings=SETTINGS, elapsed_s=0, remaining_s=None, draw=0, settle_s=7
    )
    assert decision.delay_s == 7


@pytest.mark.parametrize(
    ("attempt", "draw", "retry_after_s", "expected"),
    [(1, 0.5, None, 1.0), (2, 0.5, None, 2.0), (3, 1.0, None, 8.0), (30, 1.0, None, 60.0), (900, 1.0, None, 60.0)],
)
def test_delay_doubles_up_to_the_cap(attempt: int, draw: float, retry_after_s: float | None, expected: float) -> None:
    assert backoff(attempt, SETTINGS, draw, retry_after_s) == expected


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.booleans(),
)
def test_delay_stays_between_retry_after_and_the_cap(
    attempt: int, draw: float, retry_after_s: float | None, within: bool
) -> None:
    delay = backoff(attempt, SETTINGS, draw, retry_after_s, within_budget=within)
    assert 0 <= delay <= SETTINGS.cap_s
    if retry_after_s is not None:
        assert delay >= min(retry_after_s, SETTINGS.cap_s)


failures = st.builds(
    Failure,
    error_class=st.sampled_from(ErrorClass),
    code=st.just("c"),
    message=st.just("m"),
    retryable=st.sampled_from([None, True, False]),
    retry_after_s=st.one_of(st.none(), st.floats(0, 1e5)),
    sent=st.booleans(),
)


@given(
    failures,
    st.sampled_from(Effect),
    st.integers(1, 60),
    st.floats(0, 1e6),
    st.one_of(st.none(), st.floats(-10, 1e6)),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_no_effect_in_doubt_is_repeated_blindly_or_called_failed(
    failure: Failure,
    effect: Effect,
    attempt: int,
    elapsed_s: float,
    remaining_s: float | None,
    draw: float,
    doubted: bool,
) -> None:
    decision = decide(
        failure,
        effect=effect,
        attempt=attempt,
        settings=SETTINGS,
        elapsed_s=elapsed_s,
        remaining_s=remaining_s,
        draw=draw,
        doubted=doubted,
    )
    in_doubt = is_in_doubt(failure, effect, doubted=doubted)
    assert in_doubt or not failure.sent or effect is Effect.SAFE
    if in_doubt:
        assert decision.verdict != "fail"
        assert effect is not Effect.UNKEYED or decision.verdict == "unknown"
    else:
        assert decision.verdict != "unknown"
    if decision.verdict == "retry":
        assert attempt < SETTINGS.max_attempts or (in_doubt and elapsed_s + decision.delay_s <= SETTINGS.doubt_s)
        assert remaining_s is None or decision.delay_s < remaining_s


def test_every_error_class_has_a_rule() -> None:
    assert set(RULES) == set(ErrorClass)


def test_retries_of_a_connection_are_a_share_of_its_calls() -> None:
    budget, connection = RetryBudget(lambda: 0.0), uuid4()
    assert sum(budget.spend(connection) for _ in range(100)) == 20
    for _ in range(50):
        budget.earn(connection)
    assert sum(budget.spend(connection) for _ in range(100)) == pytest.approx(10, abs=1)
    assert budget.spend(uuid4())


def test_a_quiet_connection_gets_its_retries_back_with_time() -> None:
    moment = [100.0]
    budget, connection = RetryBudget(lambda: moment[0]), uuid4()
    assert sum(budget.spend(connection) for _ in range(30)) == 20
    moment[0] += 5
    assert sum(budget.spend(connection) for _ in range(30)) == 5
    moment[0] += 3600
    assert sum(budget.spend(connection) for _ in range(30)) == 20


def test_beyond_the_budget_retries_wait_for_the_upper_half_of_the_cap() -> None:
    assert backoff(1, SETTINGS, 0.0, None, within_budget=False) == 30
