"""An effect happens at most once: recorded results are returned, open intents are settled before anything is sent."""

from collections.abc import Awaitable, Callable

from ipaas.core.errors import ErrorClass
from ipaas.policies.effects import EffectLedger, IntendResult, Intent, Recorded
from ipaas.policies.pipeline import Call, CallNext, Effect, Failure, Reconciled, Response

_ROUNDS = 2
_BUSY_WAIT_S = 1.0


class _Withheld(Exception):
    """The ledger knew more than was assumed and did not let the request go."""

    def __init__(self, result: IntendResult) -> None:
        super().__init__(result.state)
        self.known = result.recorded or Recorded(state="unknown" if result.state == "unknown" else "open")


class IdempotencyPolicy:
    """Works with the ledger and the look-up that the call carries."""

    async def __call__(self, call_next: CallNext, call: Call) -> Response:
        key, ledger = call.effect_key, call.ledger
        if call.effect is Effect.SAFE or key is None or ledger is None:
            return await call_next(call)
        known = None if call.fresh else await ledger.lookup(key)
        for _ in range(_ROUNDS):
            takeover = call.effect is Effect.KEYED
            if known is not None and known.state != "failed":
                settled = await self._settle(call, known)
                if settled is not None:
                    return settled
                takeover = True
            call.before_send = _intender(call, ledger, key, takeover=takeover)
            try:
                response = await call_next(call)
            except _Withheld as withheld:
                known, call.interruption = withheld.known, None
                continue
            return response.changed(effect_state="done") if response.kind == "ok" and call.intended else response
        call.note("idempotency", "busy", reason="another attempt holds the intent")
        return Response("deferred", wait_s=_BUSY_WAIT_S)

    async def _settle(self, call: Call, known: Recorded) -> Response | None:
        """A response when the book decides; None when the request may go out (again)."""
        if known.state == "done":
            call.note("idempotency", "recorded")
            return Response("recorded", data=known.data, status=known.status)
        if call.effect is Effect.KEYED and known.changed:
            call.note("idempotency", "unknown", reason="the key belongs to other values")
            return _unknown("An earlier attempt with other values may have taken effect, and its key is theirs.")
        if call.effect is Effect.KEYED:
            call.note("idempotency", "repeat", reason="same key again")
            call.doubted = True
            return None
        if call.effect is Effect.LOOKUP:
            return await self._looked_up(call, known)
        call.note("idempotency", "unknown", reason="an earlier attempt may have taken effect")
        return _unknown("An earlier attempt may have taken effect, and the other side cannot tell.")

    async def _looked_up(self, call: Call, known: Recorded) -> Response | None:
        if call.reconcile is None:
            call.note("idempotency", "unknown", reason="there is no look-up")
            return _unknown("An earlier attempt may have taken effect, and there is no look-up.")
        result = await call.reconcile(call, known)
        if result.state == "found":
            call.note("idempotency", "found", reason="the look-up shows that it happened")
            return Response("ok", data=result.data, effect_state="done")
        if result.state == "undecided":
            call.note("idempotency", "undecided", reason="the look-up gave no answer yet")
            return _undecided(result)
        call.note("idempotency", "absent", reason="the look-up shows that it did not happen")
        if call.attempt > call.settings.retry.max_attempts:
            failure = Failure(
                ErrorClass.TRANSIENT,
                "attempts_exhausted",
                "The effect did not happen and no attempt is left.",
                retryable=False,
            )
            return Response("failed", error=failure, effect_state="failed")
        return None


def _intender(call: Call, ledger: EffectLedger, key: bytes, *, takeover: bool) -> Callable[[bytes], Awaitable[None]]:
    async def intend(request_hash: bytes) -> None:
        """Commit the intent; once per attempt."""
        if call.intended:
            return
        intent = Intent(effect_key=key, request_hash=request_hash, attempt=call.attempt, takeover=takeover)
        go_on = call.hold_deadline()  # a commit that is cut off would leave its caller in doubt about itself
        try:
            result = await ledger.intend(intent)
            if result.state != "fresh":
                raise _Withheld(result)
        except Exception as error:
            call.interruption = error
            raise
        finally:
            go_on()
        call.intended = True

    return intend


def _undecided(result: Reconciled) -> Response:
    inner = result.response
    if inner is None:
        return Response("deferred", wait_s=_BUSY_WAIT_S, effect_state="open")
    if inner.kind in ("retry", "deferred"):
        return Response(inner.kind, error=inner.error, wait_s=inner.wait_s, effect_state="open")
    reason = inner.error.message if inner.error else "it gave no answer"
    return _unknown(f"An earlier attempt may have taken effect, and the look-up failed: {reason}")


def _unknown(message: str) -> Response:
    failure = Failure(ErrorClass.OUTCOME_UNKNOWN, "outcome_unknown", message, sent=True)
    return Response("unknown", error=failure, effect_state="unknown")
