"""From a claimed run to its next rest: forward through the blocks, or back through the compensations."""

from datetime import datetime
from typing import Any

from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.core.ids import uuid7, uuid7_time
from ipaas.core.logging import get_logger
from ipaas.core.meters import RUN_SECONDS, RUNS_ENDED
from ipaas.flows.plan import CallBlock
from ipaas.runtime import calls
from ipaas.runtime.blocks import Cancelled, run_steps
from ipaas.runtime.closing import awaited_children, close_steps, in_doubt
from ipaas.runtime.digests import ended_row
from ipaas.runtime.edges import BLOCKED_CODE, breach_of, failure_of
from ipaas.runtime.endings import Failure, OperatorNeeded, Stopped, Suspended
from ipaas.runtime.execution import Execution, Frame, Status
from ipaas.runtime.journal import OUTAGE, StoreGone
from ipaas.runtime.models import Run
from ipaas.runtime.rows import DeadLetterRow, RunRow, RunState, StepRow, Unit
from ipaas.runtime.stakes import NOTHING, Stake, stake_of
from ipaas.runtime.store import ClaimLost
from ipaas.runtime.telling import tell_end

log = get_logger(__name__)


async def drive(execution: Execution) -> None:
    """Advance a run until it ends or waits; raises ``ClaimLost`` or ``StoreGone`` when it is no longer ours."""
    try:
        if execution.run.status == Run.Status.COMPENSATING:
            await _compensate(execution, execution.failure or _lost_failure())
        else:
            await _forward(execution)
    except Suspended as suspended:
        due_at, deadline = suspended.due_at, execution.run.deadline_at
        await execution.suspend(min(due_at, deadline) if deadline is not None and deadline > now() else due_at)
    except OperatorNeeded as needed:
        await _end(execution, Run.Status.NEEDS_OPERATOR, needed.failure)
    except ClaimLost:
        raise
    except OUTAGE as error:
        execution.unit.lost = StoreGone()
        raise execution.unit.lost from error
    except Exception as error:  # a defect of ours must not lose the run nor stop its neighbours
        log.exception("run failed by a defect", action="run_defect", run_id=str(execution.run.id))
        execution.unit.discard()
        execution.pending = {}
        execution.unit.add("step_close", (execution.run.id,))  # what is in memory may not be what is recorded
        failure = Failure("", "", ErrorClass.INTERNAL, type(error).__name__, "an internal error stopped this run")
        await _end(execution, Run.Status.DEAD, failure)


async def _forward(execution: Execution) -> None:
    frame = Frame(execution.scope)
    try:
        if execution.cancel_reason is not None:
            raise Cancelled(execution.cancel_reason)
        if execution.violation is not None:
            raise execution.violation
        deadline = execution.run.deadline_at
        if deadline is not None and deadline <= now():
            raise Failure("", "", ErrorClass.TIMEOUT, "deadline_exceeded", "the run's deadline has passed")
        output = await run_steps(execution, execution.plan.steps, frame)
        _check_output(execution, output)
    except Stopped:
        output = None
    except Cancelled:
        await _cancelled(execution)
        return
    except Failure as failure:
        refused = failure.code == BLOCKED_CODE and failure is execution.violation
        if refused or (execution.is_test and failure.error_class != ErrorClass.OUTCOME_UNKNOWN):
            await _end(execution, Run.Status.DISCARDED, failure)
        else:
            await _failed(execution, frame, failure)
        return
    if execution.run.parent_run_id is not None:
        execution.pending["result"] = output
    await _end(execution, Run.Status.SUCCEEDED, None)


def _check_output(execution: Execution, output: Any) -> None:
    """What was done stays done: a breach is told, and fails the run unless the mode of its contract lets it pass."""
    breach = breach_of(execution.plan.output, output, execution.run, execution.scope["run"]["environment"])
    if breach is not None:
        execution.unit.add("breach", breach)
    failure = failure_of(breach)
    if failure is not None:
        raise failure


async def _failed(execution: Execution, frame: Frame, failure: Failure) -> None:
    """Run the flow's own failure steps, then end as its table says for this class."""
    execution.failing = True
    frame.scope["failure"] = {
        "class": failure.error_class.value,
        "code": failure.code,
        "message": failure.message,
        "step": failure.path,
    }
    try:
        await run_steps(execution, execution.plan.on_failure, frame)
    except Failure as second:  # recorded at its own step; it never hides the first
        log.warning("failure step failed", action="on_failure", run_id=str(execution.run.id), step=second.path)
    except Cancelled:
        await _end(execution, Run.Status.CANCELLED, None)
        return
    except Stopped:
        pass  # a stop ends the failure steps; how the run ends is for the table to say
    if failure.error_class == ErrorClass.OUTCOME_UNKNOWN:
        raise OperatorNeeded(failure)
    if execution.plan.failure.get(failure.error_class, "dead_letter") == "dead_letter":
        await _end(execution, Run.Status.DEAD, failure)
        return
    await _undo(execution, failure)


async def _cancelled(execution: Execution) -> None:
    """What is done stays done, unless the run that waits for this one is undone: then so is this."""
    parent_id = execution.run.parent_run_id
    status, error_class = await execution.journal.store.load_failure(parent_id) if parent_id is not None else ("", None)
    if status not in (Run.Status.COMPENSATING, Run.Status.COMPENSATED):
        await _end(execution, Run.Status.CANCELLED, None)
        return
    message = "the run that waits for this one failed and is undone"
    await _undo(execution, Failure("", "", ErrorClass(error_class or ErrorClass.INTERNAL), "parent_undone", message))


async def _undo(execution: Execution, failure: Failure) -> None:
    """From here on the run goes back, and so do the sub-flows that it waits for; a doubt is for a person to settle."""
    doubt = in_doubt(execution)
    if doubt is not None:
        message = "the run is to be undone, and it is not known whether this call took effect"
        raise OperatorNeeded(Failure(doubt.path, doubt.item, ErrorClass.OUTCOME_UNKNOWN, "outcome_unknown", message))
    execution.run = execution.run._replace(status=Run.Status.COMPENSATING)
    execution.failing = True
    execution.close_questions()
    for child in awaited_children(execution):
        execution.unit.add("forsake", (child,))
    close_steps(execution, failure)
    execution.set_state(Run.Status.COMPENSATING, failure=failure)
    await _compensate(execution, failure)


async def _compensate(execution: Execution, failure: Failure) -> None:
    """Undo in reverse what was done; a compensation that fails for good stops for an operator."""
    execution.failure = failure
    for step, block in _to_undo(execution):
        undo = block.compensate
        if undo is None:
            continue
        done = execution.recorded.steps.get((undo.path, step.item))
        if done is not None and done.status in (Status.SUCCEEDED, Status.SKIPPED):
            continue
        execution.begin_step(undo, step.item, compensates=True)
        if not execution.has_value(undo.path, step.item, "params"):
            message = "what the compensation is to send could not be evaluated when the step was done"
            missing = Failure(undo.path, step.item, ErrorClass.CONFIGURATION, "undo_params", message)
            execution.fail_step(undo, Frame(execution.scope, step.item), missing)
            raise OperatorNeeded(missing)
        params = execution.value(undo.path, step.item, "params")
        try:
            await calls.call_step(execution, undo, Frame(execution.scope, step.item), params)
        except Failure as second:
            raise OperatorNeeded(second) from None
    await _end(execution, Run.Status.COMPENSATED, failure)


def _to_undo(execution: Execution) -> list[tuple[StepRow, CallBlock]]:
    found = []
    for step in sorted(execution.recorded.steps.values(), key=_when_done, reverse=True):
        block = execution.plan.blocks.get(step.path)
        if step.status == Status.SUCCEEDED and isinstance(block, CallBlock) and block.compensate is not None:
            found.append((step, block))
    return found


def _when_done(step: StepRow) -> tuple[datetime, int]:
    return step.finished_at or now(), step.seq


async def _end(execution: Execution, status: str, failure: Failure | None) -> None:
    if status not in (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR):  # those may be taken up again, with their questions
        execution.close_questions()
    close_steps(execution, failure)
    execution.set_state(status, ended=True, failure=failure)
    if failure is not None and status in (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR):
        stake = stake_of(execution.plan, execution.scope)
        execution.unit.add("dead_letter", _dead_letter(execution.run, execution.plan.flow_slug, failure, stake))
    if execution.is_test:
        await execution.flush()
        return
    await tell_end(execution, status, failure)
    await execution.flush()
    RUNS_ENDED.labels(flow=execution.plan.flow_slug, status=status).inc()
    RUN_SECONDS.observe((now() - uuid7_time(execution.run.id)).total_seconds())


def add_burial(unit: Unit, run: RunRow, flow_slug: str, failure: Failure) -> None:
    """End a run as dead-lettered without an execution."""
    state = RunState(
        id=run.id,
        status=Run.Status.DEAD,
        abnormal=Run.Status.DEAD,
        started_at=run.started_at or now(),
        finished_at=now(),
        error_class=failure.error_class.value,
        error_code=failure.code,
        error_message=failure.message,
        error_step=failure.path,
    )
    unit.add("step_close", (run.id,))
    unit.add("state", state)
    unit.add("ended", ended_row(run.workspace_id, state))
    unit.add("dead_letter", _dead_letter(run, flow_slug, failure, NOTHING))
    if run.parent_run_id is not None:
        unit.add("wake", (run.parent_run_id,))


def _dead_letter(run: RunRow, flow_slug: str, failure: Failure, stake: Stake) -> DeadLetterRow:
    where = failure.path or "input"
    return DeadLetterRow(
        id=uuid7(),
        workspace_id=run.workspace_id,
        run_id=run.id,
        flow_id=run.flow_id,
        environment_id=run.environment_id,
        cause=f"{flow_slug}/{where}: {failure.error_class.value} {failure.code}"[:400],
        step=failure.path,
        error_class=failure.error_class.value,
        error_code=failure.code,
        error_message=failure.message,
        business_key=run.business_key,
        amount=stake[0],
        currency=stake[1],
    )


def _lost_failure() -> Failure:
    return Failure("", "", ErrorClass.INTERNAL, "no_detail", "the reason of the compensation was not recorded")
