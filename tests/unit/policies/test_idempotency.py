"""What the ledger says, what goes out, and what the ledger has to hold afterwards: as a table."""

import asyncio
from typing import Literal

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.policies.effects import IntendResult, Intent, Recorded
from ipaas.policies.idempotency import IdempotencyPolicy
from ipaas.policies.pipeline import Call, Effect, Failure, Reconciled, Response, compose
from ipaas.policies.retry import RetryPolicy
from ipaas.policies.timeouts import TimeoutPolicy
from tests.factories.ledger import MemoryLedger
from tests.unit.policies.doubles import Transport, call_of

OK = Response("ok", data={"id": 1})
FOUND = Reconciled("found", data={"id": 7})
ABSENT = Reconciled("absent")
LATER = Reconciled("undecided", response=Response("retry", wait_s=3))
DEFERRED = Reconciled("undecided", response=Response("deferred", wait_s=3))
LOST = Reconciled("undecided", response=Response("failed", error=Failure(ErrorClass.AUTH, "http_401", "no")))


@pytest.mark.parametrize(
    ("effect", "book", "looked_up", "attempt", "kind", "data", "sent", "state"),
    [
        (Effect.SAFE, "done", None, 1, "ok", {"id": 1}, 1, "none"),
        (Effect.KEYED, None, None, 1, "ok", {"id": 1}, 1, "done"),
        (Effect.UNKEYED, None, None, 1, "ok", {"id": 1}, 1, "done"),
        (Effect.KEYED, "done", None, 1, "recorded", {"id": 9}, 0, "none"),
        (Effect.LOOKUP, "done", None, 1, "recorded", {"id": 9}, 0, "none"),
        (Effect.UNKEYED, "done", None, 1, "recorded", {"id": 9}, 0, "none"),
        (Effect.KEYED, "failed", None, 2, "ok", {"id": 1}, 1, "done"),
        (Effect.UNKEYED, "failed", None, 2, "ok", {"id": 1}, 1, "done"),
        (Effect.KEYED, "open", None, 1, "ok", {"id": 1}, 1, "done"),
        (Effect.KEYED, "unknown", None, 1, "ok", {"id": 1}, 1, "done"),
        (Effect.UNKEYED, "open", None, 1, "unknown", None, 0, "unknown"),
        (Effect.UNKEYED, "unknown", None, 1, "unknown", None, 0, "unknown"),
        (Effect.LOOKUP, "open", FOUND, 1, "ok", {"id": 7}, 0, "done"),
        (Effect.LOOKUP, "unknown", FOUND, 1, "ok", {"id": 7}, 0, "done"),
        (Effect.LOOKUP, "open", ABSENT, 2, "ok", {"id": 1}, 1, "done"),
        (Effect.LOOKUP, "open", ABSENT, 6, "failed", None, 0, "failed"),
        (Effect.LOOKUP, "open", LATER, 2, "retry", None, 0, "open"),
        (Effect.LOOKUP, "open", DEFERRED, 2, "deferred", None, 0, "open"),
        (Effect.LOOKUP, "open", LOST, 2, "unknown", None, 0, "unknown"),
        (Effect.LOOKUP, "open", None, 2, "unknown", None, 0, "unknown"),
    ],
)
@pytest.mark.parametrize("fresh", [False, True])
async def test_each_state_of_the_book_leads_to_one_answer(
    effect: Effect,
    book: str | None,
    looked_up: Reconciled | None,
    attempt: int,
    kind: str,
    data: object,
    sent: int,
    state: str,
    fresh: bool,
) -> None:
    """``fresh`` skips the look into the book; the intent then finds out, with the same end."""
    ledger, transport = MemoryLedger(), Transport(OK)
    if book is not None:
        ledger.books[b"key"] = Recorded(book, data={"id": 9})  # type: ignore[arg-type]

    async def reconcile(call: Call, known: Recorded) -> Reconciled:
        assert looked_up is not None
        return looked_up

    call = call_of(
        effect, attempt=attempt, ledger=ledger, fresh=fresh, reconcile=reconcile if looked_up is not None else None
    )
    response = await compose([IdempotencyPolicy()], transport)(call)
    assert (response.kind, response.data, len(transport.calls), response.effect_state) == (kind, data, sent, state)
    assert ledger.lookups == (0 if fresh or effect is Effect.SAFE else 1)


@pytest.mark.parametrize("state", ["open", "unknown"])
async def test_a_key_in_doubt_is_never_sent_with_other_values(state: Literal["open", "unknown"]) -> None:
    ledger, transport = MemoryLedger(), Transport(OK)
    ledger.books[b"key"] = Recorded(state, changed=True)
    response = await compose([IdempotencyPolicy()], transport)(call_of(Effect.KEYED, attempt=1, ledger=ledger))
    assert (response.kind, response.effect_state, transport.calls) == ("unknown", "unknown", [])


@pytest.mark.parametrize(
    ("answer", "kind", "state"),
    [
        (Failure(ErrorClass.AUTH, "http_401", "no", 401), "unknown", "unknown"),
        (Failure(ErrorClass.TRANSIENT, "refused", "no connection"), "retry", "open"),
        (Failure(ErrorClass.BUSINESS_REJECTION, "declined", "no", 402), "failed", "failed"),
    ],
)
async def test_an_effect_stays_in_doubt_until_an_answer_is_about_it(answer: Failure, kind: str, state: str) -> None:
    """The attempt before this one was sent and not answered."""
    ledger = MemoryLedger()
    ledger.books[b"key"] = Recorded("open")
    call = call_of(Effect.KEYED, attempt=2, ledger=ledger)
    pipeline = compose([RetryPolicy(), IdempotencyPolicy()], Transport(Response("failed", error=answer)))
    response = await pipeline(call)
    assert (response.kind, response.effect_state) == (kind, state)


async def test_another_holder_of_the_intent_defers() -> None:
    class Held(MemoryLedger):
        async def intend(self, intent: Intent) -> IntendResult:
            return IntendResult("open_other", Recorded("open"))

    transport = Transport(OK)
    response = await compose([IdempotencyPolicy()], transport)(call_of(ledger=Held()))
    assert (response.kind, transport.calls) == ("deferred", [])


async def test_an_error_of_the_ledger_passes_through_untouched() -> None:
    class Gone(MemoryLedger):
        async def intend(self, intent: Intent) -> IntendResult:
            raise ConnectionResetError

    transport = Transport(OK)
    call = call_of(ledger=Gone())
    with pytest.raises(ConnectionResetError):
        await compose([IdempotencyPolicy()], transport)(call)
    assert isinstance(call.interruption, ConnectionResetError)
    assert transport.calls == []


async def test_the_commit_of_an_intent_is_not_cut_off_by_the_timeout() -> None:
    done = asyncio.Event()

    class Slow(MemoryLedger):
        async def intend(self, intent: Intent) -> IntendResult:
            loop = asyncio.get_running_loop()
            loop.call_later(0.05, done.set)
            await done.wait()
            return await super().intend(intent)

    call = call_of(ledger=Slow(), policy={"timeout_s": 0.01})
    response = await compose([IdempotencyPolicy(), TimeoutPolicy()], Transport(OK))(call)
    assert response.kind == "ok"


async def test_a_call_without_ledger_is_sent_and_leaves_nothing() -> None:
    response = await compose([IdempotencyPolicy()], Transport(OK))(call_of())
    assert (response.kind, response.effect_state) == ("ok", "none")
