"""Breaker, rate limit and concurrency cap as one policy, since all three are decided in one round trip.

A call that is not let through is deferred: it uses no attempt, and its intent is never made.
"""

from ipaas.core.errors import ErrorClass
from ipaas.policies.limits.gatekeeper import Gatekeeper
from ipaas.policies.limits.gates import Denied, Outcome, Ticket
from ipaas.policies.meters import DEFERRALS
from ipaas.policies.pipeline import Call, CallNext, Failure, Response, Verdict
from ipaas.policies.taxonomy import RULES

_ADMITTED: Verdict = {"policy": "limits", "verdict": "admitted"}
_PROBE: Verdict = {"policy": "limits", "verdict": "probe"}
_FORCED_OPEN_WAIT_S = 30.0
_DEFAULT_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_MESSAGES = {
    "rate_limited": "The rate limit of the connection is used up for now.",
    "breaker_open": "The breaker is open: the other side failed too often lately.",
    "held_open": "The connection is paused: its breaker is held open until somebody releases it.",
    "concurrency": "As many calls as allowed are under way.",
    "quota": "The daily quota of the connection is used up.",
    "paused": "The other side asked for a pause.",
}


class AdmissionPolicy:
    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper

    async def __call__(self, call_next: CallNext, call: Call) -> Response:
        if call.forced_breaker == "open":
            return _deferred(call, Denied("breaker_open", _FORCED_OPEN_WAIT_S), forced=True)
        answer = await self._gatekeeper.admit(call.limits, call.cost)
        if isinstance(answer, Denied):
            if not (answer.reason == "breaker_open" and call.forced_breaker == "closed"):
                return _deferred(call, answer)
            return await call_next(call)
        return await self._admitted(call_next, call, answer)

    async def _admitted(self, call_next: CallNext, call: Call, ticket: Ticket) -> Response:
        call.verdicts.append(_ADMITTED if ticket.mode == 0 else _PROBE)
        outcome: Outcome = "ignored"
        pause_s = 0.0
        held = [ticket]

        async def admit_again() -> float:
            """Hand the ticket of the request that was answered back, and ask for one more; 0 when there is one."""
            while held:
                self._gatekeeper.settle(held.pop(), "ok")
            answer = await self._gatekeeper.admit(call.limits, call.cost)
            if isinstance(answer, Ticket):
                held.append(answer)
                return 0.0
            overruled = answer.reason == "breaker_open" and call.forced_breaker == "closed"
            return 0.0 if overruled else max(answer.wait_s, 0.001)

        call.admit_again = admit_again
        try:
            response = await call_next(call)
            outcome, pause_s = _health(response)
            pause_s = max(pause_s, min(_LONGEST_PAUSE_S, call.announced_pause_s))
        finally:
            for last in held:
                self._gatekeeper.settle(last, outcome, pause_s)
        return response


def _health(response: Response) -> tuple[Outcome, float]:
    """What a response says about the other side, and for how long it asked to be left alone."""
    failure = response.error
    if response.kind in ("deferred", "recorded"):
        return "ignored", 0.0
    if failure is None:
        return "ok", 0.0
    if RULES[failure.error_class].unhealthy:
        return "failed", 0.0
    if failure.error_class is ErrorClass.THROTTLED:
        return "ignored", min(_LONGEST_PAUSE_S, failure.retry_after_s or _DEFAULT_PAUSE_S)
    return ("ok" if failure.status is not None else "ignored"), 0.0


def _deferred(call: Call, denied: Denied, *, forced: bool = False) -> Response:
    DEFERRALS.labels(denied.reason).inc()
    call.note("limits", denied.reason, wait_s=round(denied.wait_s, 3), **({"forced": True} if forced else {}))
    remaining, told = call.remaining_s, _MESSAGES["held_open" if forced else denied.reason]
    if remaining is not None and denied.wait_s >= remaining:
        message = f"{told} The run's deadline comes before it may be tried."
        late = Failure(ErrorClass.TIMEOUT, "deadline_before_admission", message, retryable=False)
        return Response("failed", error=late)
    error = Failure(
        ErrorClass.THROTTLED if denied.reason != "breaker_open" else ErrorClass.TRANSIENT,
        denied.reason,
        told,
    )
    return Response("deferred", error=error, wait_s=denied.wait_s)
