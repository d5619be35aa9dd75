"""Whether a failed attempt is made again, and when: a pure decision; nothing here sleeps."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Literal, Protocol
from uuid import UUID

from ipaas.core.errors import ErrorClass
from ipaas.policies.pipeline import Call, CallNext, Effect, EffectState, Failure, Response
from ipaas.policies.settings import RetrySettings

_MAX_DOUBLINGS = 32
_MIN_RETRY_AFTER_S = 0.05
_CONCLUSIVE = frozenset({ErrorClass.BUSINESS_REJECTION, ErrorClass.NOT_FOUND, ErrorClass.CONTRACT_VIOLATION})
_RETRY_SHARE = 0.2
_RETRY_RESERVE = 20.0
_RETRIES_PER_S = 1.0
_MAX_BUDGETS = 10_000


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """``retry`` after ``delay_s``; ``fail`` for good; ``unknown``: it may have happened and an operator must say."""

    verdict: Literal["retry", "fail", "unknown"]
    reason: str
    delay_s: float = 0.0


def decide(
    failure: Failure,
    *,
    effect: Effect,
    attempt: int,
    settings: RetrySettings,
    elapsed_s: float,
    remaining_s: float | None,
    draw: float,
    within_budget: bool = True,
    settle_s: float = 0.0,
    doubted: bool = False,
) -> RetryDecision:
    """Decide about attempt number ``attempt`` having failed.

    ``doubted``: an earlier attempt may have taken effect. Attempts bound how often an effect is tried. Whether it
    happened is worth more: while it is in doubt and the other side recognises it, it is settled for ``doubt_s``.


    ``draw`` is a random number in [0, 1); ``remaining_s`` the time left to the run. ``within_budget`` False (too
    many retries on this connection lately) stretches the delay to the upper half of the cap. ``settle_s``: seconds
    after which a look-up of an effect in doubt is conclusive.
    """
    in_doubt = is_in_doubt(failure, effect, doubted=doubted)
    if in_doubt and effect is Effect.UNKEYED:
        return RetryDecision("unknown", "the effect may have happened and cannot be recognised if repeated")
    delay = backoff(attempt, settings, draw, failure.retry_after_s, within_budget=within_budget)
    if in_doubt and effect is Effect.LOOKUP:
        delay = max(delay, settle_s)
    obstacle = _obstacle(failure, attempt, settings, elapsed_s + delay, remaining_s, delay)
    if obstacle is None:
        return RetryDecision("retry", failure.error_class, delay)
    if not in_doubt:
        return RetryDecision("fail", obstacle)
    recognised = effect is Effect.LOOKUP or failure.may_retry
    has_time = elapsed_s + delay <= settings.doubt_s and (remaining_s is None or delay < remaining_s)
    if recognised and has_time:
        return RetryDecision("retry", f"settle whether it happened ({obstacle})", delay)
    return RetryDecision("unknown", f"the effect may have happened ({obstacle})")


def is_in_doubt(failure: Failure, effect: Effect, *, doubted: bool) -> bool:
    """Whether the effect may have happened, now or at an earlier attempt that this failure says nothing about.

    An answer that judged the very same request settles what was in doubt; a refused credential or connection, a
    pause asked for and a conflict do not.
    """
    if effect is Effect.SAFE:
        return False
    return failure.sent or (doubted and not (failure.status is not None and failure.error_class in _CONCLUSIVE))


def backoff(
    attempt: int, settings: RetrySettings, draw: float, retry_after_s: float | None, *, within_budget: bool = True
) -> float:
    """Seconds until the next attempt: full jitter, never before Retry-After, never beyond the cap."""
    ceiling = min(settings.cap_s, settings.base_s * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
    delay = ceiling * draw
    if not within_budget:
        delay = settings.cap_s * (0.5 + draw / 2)
    if retry_after_s is not None:
        asked = max(_MIN_RETRY_AFTER_S, retry_after_s)
        delay = max(delay, asked + min(1.0, asked * 0.1) * draw)
    return min(delay, settings.cap_s)


def _obstacle(
    failure: Failure,
    attempt: int,
    settings: RetrySettings,
    elapsed_at_retry_s: float,
    remaining_s: float | None,
    delay: float,
) -> str | None:
    if not failure.may_retry:
        return f"{failure.error_class} is not retried"
    if attempt >= settings.max_attempts:
        return f"attempt {attempt} of {settings.max_attempts}"
    if elapsed_at_retry_s > settings.budget_s:
        return "time for retries used up"
    if remaining_s is not None and delay >= remaining_s:
        return "the run's deadline comes first"
    return None


class RetryBudget:
    """Retries per connection stay under a share of its calls, over a small reserve; per process, bounded in size.

    The reserve fills again with time, so that a quiet connection is not held to a burst of long ago.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._credit: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def earn(self, connection_id: UUID) -> None:
        """Count a first attempt."""
        self._keep(connection_id, min(_RETRY_RESERVE, self._left(connection_id) + _RETRY_SHARE))

    def spend(self, connection_id: UUID) -> bool:
        """Take one retry; False when the budget is used up."""
        left = self._left(connection_id)
        if left < 1:
            return False
        self._keep(connection_id, left - 1)
        return True

    def _left(self, connection_id: UUID) -> float:
        credit, at = self._credit.get(connection_id, (_RETRY_RESERVE, 0.0))
        return min(_RETRY_RESERVE, credit + max(0.0, self._clock() - at) * _RETRIES_PER_S)

    def _keep(self, connection_id: UUID, credit: float) -> None:
        self._credit[connection_id] = (credit, self._clock())
        if len(self._credit) > _MAX_BUDGETS:
            self._credit.popitem(last=False)


class Random(Protocol):
    def random(self) -> float: ...


class RetryPolicy:
    """Turns a failed response into ``retry``, ``failed`` or ``unknown``."""

    def __init__(self, budget: RetryBudget | None = None, random: Random | None = None) -> None:
        self._budget = budget or RetryBudget()
        self._random = random or SystemRandom()

    async def __call__(self, call_next: CallNext, call: Call) -> Response:
        if call.attempt == 1:
            self._budget.earn(call.connection_id)
        response = await call_next(call)
        if response.kind != "failed" or response.error is None:
            return response
        return self._decided(call, response, response.error)

    def _decided(self, call: Call, response: Response, failure: Failure) -> Response:
        affordable = not failure.may_retry or self._budget.spend(call.connection_id)
        decision = decide(
            failure,
            effect=call.effect,
            attempt=call.attempt,
            settings=call.settings.retry,
            elapsed_s=call.elapsed_s,
            remaining_s=call.remaining_s,
            draw=self._random.random(),
            within_budget=affordable,
            settle_s=call.settle_s,
            doubted=call.doubted,
        )
        call.note("retry", decision.verdict, reason=decision.reason, delay_s=round(decision.delay_s, 3))
        state = _effect_state(call, failure) if response.effect_state == "none" else response.effect_state
        if decision.verdict == "retry":
            return response.changed(kind="retry", wait_s=decision.delay_s, effect_state=state)
        if decision.verdict == "fail":
            return response.changed(effect_state=state)
        unknown = Failure(
            error_class=ErrorClass.OUTCOME_UNKNOWN,
            code="outcome_unknown",
            message=f"Nobody can tell whether it happened: {failure.message}",
            status=failure.status,
            sent=True,
        )
        touched = call.intended or call.doubted
        return response.changed(kind="unknown", error=unknown, effect_state="unknown" if touched else "none")


def _effect_state(call: Call, failure: Failure) -> EffectState:
    if not call.intended:
        return "none"
    return "open" if is_in_doubt(failure, call.effect, doubted=call.doubted) else "failed"
