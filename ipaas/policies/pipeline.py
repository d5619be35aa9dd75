"""Calls, responses and the folding of policies into one function.

A policy receives the next stage and the call; it answers itself or passes on. Everything a call meets on its way is
noted in ``Call.verdicts``, which ends in the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from ipaas.core.errors import ErrorClass
from ipaas.policies.effects import EffectLedger, Recorded
from ipaas.policies.limits.model import LimitSpec
from ipaas.policies.settings import PolicySettings
from ipaas.policies.taxonomy import is_retryable

JSON = Any
Verdict = Mapping[str, JSON]
Kind = Literal["ok", "recorded", "retry", "deferred", "failed", "unknown"]
EffectState = Literal["none", "open", "done", "failed", "unknown"]


class Effect(StrEnum):
    """What repeating an action does at the other side; ``SAFE`` changes nothing, the others as in the manifest."""

    SAFE = "safe"
    KEYED = "keyed"
    LOOKUP = "lookup"
    UNKEYED = "unkeyed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed.

    ``sent``: the request may have reached the other side and been acted upon. False is a promise that the effect
    did not happen, either because nothing left or because the answer says so.
    """

    error_class: ErrorClass
    code: str
    message: str
    status: int | None = None
    retryable: bool | None = None
    retry_after_s: float | None = None
    sent: bool = False

    @property
    def may_retry(self) -> bool:
        return is_retryable(self.error_class, self.retryable)


@dataclass(slots=True)
class Call:
    """One attempt on its way out. ``attempt`` counts from 1; deferrals do not count.

    ``before_send`` is awaited with the request's hash as the last act before the first byte leaves; what it raises
    is kept in ``interruption``: no connector can swallow it. ``deadline`` is in the loop's time; ``scope`` keeps it.
    ``doubted``: an earlier attempt may have taken effect, and its request is repeated as it was. ``admit_again``
    asks for a further request of the same attempt, and says how long to wait where there is none yet.
    ``announced_pause_s``: the last answer said that nothing is left of its rate limit for so long.
    """

    workspace_id: UUID
    connection_id: UUID
    operation: str
    settings: PolicySettings
    limits: LimitSpec
    effect: Effect
    attempt: int
    first_started_at: datetime
    now: datetime
    effect_key: bytes | None = None
    fresh: bool = False
    ledger: EffectLedger | None = None
    reconcile: "Reconcile | None" = None
    settle_s: float = 0.0
    deadline_at: datetime | None = None
    cost: int = 1
    forced_breaker: Literal["open", "closed"] | None = None
    work: "CallNext | None" = None
    before_send: Callable[[bytes], Awaitable[None]] | None = None
    admit_again: Callable[[], Awaitable[float]] | None = None
    interruption: Exception | None = None
    deadline: float = 0.0
    scope: asyncio.Timeout | None = None
    sent: bool = False
    intended: bool = False
    doubted: bool = False
    announced_pause_s: float = 0.0
    request_hash: bytes = b""
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the run's deadline, counted from the start of the attempt."""
        return None if self.deadline_at is None else (self.deadline_at - self.now).total_seconds()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first attempt began."""
        return (self.now - self.first_started_at).total_seconds()

    def hold_deadline(self) -> Callable[[], None]:
        """Stop the attempt's clock for a wait of our own; the function returned lets it go on."""
        scope = self.scope
        if scope is None or scope.expired():
            return _nothing
        loop = asyncio.get_running_loop()
        started = loop.time()
        scope.reschedule(None)

        def go_on() -> None:
            self.deadline += loop.time() - started
            scope.reschedule(self.deadline)

        return go_on

    def note(self, policy: str, verdict: str, **details: JSON) -> None:
        self.verdicts.append({"policy": policy, "verdict": verdict, **details})


def _nothing() -> None:
    """There was no clock to stop."""


@dataclass(frozen=True, slots=True)
class Response:
    """What became of an attempt.

    ``retry`` and ``deferred`` are due again after ``wait_s``; a deferral used no attempt and sent nothing.
    ``effect_state`` is what the effect ledger has to hold afterwards (``none``: no intent was made or touched).
    """

    kind: Kind
    data: JSON = None
    error: Failure | None = None
    wait_s: float | None = None
    status: int | None = None
    effect_state: EffectState = "none"
    request: JSON = None
    response: JSON = None

    def changed(self, **fields: Any) -> "Response":
        return replace(self, **fields)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look-up found out; ``undecided`` carries the response to hand on (a retry, a deferral, a failure)."""

    state: Literal["found", "absent", "undecided"]
    data: JSON = None
    response: Response | None = None


Reconcile = Callable[[Call, Recorded], Awaitable[Reconciled]]
CallNext = Callable[[Call], Awaitable[Response]]
Policy = Callable[[CallNext, Call], Awaitable[Response]]


def compose(policies: Sequence[Policy], transport: CallNext) -> CallNext:
    """Fold policies around a transport, outermost first."""
    stage = transport
    for policy in reversed(policies):
        stage = _stage(policy, stage)
    return stage


def _stage(policy: Policy, inner: CallNext) -> CallNext:
    def run(call: Call) -> Awaitable[Response]:
        return policy(inner, call)

    return run
