"""Closing what is left standing in an execution when a block fails by what is inside of it, or the run ends."""

from collections.abc import Callable
from uuid import UUID

from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass
from ipaas.flows.plan import Block
from ipaas.runtime.endings import Failure
from ipaas.runtime.execution import AWAITED, Execution, Frame, Status, detail_json
from ipaas.runtime.rows import StepRow
from ipaas.runtime.unfinished import STANDING, is_inside


def fail_container(execution: Execution, block: Block, frame: Frame, failure: Failure) -> None:
    """A step inside of the block failed for good: so does the block, and what else goes on in there is cut short."""
    outer = execution.begin_step(block, frame.item)
    _cut_short(execution, lambda step: is_inside(step.path, step.item, outer))
    _give_up(execution, outer, Status.FAILED, failure)


def close_steps(execution: Execution, failure: Failure | None) -> None:
    """The run ends: what is around the step that ended it ends like that one, all else is cut short."""
    if failure is not None:
        ended = Status.UNKNOWN if failure.error_class == ErrorClass.OUTCOME_UNKNOWN else Status.FAILED
        for step in _standing(execution):
            if is_inside(failure.path, failure.item, step):
                _give_up(execution, step, ended, failure)
    _cut_short(execution, lambda _: True)


def awaited_children(execution: Execution) -> list[UUID]:
    """The sub-flows whose end some step of this run waits for, or did until it was cut short."""
    steps = [step for step in _unfinished(execution) if step.kind == "flow" and step.reason == AWAITED and step.detail]
    return [UUID(jsonio.loads(step.detail or "{}")["run_id"]) for step in steps]


def in_doubt(execution: Execution) -> StepRow | None:
    """A step whose effect may have happened although it was not brought to an end."""
    return next((step for step in _unfinished(execution) if execution.is_in_doubt(step)), None)


def _unfinished(execution: Execution) -> list[StepRow]:
    return [step for step in execution.recorded.steps.values() if step.status in (*STANDING, Status.CANCELLED)]


def _cut_short(execution: Execution, which: Callable[[StepRow], bool]) -> None:
    for step in _standing(execution):
        if which(step):
            execution.write_step(step, status=Status.CANCELLED, finished_at=now())


def _standing(execution: Execution) -> list[StepRow]:
    return [step for step in execution.recorded.steps.values() if step.status in STANDING]


def _give_up(execution: Execution, step: StepRow, status: str, failure: Failure) -> None:
    execution.write_step(
        step,
        status=status,
        finished_at=now(),
        due_at=None,
        reason=None,
        error_class=failure.error_class.value,
        error_code=failure.code,
        error_message=failure.message,
        detail=detail_json(cause={"step": failure.path, "item": failure.item}),
    )
