"""The one door out: every call to another system goes through ``invoke``.

It resolves the connection, opens its secret, runs the policies of ``ipaas.policies`` around the connector's action
and hands back what the journal keeps. Nothing in an outcome holds a credential.
"""

import asyncio
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from ipaas.catalog import attempts, oauth, turns
from ipaas.catalog.attempts import Work, do_action, do_look_up, do_poll
from ipaas.catalog.failures import failure_of
from ipaas.catalog.resolution import Resolved, connection_for
from ipaas.config import settings
from ipaas.core import clock
from ipaas.core.context import Trace, new_trace
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.meters import ATTEMPTS
from ipaas.core.net import client_for_loop, close_client_for_loop
from ipaas.policies.admission import AdmissionPolicy
from ipaas.policies.effects import EffectLedger, Recorded
from ipaas.policies.idempotency import IdempotencyPolicy
from ipaas.policies.limits.gatekeeper import Gatekeeper
from ipaas.policies.limits.local_store import FallbackLimitStore
from ipaas.policies.limits.redis_store import RedisLimitStore
from ipaas.policies.observe import ObservePolicy
from ipaas.policies.pipeline import (
    Call,
    CallNext,
    Effect,
    EffectState,
    Failure,
    Kind,
    Policy,
    Reconciled,
    Response,
    Verdict,
    compose,
)
from ipaas.policies.retry import RetryBudget, RetryPolicy
from ipaas.policies.timeouts import TimeoutPolicy

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """One attempt of one call. ``connection`` is a slug; ``attempt`` counts from 1, deferrals not included.

    ``fresh`` promises that the effect was never tried before, which saves a look into the ledger. ``policy`` is the
    step's policy object.
    """

    workspace_id: UUID
    environment_id: UUID
    connection: str
    action: str
    params: JSON
    run_id: UUID | None = None
    flow_label: str = ""
    step_path: str = ""
    item: str = ""
    attempt: int = 1
    effect_key: bytes | None = None
    fresh: bool = False
    policy: Mapping[str, JSON] = field(default_factory=dict)
    deadline_at: datetime | None = None
    trace: Trace = field(default_factory=new_trace)
    first_started_at: datetime = field(default_factory=clock.now)


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """``error_class`` alone decides what happens next; ``code`` is the vendor's or ours."""

    error_class: ErrorClass
    code: str
    message: str
    status: int | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOutcome:
    """What became of an attempt.

    ``retry`` and ``deferred`` are due again at ``due_at``; a deferral used no attempt. ``unknown``: the effect may
    have happened and nobody can tell. ``effect_state`` is what the ledger has to hold afterwards. ``request`` and
    ``response`` are free of credentials; None when the policy says not to capture them or nothing was sent.
    """

    kind: Kind
    data: JSON = None
    error: ErrorInfo | None = None
    due_at: datetime | None = None
    verdicts: tuple[Verdict, ...] = ()
    request: JSON = None
    response: JSON = None
    status: int | None = None
    request_hash: bytes = b""
    intent: bool = False
    effect_state: EffectState = "none"
    duration_ms: float = 0.0
    connection_id: UUID | None = None


class _Loop:
    """What belongs to one event loop: the gatekeeper and a pipeline per connector."""

    def __init__(self) -> None:
        self.store = RedisLimitStore.from_url(settings().redis_url)
        self.gatekeeper = Gatekeeper(FallbackLimitStore(self.store))
        self._pipelines: dict[str, CallNext] = {}

    def pipeline(self, connector: str) -> CallNext:
        found = self._pipelines.get(connector)
        if found is None:
            policies: list[Policy] = [
                ObservePolicy(connector),
                _retry,
                IdempotencyPolicy(),
                AdmissionPolicy(self.gatekeeper),
                TimeoutPolicy(),
            ]
            found = self._pipelines[connector] = compose(policies, attempts.transport)
        return found


_retry = RetryPolicy(RetryBudget())
_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop]" = weakref.WeakKeyDictionary()


def _here() -> _Loop:
    loop = asyncio.get_running_loop()
    found = _loops.get(loop)
    if found is None:
        found = _loops[loop] = _Loop()
    return found


async def invoke(call: GatewayCall, *, ledger: EffectLedger | None = None) -> GatewayOutcome:
    """Make one attempt of an action. Never raises for what goes wrong outside; the ledger's own errors pass through.

    An unsafe action without ``ledger`` or ``effect_key`` keeps no intent: it is not repeated once in doubt.
    """
    return await _run(call, ledger, do_action)


async def poll(call: GatewayCall, cursor: JSON) -> GatewayOutcome:
    """Read one page of a poll trigger from ``cursor``: ``call.action`` names it, ``call.params`` is what the flow says.

    ``data`` is ``{"items": [{"key", "type", "data"}], "cursor": …, "more": bool, "settle": …}``; a ``settle`` that is
    not None is awaited once, with whether the items were stored.
    """
    return await _run(call, None, partial(do_poll, cursor=cursor))


async def close() -> None:
    """Finish what must not be cut off, report what was counted and close the loop's connections.

    Whoever ends a loop that called out does this.
    """
    await oauth.finish()
    await turns.finish()
    here = _loops.pop(asyncio.get_running_loop(), None)
    if here is not None:
        await here.gatekeeper.drain()
        await here.store.aclose()
    await close_client_for_loop()


def run_to_end(make: Callable[[], Awaitable[GatewayOutcome]]) -> GatewayOutcome:
    """Run one call from synchronous code, on a loop of its own."""

    async def main() -> GatewayOutcome:
        try:
            return await make()
        finally:
            await close()

    return asyncio.run(main())


def gatekeeper() -> Gatekeeper:
    """The running loop's gatekeeper."""
    return _here().gatekeeper


async def _run(call: GatewayCall, ledger: EffectLedger | None, work: Work) -> GatewayOutcome:
    started = time.perf_counter()
    try:
        resolved = await connection_for(call.workspace_id, call.environment_id, call.connection)
        inner = _prepared(call, resolved, ledger, work)
    except IpaasError as error:
        failure = failure_of(error, default=ErrorClass.CONFIGURATION)
        return _outcome(Response("failed", error=failure), None, None, started)
    response = await _here().pipeline(resolved.connector.slug)(inner)
    if response.kind != "deferred":
        error_class = response.error.error_class.value if response.error is not None else ""
        ATTEMPTS.labels(resolved.slug, response.kind, error_class).inc()
    return _outcome(response, inner, resolved, started)


def _prepared(call: GatewayCall, resolved: Resolved, ledger: EffectLedger | None, work: Work) -> Call:
    """The call as the policies see it; raises IpaasError when it can not be made at all."""
    connector = resolved.connector
    label = f"{call.flow_label}/{call.step_path}"
    policy_settings, limits = resolved.settings_for(call.action, label, call.policy)
    compiled = connector.actions.get(call.action)
    effect = Effect.SAFE
    settle_s, cost = 0.0, 1
    if compiled is not None:
        effect = Effect(compiled.effect_for(call.params, resolved.config).value)
        cost = max(1, compiled.spec.cost)
        lookup = compiled.spec.idempotency.lookup
        settle_s = lookup.settle_s if lookup is not None else 0.0
    elif call.action not in connector.manifest.triggers:
        connector.action(call.action)  # raises: there is no such action
    attempt = attempts.Attempt(resolved, call, client_for_loop())
    return Call(
        workspace_id=call.workspace_id,
        connection_id=resolved.id,
        operation=call.action,
        settings=policy_settings,
        limits=limits,
        effect=effect,
        attempt=call.attempt,
        first_started_at=call.first_started_at,
        now=clock.now(),
        effect_key=call.effect_key,
        fresh=call.fresh,
        ledger=ledger,
        reconcile=partial(_reconcile, call) if effect is Effect.LOOKUP else None,
        settle_s=settle_s,
        deadline_at=call.deadline_at,
        cost=cost,
        forced_breaker=resolved.forced_breaker,
        work=partial(work, attempt),
    )


async def _reconcile(call: GatewayCall, outer: Call, known: Recorded) -> Reconciled:
    """Ask the other side, through the same policies, whether an effect in doubt happened."""
    if known.intended_at is not None and outer.settle_s:
        left = outer.settle_s - (clock.now() - known.intended_at).total_seconds()
        if left > 0:
            return Reconciled("undecided", response=Response("deferred", wait_s=left))
    resolved = await connection_for(call.workspace_id, call.environment_id, call.connection)
    inner = _prepared(call, resolved, None, do_look_up)
    inner.effect, inner.reconcile, inner.cost = Effect.SAFE, None, 1
    retry = inner.settings.retry  # asking is safe: as long as the doubt is worth it, not a number of times
    patient = replace(retry, max_attempts=outer.attempt + 1, budget_s=retry.doubt_s)
    inner.settings, inner.attempt = replace(inner.settings, retry=patient), outer.attempt
    response = await _here().pipeline(resolved.connector.slug)(inner)
    outer.verdicts.append({"policy": "lookup", "verdict": response.kind})
    if response.kind == "ok":
        return Reconciled("found", data=response.data["data"]) if response.data["found"] else Reconciled("absent")
    return Reconciled("undecided", response=response)


def _outcome(response: Response, call: Call | None, resolved: Resolved | None, started: float) -> GatewayOutcome:
    duration_ms = (time.perf_counter() - started) * 1000
    capture = call.settings.capture if call is not None else None
    return GatewayOutcome(
        kind=response.kind,
        data=response.data,
        error=_error_info(response.error),
        due_at=clock.now() + timedelta(seconds=response.wait_s) if response.wait_s is not None else None,
        verdicts=tuple(call.verdicts) if call is not None else (),
        request=response.request if capture is not None and capture.request else None,
        response=response.response if capture is not None and capture.response else None,
        status=response.status,
        request_hash=call.request_hash if call is not None else b"",
        intent=call.intended if call is not None else False,
        effect_state=response.effect_state,
        duration_ms=duration_ms,
        connection_id=resolved.id if resolved is not None else None,
    )


def _error_info(failure: Failure | None) -> ErrorInfo | None:
    if failure is None:
        return None
    return ErrorInfo(failure.error_class, failure.code, failure.message, failure.status, failure.may_retry)


os.register_at_fork(after_in_child=_loops.clear)
