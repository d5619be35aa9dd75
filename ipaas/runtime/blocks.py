"""Walking the block tree: each kind of block, resumable from the journal at any point.

A run that is taken up again walks from the top; blocks already recorded give their recorded result, so that the
walk reaches the place where it stopped without doing anything twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.flows.plan import (
    ApprovalBlock,
    Block,
    BranchBlock,
    CallBlock,
    EmitBlock,
    ForEachBlock,
    MapBlock,
    ParallelBlock,
    StopBlock,
    SubflowBlock,
    ValidateBlock,
    WaitBlock,
)
from ipaas.runtime import calls, pauses
from ipaas.runtime.closing import fail_container
from ipaas.runtime.endings import Failure, Stopped, Suspended, storable
from ipaas.runtime.execution import Execution, Frame, Status, detail_json
from ipaas.runtime.mapping_work import mapped
from ipaas.runtime.unfinished import STANDING

Handler = Callable[[Execution, Any, Frame], Awaitable[Any]]


async def run_steps(execution: Execution, steps: Sequence[Block], frame: Frame) -> Any:
    """Run blocks one after the other; returns the last output."""
    output = None
    for block in steps:
        output = await run_block(execution, block, frame)
    return output


async def run_block(execution: Execution, block: Block, frame: Frame) -> Any:
    """Run one block; a test ends behind the one that it asks for."""
    output = await _run_block(execution, block, frame)
    if execution.asked and execution.asked.get("stop_after") == block.path:
        raise Stopped("the step to test has run")
    return output


async def _run_block(execution: Execution, block: Block, frame: Frame) -> Any:
    """Run one block or take its recorded result; a failure goes through the block's own handler first."""
    if execution.cancel_reason is not None:
        raise Cancelled(execution.cancel_reason)
    step = execution.step_of(block, frame.item)
    try:
        if step is not None and (_has_result(block, step.status) or execution.is_pinned(block)):
            return _recorded(execution, block, frame, step.status)
        if step is not None and step.status == Status.FAILED:
            raise _recorded_failure(step)
        if block.disabled:
            return execution.skip_step(block, frame, "disabled")
        if step is None and block.when is not None and not _evaluate(block, frame, block.when.evaluate, "when"):
            return execution.skip_step(block, frame, "condition not met")
        return await _HANDLERS[type(block)](execution, block, frame)
    except Failure as failure:
        return await _handle(execution, block, frame, failure)


def _has_result(block: Block, status: str) -> bool:
    """Blocks with others inside are walked again, as is a check: their parts give the recorded results."""
    if status == Status.SKIPPED:
        return True
    return status == Status.SUCCEEDED and not isinstance(block, _WALKED_AGAIN)


_DONE = (Status.SUCCEEDED, Status.SKIPPED)
_WALKED_AGAIN = (BranchBlock, ParallelBlock, ForEachBlock, ValidateBlock)


class Cancelled(Exception):  # not an error: somebody asked for it
    """A person cancelled the run."""


def _recorded(execution: Execution, block: Block, frame: Frame, status: str) -> Any:
    output = execution.value(block.path, frame.item, "output") if status == Status.SUCCEEDED else None
    if status == Status.SUCCEEDED and isinstance(block, CallBlock):
        output = calls.recorded_output(execution, block, frame.item)
    execution.publish(block, frame, status, output)
    if status == Status.SUCCEEDED and isinstance(block, CallBlock):
        calls.keep_undo(execution, block, frame)
    return output


def _recorded_failure(step: Any) -> Failure:
    """The failure as it was raised: a container's is that of a step inside of it."""
    cause = jsonio.loads(step.detail or "{}").get("cause") or {"step": step.path, "item": step.item}
    error_class = ErrorClass(step.error_class)
    return Failure(cause["step"], cause["item"], error_class, step.error_code, step.error_message)


async def _handle(execution: Execution, block: Block, frame: Frame, failure: Failure) -> Any:
    handler = block.on_failure
    step = execution.step_of(block, frame.item)
    if (failure.path, failure.item) == (block.path, frame.item):
        if step is None or step.status != Status.FAILED:
            execution.fail_step(block, frame, failure)
    elif step is not None and step.status != Status.FAILED:
        fail_container(execution, block, frame, failure)
    if handler is None or not handler.handles(failure.error_class):
        raise failure
    error = {"class": failure.error_class.value, "code": failure.code, "message": failure.message}
    execution.publish(block, frame, "failed", None, error)
    await run_steps(execution, handler.steps, frame)
    if handler.then == "fail":
        raise failure
    return None


def fail(execution: Execution, block: Block, frame: Frame, error: ErrorClass, code: str, message: str) -> Failure:
    """Record a step's failure for good and give the exception to raise."""
    failure = Failure(block.path, frame.item, error, code, message)
    execution.fail_step(block, frame, failure)
    return failure


def _evaluate(block: Block, frame: Frame, evaluate: Callable[[Any], Any], what: str) -> Any:
    try:
        return evaluate(frame.scope)
    except IpaasError as error:
        raise Failure(
            block.path, frame.item, ErrorClass.CONFIGURATION, error.code, f"{what}: {error.detail}"[:2000]
        ) from None


async def _call(execution: Execution, block: CallBlock, frame: Frame) -> Any:
    params = execution.value(block.path, frame.item, "params")
    if params is None:
        params = _evaluate(block, frame, block.params.evaluate, "with")
    return await calls.call_step(execution, block, frame, params)


async def _map(execution: Execution, block: MapBlock, frame: Frame) -> Any:
    execution.begin_step(block, frame.item)
    source = frame.scope["trigger"]["body"]
    if block.input is not None:
        source = _evaluate(block, frame, block.input.evaluate, "input")
    try:
        output = await mapped(block.mapping, source, frame.scope, f"{block.path}#{frame.item}")
    except IpaasError as error:
        raise fail(execution, block, frame, ErrorClass.CONTRACT_VIOLATION, error.code, error.detail[:2000]) from None
    return execution.finish_step(block, frame, output)


async def _validate(execution: Execution, block: ValidateBlock, frame: Frame) -> Any:
    execution.begin_step(block, frame.item)
    value = _evaluate(block, frame, block.value.evaluate, "value")
    findings = block.validator.errors(value)
    if findings:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        message = f"{first['path'] or 'value'}: {first['message']}{more}"[:2000]
        raise fail(execution, block, frame, ErrorClass.CONTRACT_VIOLATION, "schema_violation", message)
    return execution.finish_step(block, frame, value, keep=False, detail=detail_json(schema=block.schema_sha256))


async def _branch(execution: Execution, block: BranchBlock, frame: Frame) -> Any:
    step = execution.begin_step(block, frame.item)
    chosen = execution.value(block.path, frame.item, "case")
    if chosen is None:
        chosen = -1
        for number, case in enumerate(block.cases):
            if _evaluate(block, frame, case.when.evaluate, f"case {number + 1}"):
                chosen = number
                break
        execution.keep_value(block.path, frame.item, "case", chosen)
        execution.write_step(step)
    output = None if chosen < 0 else chosen
    try:
        await run_steps(execution, block.otherwise if chosen < 0 else block.cases[chosen].steps, frame)
    except Stopped:
        execution.finish_step(block, frame, output, detail=detail_json(case=chosen))
        raise
    return execution.finish_step(block, frame, output, detail=detail_json(case=chosen))


def _open(execution: Execution, block: ParallelBlock | ForEachBlock, frame: Frame) -> None:
    """Record that a container has begun before what is inside of it."""
    if execution.step_of(block, frame.item) is None:
        execution.write_step(execution.begin_step(block, frame.item))


async def _parallel(execution: Execution, block: ParallelBlock, frame: Frame) -> Any:
    _open(execution, block, frame)
    work = [_strand(execution, branch.steps, frame) for branch in block.branches]
    begun = [_has_begun(execution, f"{block.path}/{branch.id}/", frame.item) for branch in block.branches]
    outputs = await _join(work, begun, concurrency=len(work))
    output = {branch.id: value for branch, value in zip(block.branches, outputs, strict=True)}
    return execution.finish_step(block, frame, output, keep=False)


async def _strand(execution: Execution, steps: Sequence[Block], frame: Frame) -> Any:
    return await run_steps(execution, steps, frame)


async def _for_each(execution: Execution, block: ForEachBlock, frame: Frame) -> Any:
    _open(execution, block, frame)
    items = _evaluate(block, frame, block.items.evaluate, "items")
    if not isinstance(items, list):
        raise fail(
            execution, block, frame, ErrorClass.CONTRACT_VIOLATION, "items_not_a_list", "items: this is not a list"
        )
    if len(items) > block.max_items:
        message = f"items: {len(items)} are more than max_items ({block.max_items})"
        raise fail(execution, block, frame, ErrorClass.CONTRACT_VIOLATION, "too_many_items", message)
    wanted = _wanted_items(execution, block, frame, len(items))
    frames = [frame.for_item(block.as_name, items[index], index) for index in wanted]
    work = [_item(execution, block, inner) for inner in frames]
    begun = [_has_begun(execution, f"{block.path}/", inner.item) for inner in frames]
    output = await _join(work, begun, concurrency=block.concurrency)
    output = execution.finish_step(block, frame, output, keep=False, detail=detail_json(items=len(items)))
    if len(wanted) < len(items):
        raise Stopped("only the item asked for was replayed")
    return output


def _wanted_items(execution: Execution, block: ForEachBlock, frame: Frame, count: int) -> list[int]:
    """All items; or, when a replay asks for one of them, that one with those that its earlier run had finished."""
    asked = execution.only_item
    if asked is None or frame.item or asked[0] != block.path or not block.steps:
        return list(range(count))
    last = block.steps[-1]
    return [
        index
        for index in range(count)
        if index == asked[1] or ((step := execution.step_of(last, str(index))) and step.status in _DONE)
    ]


async def _item(execution: Execution, block: ForEachBlock, frame: Frame) -> Any:
    output = await run_steps(execution, block.steps, frame)
    if block.collect is not None:
        return _evaluate(block, frame, block.collect.evaluate, "collect")
    return output


def _has_begun(execution: Execution, prefix: str, item: str) -> bool:
    """Whether a strand has something under way from before the run was taken up again."""
    return not execution.fresh and any(
        step.status in STANDING and step.path.startswith(prefix) and (step.item == item or _is_item_in(step.item, item))
        for step in execution.recorded.steps.values()
    )


def _is_item_in(item: str, outer: str) -> bool:
    return not outer or item.startswith(f"{outer}.")


async def _join(work: list[Any], begun: list[bool], *, concurrency: int) -> list[Any]:
    """Run strands at most ``concurrency`` at a time and wait for all that began, now or before (``begun``).

    After a failure no further strand begins. A failure goes before a suspension, so that it is not put off; unless
    an effect is in doubt: what is done about the failure must know what there is to undo. Of several suspensions the
    earliest counts.
    """
    gate = asyncio.Semaphore(concurrency)
    broken = False

    async def guarded(strand: Any, *, has_begun: bool) -> Any:
        nonlocal broken
        async with gate:
            if broken and not has_begun:
                strand.close()
                return None
            try:
                return await strand
            except Suspended:
                raise
            except BaseException:
                broken = True
                raise

    strands = (guarded(strand, has_begun=was) for strand, was in zip(work, begun, strict=True))
    results = await asyncio.gather(*strands, return_exceptions=True)
    doubts = [r.due_at for r in results if isinstance(r, Suspended) and r.in_doubt]
    failures = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Suspended)]
    if failures and not (doubts and all(isinstance(failure, Failure) for failure in failures)):
        raise min(failures, key=_severity)
    if doubts:
        raise Suspended(min(doubts), in_doubt=True)
    due = [r.due_at for r in results if isinstance(r, Suspended)]
    if due:
        raise Suspended(min(due))
    return results


def _severity(error: BaseException) -> int:
    """Losing the claim or a need for a person goes before an ordinary failure; a stop comes last."""
    if isinstance(error, Stopped):
        return 2
    return 1 if isinstance(error, Failure) else 0


async def _wait(execution: Execution, block: WaitBlock, frame: Frame) -> Any:
    step = execution.begin_step(block, frame.item)
    if step.due_at is None:
        step = execution.write_step(step, status=Status.WAITING, due_at=_due(block, frame), reason="timer")
    due_at = step.due_at
    if due_at is not None and due_at > now():
        raise Suspended(due_at)
    return execution.finish_step(block, frame, None)


def _due(block: WaitBlock, frame: Frame) -> datetime:
    if block.for_s is not None:
        return now() + timedelta(seconds=block.for_s)
    assert block.until is not None  # noqa: S101 - the compiler sets exactly one
    text = _evaluate(block, frame, block.until.evaluate, "until")
    try:
        due = datetime.fromisoformat(str(text))
    except ValueError:
        message = "until: this is not an RFC 3339 time such as 2026-01-31T12:00:00+01:00"
        raise Failure(block.path, frame.item, ErrorClass.CONFIGURATION, "bad_time", message) from None
    if due.tzinfo is None:
        message = "until: the time has no offset; add one such as Z or +01:00"
        raise Failure(block.path, frame.item, ErrorClass.CONFIGURATION, "bad_time", message)
    return due


async def _stop(execution: Execution, block: StopBlock, frame: Frame) -> Any:
    reason = ""
    if block.reason is not None:
        value = _evaluate(block, frame, block.reason.evaluate, "reason")
        reason = "" if value is None else storable(str(value)[:500])
    if block.status == "failed":
        raise fail(execution, block, frame, ErrorClass.BUSINESS_REJECTION, "stopped", reason or "the flow stopped")
    execution.finish_step(block, frame, None, reason=reason or None)
    raise Stopped(reason)


_HANDLERS: dict[type[Block], Handler] = {
    CallBlock: _call,
    MapBlock: _map,
    ValidateBlock: _validate,
    BranchBlock: _branch,
    ParallelBlock: _parallel,
    ForEachBlock: _for_each,
    WaitBlock: _wait,
    ApprovalBlock: pauses.approval_step,
    SubflowBlock: pauses.subflow_step,
    EmitBlock: pauses.emit_step,
    StopBlock: _stop,
}
