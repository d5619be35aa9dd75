"""Order, deadlines, and what retry makes of a failure on its way out."""

import asyncio
from datetime import timedelta

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.policies.admission import AdmissionPolicy
from ipaas.policies.idempotency import IdempotencyPolicy
from ipaas.policies.limits.gatekeeper import Gatekeeper
from ipaas.policies.limits.model import Admission, Mode
from ipaas.policies.observe import ObservePolicy
from ipaas.policies.pipeline import Call, CallNext, Effect, Failure, Policy, Response, compose
from ipaas.policies.retry import RetryPolicy
from ipaas.policies.timeouts import TimeoutPolicy
from tests.factories.ledger import MemoryLedger
from tests.unit.policies.doubles import NOW, Transport, call_of
from tests.unit.policies.test_gatekeeper import LIMITED, SPEC, Store

DOWN = Response("failed", error=Failure(ErrorClass.TRANSIENT, "http_503", "down", 503))
LOST = Response("failed", error=Failure(ErrorClass.TIMEOUT, "timeout", "lost", sent=True))


def stack(store: Store) -> list[Policy]:
    return [
        ObservePolicy("test"),
        RetryPolicy(),
        IdempotencyPolicy(),
        AdmissionPolicy(Gatekeeper(store)),
        TimeoutPolicy(),
    ]


async def test_policies_wrap_from_the_outside_in() -> None:
    order: list[str] = []

    def noting(name: str) -> Policy:
        async def policy(call_next: CallNext, call: Call) -> Response:
            order.append(name)
            return await call_next(call)

        return policy

    await compose([noting("outer"), noting("inner")], Transport(Response("ok")))(call_of())
    assert order == ["outer", "inner"]


@pytest.mark.parametrize(
    ("effect", "response", "kind", "state"),
    [
        (Effect.SAFE, DOWN, "retry", "none"),
        (Effect.KEYED, DOWN, "retry", "failed"),
        (Effect.UNKEYED, DOWN, "retry", "failed"),
        (Effect.KEYED, LOST, "retry", "open"),
        (Effect.LOOKUP, LOST, "retry", "open"),
        (Effect.UNKEYED, LOST, "unknown", "unknown"),
        (Effect.SAFE, LOST, "retry", "none"),
        (Effect.KEYED, Response("ok"), "ok", "done"),
    ],
)
async def test_the_whole_stack_says_what_the_ledger_has_to_hold(
    effect: Effect, response: Response, kind: str, state: str
) -> None:
    call = call_of(effect, ledger=MemoryLedger())
    outcome = await compose(stack(Store()), Transport(response))(call)
    assert (outcome.kind, outcome.effect_state) == (kind, state)


@pytest.mark.parametrize("mode", [Mode.OPEN, Mode.CLOSED])
async def test_who_is_not_admitted_makes_no_intent_and_uses_no_attempt(mode: Mode) -> None:
    store, ledger = Store(), MemoryLedger()
    reason = "breaker_open" if mode is Mode.OPEN else "quota"
    store.answer = Admission(mode, 0, 0, 1000, reason)  # type: ignore[arg-type]
    transport = Transport(Response("ok"))
    outcome = await compose(stack(store), transport)(call_of(ledger=ledger, limits=LIMITED))
    assert outcome.kind == "deferred"
    assert outcome.wait_s is not None
    assert outcome.wait_s >= 1
    assert (transport.calls, ledger.intents) == ([], [])


async def test_a_deferral_beyond_the_runs_deadline_is_a_failure() -> None:
    store = Store()
    store.answer = Admission(Mode.OPEN, 0, 0, 60_000, "breaker_open")
    call = call_of(limits=SPEC, deadline_at=NOW + timedelta(seconds=30))
    outcome = await compose(stack(store), Transport(Response("ok")))(call)
    assert outcome.kind == "failed"
    assert outcome.error is not None
    assert outcome.error.code == "deadline_before_admission"


@pytest.mark.parametrize(
    ("response", "ok", "failed"),
    [
        (Response("ok"), 1, 0),
        (DOWN, 0, 1),
        (Response("failed", error=Failure(ErrorClass.BUSINESS_REJECTION, "declined", "no", 402)), 1, 0),
        (Response("failed", error=Failure(ErrorClass.CONFIGURATION, "egress", "no")), 0, 0),
    ],
)
async def test_only_an_unhealthy_other_side_counts_against_the_breaker(
    response: Response, ok: int, failed: int
) -> None:
    store = Store()
    keeper = Gatekeeper(store)
    await compose([AdmissionPolicy(keeper)], Transport(response))(call_of(limits=SPEC))
    await keeper.drain()
    assert (store.reports[0].ok, store.reports[0].failed) == (ok, failed)


@pytest.mark.parametrize(("sent", "in_doubt"), [(True, True), (False, False)])
async def test_timeout_tells_whether_the_request_had_left(sent: bool, in_doubt: bool) -> None:
    async def hang(call: Call) -> Response:
        call.sent = sent
        await asyncio.Event().wait()
        return Response("ok")

    outcome = await compose([TimeoutPolicy()], hang)(call_of(policy={"timeout_s": 0.02}))
    assert outcome.error is not None
    assert (outcome.error.error_class, outcome.error.sent) == (ErrorClass.TIMEOUT, in_doubt)


async def test_after_the_runs_deadline_nothing_is_sent() -> None:
    transport = Transport(Response("ok"))
    outcome = await compose([TimeoutPolicy()], transport)(call_of(deadline_at=NOW))
    assert (outcome.kind, transport.calls) == ("failed", [])
