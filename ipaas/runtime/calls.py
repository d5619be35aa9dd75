"""Call steps: one attempt through the gateway, its intent committed before it leaves and its outcome after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipaas.catalog.gateway import GatewayCall, GatewayOutcome, invoke
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.flows.plan import CallBlock
from ipaas.policies.protocols import Intent, IntendResult, Recorded
from ipaas.runtime.effects import effect_key
from ipaas.runtime.execution import (
    Execution,
    Failure,
    Frame,
    OperatorNeeded,
    Status,
    Suspended,
    effect_aad,
    params_hash,
)
from ipaas.runtime.rows import AttemptRow, EffectIntent, StepRow
from ipaas.runtime.store import EffectKey

MAX_MESSAGE = 2000


def recorded_output(execution: Execution, block: CallBlock, item: str) -> Any:
    """The output of a call that succeeded earlier: kept in the payloads, or (for an effect) in the effect."""
    output = execution.value(block.path, item, "output")
    if output is None:
        effect = execution.recorded.effects.get((block.path, item))
        if effect is not None and effect.result is not None:
            return _open_result(execution, effect)
    return output


def _open_result(execution: Execution, effect: Any) -> Any:
    key: EffectKey = (effect.root_run_id, effect.path, effect.item, effect.generation)
    return jsonio.loads(execution.sealer.open(bytes(effect.result), effect_aad(key)))


class EffectLedger:
    """The effect of one call step: looks up what is recorded and commits the intent; see ``policies.protocols``."""

    def __init__(self, execution: Execution, key: EffectKey, fingerprint: bytes, attempt: int) -> None:
        self._execution = execution
        self._key = key
        self._fingerprint = fingerprint
        self._attempt = attempt
        self.intended = False
        self.recorded = False

    async def lookup(self, effect_key: bytes) -> Recorded | None:
        """The answer recorded for this effect by an earlier run or attempt, if it happened."""
        del effect_key  # the ledger is bound to one effect
        effect = self._execution.recorded.effects.get(self._key[1:3])
        if effect is None or effect.state != "done" or effect.generation != self._key[3]:
            return None
        return self._recorded(effect)

    def _recorded(self, effect: Any) -> Recorded:
        if bytes(effect.request_hash) != self._fingerprint:
            raise EffectChanged(step=self._key[1])
        self.recorded = True
        return Recorded(data=_open_result(self._execution, effect))

    async def intend(self, intent: Intent) -> IntendResult:
        """Commit the intent with everything that came before it; returns only after the commit."""
        execution, key = self._execution, self._key
        if intent.retake:
            execution.unit.add("outcome", (*key, self._holder(), "failed", None))
        execution.unit.add(
            "intent",
            EffectIntent(
                *key,
                execution.run.workspace_id,
                execution.run.id,
                execution.unit.owner[1],
                self._attempt,
                self._fingerprint,
            ),
        )
        if key in await execution.flush():
            self.intended = True
            return IntendResult("fresh")
        return await self._conflict()

    def _holder(self) -> Any:
        effect = self._execution.recorded.effects.get(self._key[1:3])
        return self._execution.run.id if effect is None else effect.run_id

    async def _conflict(self) -> IntendResult:
        found = await self._execution.journal.store.load_effect(self._key)
        if found is None:  # the row is there, or the intent would have been taken
            raise EffectVanished(step=self._key[1])
        effect = _Effect(*self._key, found.run_id, found.state, bytes(found.request_hash), found.result)
        self._execution.recorded.effects[self._key[1:3]] = effect
        if found.state == "done":
            return IntendResult("recorded", self._recorded(effect))
        if found.run_id != self._execution.run.id and found.live:
            return IntendResult("open_other")
        return IntendResult("unknown")


@dataclass(frozen=True, slots=True)
class _Effect:
    root_run_id: Any
    path: str
    item: str
    generation: int
    run_id: Any
    state: str
    request_hash: bytes
    result: bytes | None


class EffectChanged(IpaasError):
    """The step {step} was already done with other values; the recorded answer does not fit the corrected ones."""

    code = "effect_changed"
    title = "Effect already done with other values"
    remedy = "Replay from a later step, or with new effect keys if the first effect was undone outside."


class EffectVanished(IpaasError):
    """The recorded effect of {step} is gone although its intent exists."""

    code = "effect_vanished"
    title = "Effect vanished"


async def call_step(execution: Execution, block: CallBlock, frame: Frame, params: Any) -> Any:
    """One attempt of a call; a retry, a deferral or a failure ends this attempt by an exception."""
    step = execution.begin_step(block, frame.item)
    if step.due_at is not None and step.due_at > now():
        raise Suspended(step.due_at)
    if step.status == Status.UNKNOWN:
        raise OperatorNeeded(_unknown(step))
    number = step.attempts + 1
    generation = _generation(execution, block, frame.item, params)
    key: EffectKey = (execution.run.root_run_id, block.path, frame.item, generation)
    ledger = EffectLedger(execution, key, params_hash(block.action, params), number)
    call = GatewayCall(
        workspace_id=execution.run.workspace_id,
        environment_id=execution.run.environment_id,
        connection=block.connection,
        action=block.action,
        params=params,
        run_id=execution.run.id,
        flow_label=execution.plan.flow_slug,
        step_path=block.path,
        item=frame.item,
        attempt=number,
        effect_key=_vendor_key(execution, block, frame, key),
        fresh=execution.fresh and number == 1 and execution.run.root_run_id == execution.run.id,
        policy=block.policy,
        deadline_at=execution.run.deadline_at,
        trace=execution.trace.child(),
        first_started_at=step.started_at,
    )
    started = now()
    try:
        outcome = await invoke(call, ledger=ledger)
    except (EffectChanged, EffectVanished) as error:
        failure = Failure(block.path, frame.item, ErrorClass.CONFLICT, error.code, f"{error.detail} {error.advice}")
        execution.fail_step(block, frame, failure)
        raise failure from None
    return _settle(execution, block, frame, step, Try(key, ledger, outcome, number, started, params))


@dataclass(frozen=True, slots=True)
class Try:
    """What one attempt was and came to."""

    key: EffectKey
    ledger: EffectLedger
    outcome: GatewayOutcome
    number: int
    started: datetime
    params: Any


def _generation(execution: Execution, block: CallBlock, item: str, params: Any) -> int:
    """A request that certainly failed and now comes corrected gets a new key: vendors refuse an old key with new values."""
    effect = execution.recorded.effects.get((block.path, item))
    if effect is None:
        return 0
    changed = bytes(effect.request_hash) != params_hash(block.action, params)
    return int(effect.generation) + (1 if effect.state == "failed" and changed else 0)


def _vendor_key(execution: Execution, block: CallBlock, frame: Frame, key: EffectKey) -> bytes:
    if block.idempotency_key is not None:
        value = block.idempotency_key.evaluate(frame.scope)
        if value not in (None, ""):
            return str(value).encode()
    return effect_key(execution.sealer, key)


def _settle(execution: Execution, block: CallBlock, frame: Frame, step: StepRow, done: Try) -> Any:
    outcome = done.outcome
    if outcome.kind == "deferred":
        assert outcome.due_at is not None  # noqa: S101 - a deferral always says until when
        reason = outcome.error.code if outcome.error else "deferred"
        execution.write_step(step, status=Status.WAITING, due_at=outcome.due_at, reason=reason)
        raise Suspended(outcome.due_at)
    _journal_attempt(execution, step, done)
    if outcome.kind in ("ok", "recorded"):
        return _succeeded(execution, block, frame, step, done)
    failure = _failure(block, frame, outcome)
    unknown = outcome.effect == "open"
    if done.ledger.intended and not unknown:
        execution.settle_effect(done.key, "failed")
    error = {
        "error_class": failure.error_class.value,
        "error_code": failure.code,
        "error_message": failure.message,
        "attempts": done.number,
    }
    if outcome.kind == "retry":
        assert outcome.due_at is not None  # noqa: S101 - a retry always says when
        execution.write_step(step, status=Status.RETRYING, due_at=outcome.due_at, reason="retry", **error)
        raise Suspended(outcome.due_at)
    if outcome.kind == "unknown":
        execution.settle_effect(done.key, "unknown")
        execution.write_step(step, status=Status.UNKNOWN, due_at=None, reason="outcome unknown", **error)
        raise OperatorNeeded(failure)
    execution.write_step(step, status=Status.FAILED, finished_at=now(), due_at=None, reason=None, **error)
    raise failure


def _succeeded(execution: Execution, block: CallBlock, frame: Frame, step: StepRow, done: Try) -> Any:
    output = done.outcome.data
    kept_by_effect = done.ledger.intended or done.ledger.recorded or done.outcome.kind == "recorded"
    if done.ledger.intended:
        execution.settle_effect(done.key, "done", output)
    execution.finish_step(
        block,
        frame,
        output,
        keep=not kept_by_effect,
        attempts=done.number,
        reason="recorded result" if done.outcome.kind == "recorded" else None,
    )
    if block.compensate is not None:
        params = block.compensate.params.evaluate(frame.scope)
        execution.keep_value(block.compensate.path, frame.item, "params", params)
    del step
    return output


def _journal_attempt(execution: Execution, step: StepRow, done: Try) -> None:
    outcome = done.outcome
    if outcome.request is not None:
        execution.keep_value(step.path, step.item, f"request.{done.number}", outcome.request)
    if outcome.response is not None and not (done.ledger.intended and outcome.kind == "ok"):
        execution.keep_value(step.path, step.item, f"response.{done.number}", outcome.response)
    error = outcome.error
    execution.unit.add(
        "attempt",
        AttemptRow(
            run_id=execution.run.id,
            seq=step.seq,
            number=done.number,
            outcome=outcome.kind,
            started_at=done.started,
            duration_ms=outcome.duration_ms,
            http_status=outcome.status,
            error_class=error.error_class.value if error else None,
            error_code=error.code if error else None,
            error_message=error.message[:MAX_MESSAGE] if error else None,
            connection_id=outcome.connection_id,
            verdicts=jsonio.dumps(outcome.verdicts).decode(),
        ),
    )


def _failure(block: CallBlock, frame: Frame, outcome: GatewayOutcome) -> Failure:
    error = outcome.error
    if error is None:
        return Failure(block.path, frame.item, ErrorClass.INTERNAL, "no_detail", "the gateway gave no error")
    return Failure(block.path, frame.item, error.error_class, error.code, error.message[:MAX_MESSAGE])


def _unknown(step: StepRow) -> Failure:
    return Failure(
        step.path,
        step.item,
        ErrorClass.OUTCOME_UNKNOWN,
        step.error_code or "outcome_unknown",
        step.error_message or "it is not known whether the call took effect",
    )


