"""Call steps: one attempt through the gateway, its intent committed before it leaves and its outcome after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ipaas.catalog.gateway import GatewayCall, GatewayOutcome, invoke
from ipaas.core import context, jsonio
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.logging import get_logger
from ipaas.flows.plan import CallBlock
from ipaas.policies.effects import IntendResult, Intent, Recorded
from ipaas.runtime.effects import effect_key
from ipaas.runtime.endings import Failure, OperatorNeeded, Suspended
from ipaas.runtime.execution import Execution, Frame, Status, effect_aad, params_hash
from ipaas.runtime.rows import AttemptRow, EffectIntent, EffectOutcome, StepRow
from ipaas.runtime.store import EffectKey
from ipaas.runtime.tracing import attempt_trace

log = get_logger(__name__)

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
    """The effect of one call step: looks up what is recorded and commits the intent; see ``policies.effects``."""

    def __init__(self, execution: Execution, key: EffectKey, fingerprint: bytes, attempt: int) -> None:
        self._execution = execution
        self._key = key
        self._fingerprint = fingerprint
        self._attempt = attempt

    async def lookup(self, effect_key: bytes) -> Recorded | None:
        """What earlier attempts and runs left of this effect."""
        del effect_key  # the ledger is bound to one effect
        effect = self._known()
        return None if effect is None else self._recorded(effect)

    def _known(self) -> Any | None:
        effect = self._execution.recorded.effects.get(self._key[1:3])
        return effect if effect is not None and effect.generation == self._key[3] else None

    def _recorded(self, effect: Any) -> Recorded:
        done, changed = effect.state == "done", bytes(effect.request_hash) != self._fingerprint
        if done and changed:
            raise EffectChanged(step=self._key[1])
        return Recorded(
            state=effect.state,
            data=_open_result(self._execution, effect) if done else None,
            request_hash=bytes(effect.request_hash),
            changed=changed,
        )

    async def intend(self, intent: Intent) -> IntendResult:
        """Commit the intent with everything that came before it; returns only after the commit."""
        execution, key, known = self._execution, self._key, self._known()
        if intent.takeover and known is not None and known.state in ("open", "unknown"):
            if known.run_id != execution.run.id and await self._held_elsewhere():
                return IntendResult("open_other")
            execution.unit.add("outcome", EffectOutcome(*key, known.run_id, "failed", None))
        execution.unit.add(
            "intent",
            EffectIntent(
                *key,
                execution.run.workspace_id,
                execution.run.id,
                execution.fence,
                self._attempt,
                self._fingerprint,
            ),
        )
        if key in await execution.flush():
            execution.recorded.effects[key[1:3]] = _Effect(*key, execution.run.id, "open", self._fingerprint, None)
            return IntendResult("fresh")
        return await self._conflict()

    async def _held_elsewhere(self) -> bool:
        found = await self._execution.journal.store.load_effect(self._key)
        return bool(found is not None and found.live and found.run_id != self._execution.run.id)

    async def _conflict(self) -> IntendResult:
        found = await self._execution.journal.store.load_effect(self._key)
        if found is None:  # the row is there, or the intent would have been taken
            raise EffectVanished(step=self._key[1])
        effect = _Effect(*self._key, found.run_id, found.state, bytes(found.request_hash), found.result)
        self._execution.recorded.effects[self._key[1:3]] = effect
        if found.run_id != self._execution.run.id and found.live and found.state == "open":
            return IntendResult("open_other", self._recorded(effect))
        return IntendResult("recorded" if found.state == "done" else "unknown", self._recorded(effect))


class _Effect(NamedTuple):
    """What the store's rows of effects have in common with those made here."""

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
        raise Suspended(step.due_at, in_doubt=execution.is_in_doubt(step))
    if step.status == Status.UNKNOWN:
        raise OperatorNeeded(_unknown(step))
    number = step.attempts + 1
    generation = _generation(execution, block, frame.item, params)
    key: EffectKey = (execution.run.root_run_id, block.path, frame.item, generation)
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
        deadline_at=execution.deadline_at,
        trace=attempt_trace(execution.trace, execution.run.id, step.seq, number),
        first_started_at=step.started_at,
    )
    started = now()
    token = context.trace.set(call.trace)
    try:
        ledger = EffectLedger(execution, key, params_hash(block.action, params), number)
        outcome = await invoke(call, ledger=ledger)
    except (EffectChanged, EffectVanished) as error:
        failure = Failure(block.path, frame.item, ErrorClass.CONFLICT, error.code, f"{error.detail} {error.advice}")
        execution.fail_step(block, frame, failure)
        raise failure from None
    finally:
        context.trace.reset(token)
    return _settle(execution, block, frame, step, Try(key, outcome, number, started))


@dataclass(frozen=True, slots=True)
class Try:
    """What one attempt was and came to."""

    key: EffectKey
    outcome: GatewayOutcome
    number: int
    started: datetime


def _generation(execution: Execution, block: CallBlock, item: str, params: Any) -> int:
    """A failed request that comes corrected gets a new key: vendors refuse an old key with new values."""
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
        raise Suspended(outcome.due_at, in_doubt=execution.is_in_doubt(step))
    failure = None if outcome.kind in ("ok", "recorded") else _failure(block, frame, outcome)
    _journal_attempt(execution, step, done, failure)
    if failure is None:
        return _succeeded(execution, block, frame, done)
    if outcome.effect_state in ("failed", "unknown"):
        execution.settle_effect(done.key, outcome.effect_state)
    error = {
        "error_class": failure.error_class.value,
        "error_code": failure.code,
        "error_message": failure.message,
        "attempts": done.number,
    }
    if outcome.kind == "retry":
        assert outcome.due_at is not None  # noqa: S101 - a retry always says when
        execution.write_step(step, status=Status.RETRYING, due_at=outcome.due_at, reason="retry", **error)
        raise Suspended(outcome.due_at, in_doubt=outcome.effect_state != "failed" and execution.is_in_doubt(step))
    if outcome.kind == "unknown":
        execution.write_step(step, status=Status.UNKNOWN, due_at=None, reason="outcome unknown", **error)
        raise OperatorNeeded(failure)
    execution.write_step(step, status=Status.FAILED, finished_at=now(), due_at=None, reason=None, **error)
    raise failure


def _succeeded(execution: Execution, block: CallBlock, frame: Frame, done: Try) -> Any:
    output = done.outcome.data
    recorded = done.outcome.kind == "recorded"
    if done.outcome.effect_state == "done" and not recorded:
        execution.settle_effect(done.key, "done", output)
    execution.finish_step(
        block,
        frame,
        output,
        keep=not recorded and done.outcome.effect_state != "done",
        attempts=done.number,
        reason="recorded result" if recorded else None,
    )
    keep_undo(execution, block, frame)
    return output


def keep_undo(execution: Execution, block: CallBlock, frame: Frame) -> None:
    """Keep what a compensation would send, while its values are in scope; also after an operator said it happened.

    An expression that fails here must not lose the effect just done: it stops the compensation, if there is one.
    """
    undo = block.compensate
    if undo is None or execution.has_value(undo.path, frame.item, "params"):
        return
    try:
        params = undo.params.evaluate(frame.scope)
    except IpaasError as error:
        log.warning("compensation not prepared", action="undo_params", step=block.path, error=error.code)
        return
    execution.keep_value(undo.path, frame.item, "params", params)


def _journal_attempt(execution: Execution, step: StepRow, done: Try, failure: Failure | None) -> None:
    outcome = done.outcome
    if outcome.request is not None:
        execution.keep_value(step.path, step.item, f"request.{done.number}", outcome.request)
    if outcome.response is not None and outcome.effect_state != "done":
        execution.keep_value(step.path, step.item, f"response.{done.number}", outcome.response)
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
            error_class=failure.error_class.value if failure else None,
            error_code=failure.code if failure else None,
            error_message=failure.message if failure else None,
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
