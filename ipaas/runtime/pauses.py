"""Blocks that wait for somebody else: approvals, sub-flows, and events sent to others."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.ids import uuid7
from ipaas.flows.plan import ApprovalBlock, Block, EmitBlock, SubflowBlock
from ipaas.runtime.edges import EVENT_CODE, event_breach
from ipaas.runtime.effects import derived_id
from ipaas.runtime.endings import Failure, Suspended, storable
from ipaas.runtime.execution import (
    AWAITED,
    Execution,
    Frame,
    Status,
    detail_json,
    effect_aad,
    params_hash,
    payload_aad,
)
from ipaas.runtime.models import Run
from ipaas.runtime.rows import ApprovalRow, EffectDone, OutboxRow, StepRow
from ipaas.runtime.telling import tell

ESCALATED = "approval, escalated"
_CHILD_CHECK = timedelta(minutes=5)  # a lost wake costs at most this


def _value(block: Block, frame: Frame, template: Any, what: str) -> Any:
    try:
        return template.evaluate(frame.scope)
    except IpaasError as error:
        message = f"{what}: {error.detail}"[:2000]
        raise Failure(block.path, frame.item, ErrorClass.CONFIGURATION, error.code, message) from None


def approval_aad(run_id: Any, seq: int) -> bytes:
    return b"approval:%s:%d" % (run_id.bytes, seq)


async def approval_step(execution: Execution, block: ApprovalBlock, frame: Frame) -> Any:
    """Ask, then wait for the decision or the expiry; a rejection fails the step as a business rejection."""
    step = execution.begin_step(block, frame.item)
    if step.status != Status.WAITING:
        due_at = now() + timedelta(seconds=block.expires_s)
        asked = _ask(execution, block, frame, step.seq, due_at)
        execution.write_step(step, status=Status.WAITING, due_at=due_at, reason="approval")
        await tell(execution, "ipaas.approval.waiting", approval_id=str(asked.id), role=asked.role)
        raise Suspended(min(due_at, asked.escalate_at or due_at))
    approval = execution.recorded.approvals.get((execution.run.id, step.seq))
    state = approval.state if approval is not None else "pending"
    if state == "pending":
        if step.due_at is not None and step.due_at > now():
            raise Suspended(await _escalated(execution, step, approval, step.due_at))
        state = await execution.journal.store.expire_approval(execution.run.id, step.seq)
    if state == "expired" and approval is not None:
        await tell(execution, "ipaas.approval.expired", approval_id=str(approval.id), role=approval.role)
    decided_by = approval.decided_by if approval is not None else ""
    return _decided(execution, block, frame, state, decided_by, approval.reason if approval is not None else "")


async def _escalated(execution: Execution, step: StepRow, approval: Any, due_at: datetime) -> datetime:
    """When to look again; tells the second role once when its time has come."""
    later: datetime | None = approval.escalate_at if approval is not None else None
    if later is None or step.reason == ESCALATED:
        return due_at
    if later > now():
        return min(due_at, later)
    execution.write_step(step, reason=ESCALATED)
    await tell(execution, "ipaas.approval.escalated", approval_id=str(approval.id), role=approval.escalate_to)
    return due_at


def _ask(execution: Execution, block: ApprovalBlock, frame: Frame, seq: int, due_at: datetime) -> ApprovalRow:
    evidence = jsonio.dumps(_value(block, frame, block.evidence, "evidence"))
    later = None if block.escalate_after_s is None else now() + timedelta(seconds=block.escalate_after_s)
    row = ApprovalRow(
        id=uuid7(),
        workspace_id=execution.run.workspace_id,
        run_id=execution.run.id,
        flow_id=execution.run.flow_id,
        seq=seq,
        title=storable(str(_value(block, frame, block.question, "title"))[:500]),
        role=block.approvers,
        checklist=jsonio.dumps(list(block.checklist)).decode(),
        evidence=execution.sealer.seal(evidence, approval_aad(execution.run.id, seq)),
        evidence_sha256=hashlib.sha256(evidence).hexdigest(),
        expires_at=due_at,
        quorum=block.quorum,
        four_eyes=block.four_eyes,
        escalate_at=later,
        escalate_to=block.escalate_to,
    )
    execution.unit.add("approval", row)
    return row


def _decided(execution: Execution, block: ApprovalBlock, frame: Frame, state: str, by: str, reason: str) -> Any:
    if state == "expired":
        if block.on_expiry == "fail":
            raise Failure(block.path, frame.item, ErrorClass.TIMEOUT, "approval_expired", "nobody decided in time")
        state, reason = ("approved" if block.on_expiry == "approve" else "rejected"), "expired"
    if state != "approved":
        message = f"rejected by {by}: {reason}" if by else f"rejected: {reason}"
        raise Failure(block.path, frame.item, ErrorClass.BUSINESS_REJECTION, "approval_rejected", message[:2000])
    output = {"decision": state, "by": by, "reason": reason}
    return execution.finish_step(block, frame, output)


async def subflow_step(execution: Execution, block: SubflowBlock, frame: Frame) -> Any:
    """Start the deployed version of another flow as a child run; with ``wait`` its result is the output."""
    step = execution.begin_step(block, frame.item)
    if step.status != Status.WAITING:
        params = _value(block, frame, block.params, "with")
        root = derived_id(execution.run.root_run_id, block.path, frame.item)
        try:
            child = await execution.engine.start_child(execution, block.flow, params, root)
        except IpaasError as error:
            detail = error.detail[:2000]
            error_class = getattr(error, "error_class", ErrorClass.CONFIGURATION)
            raise Failure(block.path, frame.item, error_class, error.code, detail) from None
        child_detail = detail_json(run_id=str(child))
        if not block.wait:
            return execution.finish_step(block, frame, {"run_id": str(child)}, detail=child_detail)
        due_at = now() + _CHILD_CHECK
        execution.write_step(step, status=Status.WAITING, due_at=due_at, reason=AWAITED, detail=child_detail)
        raise Suspended(due_at)
    return await _child_result(execution, block, frame, step)


async def _child_result(execution: Execution, block: SubflowBlock, frame: Frame, step: StepRow) -> Any:
    child_id = jsonio.loads(step.detail or "{}")["run_id"]
    child = next((row for row in execution.recorded.children if str(row.id) == child_id), None)
    if child is None or child.status in Run.UNENDED:
        raise Suspended(now() + _CHILD_CHECK)
    if child.status != Run.Status.SUCCEEDED:
        error_class = ErrorClass(child.error_class or ErrorClass.INTERNAL)
        message = f"sub-flow {block.flow} ended as {child.status}: {child.error_message or child.error_code or ''}"
        raise Failure(block.path, frame.item, error_class, child.error_code or "subflow_failed", message[:2000])
    output = await _result_of(execution, child.id)
    return execution.finish_step(block, frame, output, detail=step.detail)


async def _result_of(execution: Execution, run_id: Any) -> Any:
    loaded = await execution.journal.store.load_payloads(run_id)
    for seq, sealed in reversed(loaded):
        values = jsonio.loads(execution.sealer.open(sealed, payload_aad(run_id, seq)))
        if "result" in values:
            return values["result"]
    return None


async def _judge(execution: Execution, block: EmitBlock, frame: Frame, data: Any) -> None:
    """Hold an event to its type: what breaks it is told, and not published unless its mode lets it pass."""
    judge = await execution.engine.event_judge(execution.run.workspace_id, block.type)
    step = f"{block.path}#{frame.item}" if frame.item else block.path
    breach = event_breach(judge, data, execution.run, execution.scope["run"]["environment"], step)
    if breach is None:
        return
    execution.unit.add("breach", breach)
    if breach.mode == "block":
        message = f"{breach.contract}: {breach.place or 'data'}: {breach.message}"[:2000]
        raise Failure(block.path, frame.item, ErrorClass.CONTRACT_VIOLATION, EVENT_CODE, message)


async def emit_step(execution: Execution, block: EmitBlock, frame: Frame) -> Any:
    """Write an event to the outbox in the transaction that records the step; a replay does not send it again."""
    execution.begin_step(block, frame.item)
    root = execution.run.root_run_id
    event_id = derived_id(root, block.path, frame.item)
    output = {"event_id": str(event_id)}
    detail = detail_json(type=block.type)
    if (block.path, frame.item) in execution.recorded.effects:
        return execution.finish_step(block, frame, output, reason="recorded result", detail=detail)
    data = _value(block, frame, block.data, "data")
    await _judge(execution, block, frame, data)
    key = (root, block.path, frame.item, 0)
    execution.unit.add(
        "effect_done",
        EffectDone(
            *key,
            workspace_id=execution.run.workspace_id,
            run_id=execution.run.id,
            fence=execution.fence,
            attempt=1,
            request_hash=params_hash(block.type, data),
            result=execution.sealer.seal(jsonio.dumps(output), effect_aad(key)),
        ),
    )
    execution.unit.add(
        "outbox",
        OutboxRow(
            id=event_id,
            workspace_id=execution.run.workspace_id,
            environment_id=execution.run.environment_id,
            type=block.type,
            subject=execution.run.business_key,
            source=f"flow/{execution.plan.flow_slug}",
            trace_id=execution.run.trace_id,
            data=jsonio.dumps({"run_id": str(execution.run.id), "depth": execution.depth}).decode(),
            sealed=execution.sealer.seal(jsonio.dumps(data), b"event:" + event_id.bytes),
        ),
    )
    execution.add_event_work(event_id)
    return execution.finish_step(block, frame, output, keep=False, detail=detail)
