"""Test runs: one step, or the way up to one, by the real engine upon data that somebody gives or takes from a run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Environment
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.core import context, jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound
from ipaas.core.phrases import said
from ipaas.flows.models import DraftSnapshot, Flow, FlowVersion
from ipaas.flows.plan import Block, BranchBlock, CallBlock, EmitBlock, ForEachBlock, ParallelBlock, Plan, SubflowBlock
from ipaas.flows.queries import plan_for, plan_of
from ipaas.flows.snapshots import keep_snapshot
from ipaas.runtime import writing
from ipaas.runtime.execution import payload_aad, value_key
from ipaas.runtime.models import TEST, Run, StepRun, Work
from ipaas.runtime.rows import PayloadRow, StepRow, Unit
from ipaas.runtime.starts import Origin, Start, add_queued, environment_view, prepare_start
from ipaas.runtime.values import read_values
from ipaas.vault.payloads import sealer_for

LEFT_OUT = "left out of this test"
PINNED = "pinned for this test"
MOST_OUTPUTS = 200
Tested = FlowVersion | DraftSnapshot
_COPIED = ("output", "case")


class InputNotKept(Conflict):
    """The input of this run is no longer kept."""

    code: ClassVar[str] = "input_gone"
    remedy: ClassVar[str] = "Take another run, or write the input."


class ProductionNotChosen(Conflict):
    """{environment} is where the real systems are, and nobody has looked at this draft yet."""

    code: ClassVar[str] = "test.production"
    remedy: ClassVar[str] = "Try it out in another environment, or say that production is meant."


@dataclass(frozen=True, slots=True, kw_only=True)
class TestWish:
    """What is to be tested.

    ``step`` is the id or the path of a block. ``alone`` runs it without what stands before it, whose results are
    those of ``outputs`` (by id or path), else those of ``from_run``, else null. Otherwise everything up to it runs,
    but for what ``outputs`` pins. ``from_run`` also gives the input where ``body`` is not given. Inside a for-each
    only the element ``item`` is gone through. ``in_production`` is asked of tests of a draft there.
    """

    __test__ = False  # not a test case of pytest

    step: str
    alone: bool = False
    body: Any = None
    has_body: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)
    from_run: Run | None = None
    item: int = 0
    in_production: bool = False


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """What a test does outside: ``effect`` is ``reads``, ``writes``, ``emits`` or ``starts``.

    ``target`` is where a call goes; "" where the environment has no such connection, so that the step will fail.
    """

    path: str
    title: str
    effect: Literal["reads", "writes", "emits", "starts"]
    what: str
    target: str


@transaction.atomic
def start_test(*, actor: Actor, version: Tested, environment: Environment, wish: TestWish) -> Run:
    """Start a run that ends behind the step; it makes no dead letter, and no failure steps or compensations run.

    A draft is kept as it is now, so that the run can be looked at whatever becomes of it.
    """
    flow: Flow = version.document
    plan = _plan(actor, version)
    if environment.workspace_id != flow.workspace_id:
        raise NotFound(what="environment")
    if isinstance(version, DraftSnapshot):
        if environment == flow.workspace.production and not wish.in_production:
            raise ProductionNotChosen(environment=environment.slug)
        version = keep_snapshot(version)
        plan = plan_for(version.id)
    target = step_of(plan, wish.step)
    values = _values_of(actor, flow, wish)
    way = _Way(plan, target, wish)
    trigger = _trigger(wish, values)
    start = _start(plan, flow, environment, trigger, way)
    rows, kept = way.records(start.run.id, values)
    unit, sealer = Unit((start.run.id, 0)), sealer_for(flow.workspace_id)
    add_queued(unit, start, trigger, sealer)
    if kept:
        sealed = sealer.seal(jsonio.dumps(kept), payload_aad(start.run.id, 2))
        unit.add("payload", PayloadRow(start.run.id, 2, sealed))
    for row in rows:
        unit.add("step", row)
    writing.write_unit(unit)
    writing.ring()
    details: dict[str, Any] = {"flow": flow.slug, "version": version.number or "draft", "environment": environment.slug}
    details |= {"step": target.path, "sha256": version.sha256}
    details |= {"alone": wish.alone, "pinned": sorted(wish.outputs)}
    details |= {"from_run": str(wish.from_run.id)} if wish.from_run else {}
    subject = ("run", start.run.id, str(start.run.id))
    audit.record("run.tested", actor=actor, workspace_id=flow.workspace_id, subject=subject, details=details)
    return Run.objects.get(id=start.run.id)


def calls_of_test(*, actor: Actor, version: Tested, environment: Environment, wish: TestWish) -> list[OutsideCall]:
    """What ``start_test`` with the same wish may do outside, in the order of the flow; nothing is done."""
    plan = _plan(actor, version)
    way = _Way(plan, step_of(plan, wish.step), wish)
    connections = {
        one.slug: one for one in Connection.objects.filter(workspace_id=version.workspace_id, environment=environment)
    }
    found = (_outside(block, connections) for block in way.running())
    return [call for call in found if call is not None]


def _plan(actor: Actor, version: Tested) -> Plan:
    require_permission(actor, "flows.trigger", version.document)
    if isinstance(version, FlowVersion):
        return plan_for(version.id)
    require_permission(actor, "flows.edit", version.document)
    return plan_of(version)


def step_of(plan: Plan, step: str) -> Block:
    """The block of the way forward that an id or a path names; ``InvalidInput`` for anything else."""
    forward = list(_forward(plan.steps))
    for block in forward:
        if step in (block.path, block.id):
            return block
    names = ", ".join(block.id for block in forward[:20])
    raise _refused(
        "step", said("this version has no step {step!r} to test; there is {names}", step=step[:80], names=names)
    )


def _forward(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        yield from _forward(block.children)


def _values_of(actor: Actor, flow: Flow, wish: TestWish) -> dict[str, Any]:
    """The sealed values of the run that data is taken from: used inside, never shown by this."""
    run = wish.from_run
    if run is None:
        return {}
    require_permission(actor, "runs.view", run)
    if run.flow_id != flow.id:
        raise _refused("from_run", said("is a run of another flow"))
    values = read_values(run)
    if "trigger" not in values:
        raise InputNotKept
    return values


def _trigger(wish: TestWish, values: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"kind": "manual", "event": "", "id": "", "body": None, "headers": {}}
    given |= {"received_at": now().isoformat(), **(values.get("trigger") or {})}
    return {**given, "body": wish.body} if wish.has_body else given


def _start(plan: Plan, flow: Flow, environment: Environment, trigger: Mapping[str, Any], way: "_Way") -> Start:
    trace = context.trace.get()
    origin = Origin(
        trigger=TEST,
        lane=Work.Lane.INTERACTIVE,
        replay=json.dumps(way.spec()),
        trace_id=trace.trace_id if trace else None,
    )
    start = prepare_start(plan, flow.id, environment_view(environment.id), trigger, origin, leased=False)
    if start.violation is not None:
        raise _refused("body", start.violation.message)
    return start


class _Way:
    """The way to a step: what stands before it, what is pinned, and which branches lead there."""

    def __init__(self, plan: Plan, target: Block, wish: TestWish) -> None:
        self._plan, self._target, self._wish = plan, target, wish
        self._before: list[tuple[Block, str]] = []
        self._cases: dict[str, int] = {}
        self._each: ForEachBlock | None = None
        self._walk(plan.steps, "")
        self._pins = {step_of(plan, name).path: value for name, value in wish.outputs.items()}
        known = {block.path for block, _ in self._before}
        for path in self._pins:
            if path not in known:
                raise _refused(
                    f"outputs/{path}",
                    said("does not stand before {path}, so that it has no result yet", path=target.path),
                )

    def _walk(self, blocks: Sequence[Block], item: str) -> bool:
        for block in blocks:
            if block.path == self._target.path:
                return True
            if self._target.path.startswith(f"{block.path}/"):
                self._enter(block, item)
                return True
            self._before.append((block, item))
        return False

    def _enter(self, block: Block, item: str) -> None:
        inside = [block.children]
        if isinstance(block, BranchBlock):
            inside = [*(case.steps for case in block.cases), block.otherwise]
        elif isinstance(block, ParallelBlock):
            inside = [strand.steps for strand in block.branches]
        elif isinstance(block, ForEachBlock):
            if self._each is not None:
                raise _refused(
                    "step",
                    said(
                        "{path} is inside two for-each; test {instead} instead",
                        path=self._target.path,
                        instead=self._each.path,
                    ),
                )
            self._each, item = block, str(self._wish.item)
        ours = next(number for number, steps in enumerate(inside) if self._holds(steps))
        if isinstance(block, BranchBlock) and self._wish.alone:
            self._cases[value_key(block.path, item, "case")] = ours if ours < len(block.cases) else -1
        if isinstance(block, ParallelBlock) and self._wish.alone:
            self._before += [(one, item) for number, steps in enumerate(inside) if number != ours for one in steps]
        self._walk(inside[ours], item)

    def _holds(self, blocks: Sequence[Block]) -> bool:
        return any(block.path == self._target.path for block in _forward(blocks))

    def spec(self) -> dict[str, Any]:
        """What the run keeps of it; the engine reads ``stop_after``, ``pinned``, and the for-each with its item."""
        spec: dict[str, Any] = {"test": True, "stop_after": self._target.path, "alone": self._wish.alone}
        spec |= {"pinned": sorted(self._pins)}
        if self._each is not None:
            spec |= {"for_each": self._each.path, "item": self._wish.item}
        if self._wish.from_run is not None:
            spec |= {"from_run": str(self._wish.from_run.id)}
        return spec

    def running(self) -> Iterator[Block]:
        """The blocks that may run, in the order of the flow."""
        skipped = {block.path for block, _ in self._before if self._wish.alone or block.path in self._pins}
        last = self._target.path
        reached = False
        for block in _forward(self._plan.steps):
            inside = block.path == last or block.path.startswith(f"{last}/")
            reached = reached or inside
            if reached and not inside:
                return
            if not any(block.path == path or block.path.startswith(f"{path}/") for path in skipped):
                yield block

    def records(self, run_id: UUID, values: Mapping[str, Any]) -> tuple[list[StepRow], dict[str, Any]]:
        """The step rows that the run begins with, and the values that belong to them."""
        kept: dict[str, Any] = dict(self._cases)
        found: list[StepRow] = []
        source = self._source() if self._wish.alone else []
        for block, item in self._before:
            if block.path in self._pins:
                kept[value_key(block.path, item, "output")] = self._pins[block.path]
                found.append(_row(run_id, block, item, StepRun.Status.SUCCEEDED, PINNED))
            elif self._wish.alone:
                copied = [step for step in source if _belongs(step, block, item)]
                for step in copied:
                    kept |= {key: values[key] for key in _keys(step) if key in values}
                    found.append(_copy(run_id, step))
                if not any(step.path == block.path for step in copied):
                    found.append(_row(run_id, block, item, StepRun.Status.SKIPPED, LEFT_OUT))
        return [row._replace(seq=number) for number, row in enumerate(found, 1)], kept

    def _source(self) -> list[StepRun]:
        run = self._wish.from_run
        if run is None:
            return []
        done = (StepRun.Status.SUCCEEDED, StepRun.Status.SKIPPED)
        rows = StepRun.objects.filter(run_id=run.id, compensates=False, status__in=done)
        return [step for step in rows.order_by("seq") if step.path in self._plan.blocks]


def _belongs(step: StepRun, block: Block, item: str) -> bool:
    """Whether a recorded step is the block, or inside of it; inside a for-each only the element of the test."""
    same_item = not item or step.item == item or step.item.startswith(f"{item}.")
    return same_item and (step.path == block.path or step.path.startswith(f"{block.path}/"))


def _keys(step: StepRun) -> Iterator[str]:
    return (value_key(step.path, step.item, what) for what in _COPIED)


def _row(run_id: UUID, block: Block, item: str, status: str, reason: str) -> StepRow:
    moment = now()
    return StepRow(
        run_id=run_id,
        seq=0,
        path=block.path,
        item=item,
        kind=block.kind,
        status=status,
        compensates=False,
        attempts=0,
        started_at=moment,
        finished_at=moment,
        due_at=None,
        reason=reason,
        error_class=None,
        error_code=None,
        error_message=None,
        detail=None,
    )


def _copy(run_id: UUID, step: StepRun) -> StepRow:
    given = {name: getattr(step, name) for name in StepRow._fields}
    detail = None if step.detail is None else json.dumps(step.detail)
    return StepRow(**{**given, "run_id": run_id, "detail": detail, "reason": f"recorded in run {step.run_id}"})


def _outside(block: Block, connections: Mapping[str, Connection]) -> OutsideCall | None:
    if block.disabled:
        return None
    if isinstance(block, CallBlock):
        connection = connections.get(block.connection)
        target = (connection.base_url or connection.title) if connection is not None else ""
        what = f"{block.connection}.{block.action}"
        return OutsideCall(block.path, block.title, _effect(block, connection), what, target)
    if isinstance(block, EmitBlock):
        return OutsideCall(block.path, block.title, "emits", block.type, "flows that listen to it")
    if isinstance(block, SubflowBlock):
        return OutsideCall(block.path, block.title, "starts", "a run of another flow", block.flow)
    return None


def _effect(block: CallBlock, connection: Connection | None) -> Literal["reads", "writes"]:
    """What cannot be told counts as writing."""
    if connection is None:
        return "writes"
    try:
        action = connector_of(connection).manifest.actions.get(block.action)
    except IpaasError:
        return "writes"
    return "reads" if action is not None and action.effect == "safe" else "writes"


def _refused(where: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": where, "code": f"test.{where.partition('/')[0]}", "message": message}])
