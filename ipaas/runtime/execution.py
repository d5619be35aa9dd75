"""One run in progress: what is recorded of it, what is to be written next, and how it may end."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ipaas.contracts.queries import EventJudge
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.flows.plan import Block, Plan
from ipaas.runtime.digests import ended_row
from ipaas.runtime.endings import Failure
from ipaas.runtime.journal import Journal
from ipaas.runtime.models import Run, StepRun, Work
from ipaas.runtime.rows import (
    EffectOutcome,
    PayloadRow,
    RunRow,
    RunState,
    StepRow,
    Suspension,
    Unit,
    WorkRow,
)
from ipaas.runtime.store import EffectKey
from ipaas.runtime.tracing import run_trace

Status = StepRun.Status
AWAITED = "sub-flow"  # why a step waits that waits for a sub-flow
StepKey = tuple[str, str]
Scope = dict[str, Any]


class Sealer(Protocol):
    """Seals payloads of one workspace; see ``vault.payloads``."""

    def seal(self, data: bytes, aad: bytes) -> bytes: ...

    def open(self, blob: bytes, aad: bytes) -> bytes: ...

    @property
    def effect_hmac_key(self) -> bytes: ...


class Surroundings(Protocol):
    """What a run needs of the engine.

    ``start_child`` starts sub-flows: resolves the deployed version and adds the child's rows to the parent's unit;
    ``root`` names the child's effects, the same in every replay of the parent. ``wanted`` gives the types of events
    that somebody in the workspace listens to, ``event_judge`` what data of an event is held to, if anything.
    """

    async def start_child(self, parent: "Execution", flow: str, params: Any, root: UUID) -> UUID: ...

    async def wanted(self, workspace_id: UUID) -> frozenset[str]: ...

    async def event_judge(self, workspace_id: UUID, event: str) -> EventJudge | None: ...


@dataclass(slots=True)
class Frame:
    """Where expressions are evaluated: the scope, and the item when inside a for-each."""

    scope: Scope
    item: str = ""

    def for_item(self, name: str, value: Any, index: int) -> "Frame":
        item = f"{self.item}.{index}" if self.item else str(index)
        scope = {**self.scope, "steps": dict(self.scope["steps"]), name: value, "loop": {"index": index}}
        return Frame(scope, item)


@dataclass(slots=True)
class Recorded:
    """What the journal holds of a run that is taken up again."""

    steps: dict[StepKey, StepRow] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    effects: dict[StepKey, Any] = field(default_factory=dict)
    approvals: Mapping[tuple[UUID, int], Any] = field(default_factory=dict)
    children: list[Any] = field(default_factory=list)
    payload_seq: int = 0


def payload_aad(run_id: UUID, seq: int) -> bytes:
    return b"run:%s:%d" % (run_id.bytes, seq)


def effect_aad(key: EffectKey) -> bytes:
    return b"effect:%s:%s#%s:%d" % (key[0].bytes, key[1].encode(), key[2].encode(), key[3])


def value_key(path: str, item: str, what: str) -> str:
    """Name of a value in the payload bundles: ``<path>#<item>.<what>``."""
    return f"{path}#{item}.{what}"


class Execution:
    """A claimed run: memory of what happened and buffer of what is to be written.

    All writes go through ``unit`` under the claim (id, fence); ``flush`` returns after the commit.
    """

    __slots__ = (
        "_next_seq",
        "asked",
        "cancel_reason",
        "engine",
        "failing",
        "failure",
        "fence",
        "fresh",
        "journal",
        "pending",
        "plan",
        "recorded",
        "run",
        "scope",
        "sealer",
        "shown_ids",
        "started_at",
        "status_written",
        "trace",
        "unit",
        "violation",
        "wakes",
    )

    def __init__(
        self,
        *,
        run: RunRow,
        plan: Plan,
        unit: Unit,
        fence: int,
        engine: "Surroundings",
        journal: Journal,
        sealer: Sealer,
        trigger: Any,
        environment: tuple[str, Mapping[str, Any]],
        business_ids: Mapping[str, str],
        shown_ids: Mapping[str, str],
        recorded: Recorded | None = None,
        wakes: int = 0,
        cancel_reason: str | None = None,
        violation: Failure | None = None,
        failure: Failure | None = None,
    ) -> None:
        self.run = run
        self.plan = plan
        self.unit = unit
        self.fence = fence
        self.engine = engine
        self.violation = violation
        self.failure = failure
        self.failing = run.status == Run.Status.COMPENSATING
        self.journal = journal
        self.sealer = sealer
        self.fresh = recorded is None
        self.recorded = recorded or Recorded()
        self.shown_ids = shown_ids
        self.pending: dict[str, Any] = {}
        self.wakes = wakes
        self.cancel_reason = cancel_reason
        self.status_written = run.status == Run.Status.RUNNING
        self.trace = run_trace(run.id, run.trace_id)
        asked: Any = run.replay  # JSON as written, or as the database gives it back
        self.asked: Mapping[str, Any] = json.loads(asked) if isinstance(asked, str) else asked or {}
        self._next_seq = max((step.seq for step in self.recorded.steps.values()), default=0) + 1
        started = self.started_at = run.started_at or now()
        self.scope: Scope = {
            "trigger": trigger,
            "steps": {},
            "run": {
                "id": str(run.id),
                "flow": plan.flow_slug,
                "environment": environment[0],
                "started_at": started.isoformat(),
            },
            "vars": environment[1],
            "business_ids": dict(business_ids),
            "now": started.isoformat(),
        }

    @property
    def facts(self) -> dict[str, Any]:
        """What every log record of this run tells."""
        return {"run_id": str(self.run.id), "flow": self.plan.flow_slug, "business_ids": self.shown_ids}

    # -- what happened -------------------------------------------------------------------------------------------

    def is_in_doubt(self, step: StepRow) -> bool:
        """Whether the effect of a step may have happened and nobody knows yet."""
        effect = self.recorded.effects.get((step.path, step.item))
        return effect is not None and effect.state in ("open", "unknown")

    def step_of(self, block: Block, item: str) -> StepRow | None:
        return self.recorded.steps.get((block.path, item))

    def begin_step(self, block: Block, item: str, *, compensates: bool = False) -> StepRow:
        """The step's row so far: the recorded one, or a new one with the next number."""
        known = self.recorded.steps.get((block.path, item))
        if known is not None:
            return known
        seq, self._next_seq = self._next_seq, self._next_seq + 1
        step = StepRow(
            run_id=self.run.id,
            seq=seq,
            path=block.path,
            item=item,
            kind=block.kind,
            status=Status.RUNNING,
            compensates=compensates,
            attempts=0,
            started_at=now(),
            finished_at=None,
            due_at=None,
            reason=None,
            error_class=None,
            error_code=None,
            error_message=None,
            detail=None,
        )
        self.recorded.steps[(block.path, item)] = step
        return step

    def write_step(self, step: StepRow, **changes: Any) -> StepRow:
        """Record a new state of a step, written with the next flush."""
        step = step._replace(**changes)
        self.recorded.steps[(step.path, step.item)] = step
        self.unit.add("step", step)
        return step

    def finish_step(self, block: Block, frame: Frame, output: Any, *, keep: bool = True, **changes: Any) -> Any:
        """The step succeeded; ``keep`` stores its output in the payloads (effects keep theirs in the effect)."""
        step = self.begin_step(block, frame.item)
        if step.status == Status.SUCCEEDED:  # walked again after a suspension
            self.publish(block, frame, "succeeded", output)
            return output
        self.write_step(
            step,
            **{
                "status": Status.SUCCEEDED,
                "finished_at": now(),
                "due_at": None,
                "reason": None,
                "error_class": None,
                "error_code": None,
                "error_message": None,
                **changes,
            },
        )
        if keep and output is not None:
            self.keep_value(block.path, frame.item, "output", output)
        self.publish(block, frame, "succeeded", output)
        return output

    def skip_step(self, block: Block, frame: Frame, reason: str) -> None:
        step = self.begin_step(block, frame.item)
        self.write_step(step, status=Status.SKIPPED, finished_at=now(), due_at=None, reason=reason)
        self.publish(block, frame, "skipped", None)

    def fail_step(self, block: Block, frame: Frame, failure: Failure) -> None:
        self.write_step(
            self.begin_step(block, frame.item),
            status=Status.FAILED,
            finished_at=now(),
            due_at=None,
            reason=None,
            error_class=failure.error_class.value,
            error_code=failure.code,
            error_message=failure.message,
        )

    @property
    def only_item(self) -> tuple[str, int] | None:
        """The for-each (its path) and the one item of it that a replay or a test asks for."""
        spec = self.asked
        return (str(spec["for_each"]), int(spec["item"])) if spec.get("for_each") else None

    @property
    def is_test(self) -> bool:
        """Whether the run tries a step out: its failure is told by the run, and moves nothing else."""
        return bool(self.asked.get("test"))

    def is_pinned(self, block: Block) -> bool:
        """Whether a test gave the block's result, so that nothing inside of it is walked."""
        return block.path in self.asked.get("pinned", ())

    def publish(self, block: Block, frame: Frame, status: str, output: Any, error: Any = None) -> None:
        """Make a step's result visible to later expressions."""
        frame.scope["steps"][block.id] = {"output": output, "status": status, "error": error}

    def keep_value(self, path: str, item: str, what: str, value: Any) -> None:
        key = value_key(path, item, what)
        self.pending[key] = value
        self.recorded.values[key] = value

    def value(self, path: str, item: str, what: str) -> Any:
        return self.recorded.values.get(value_key(path, item, what))

    def has_value(self, path: str, item: str, what: str) -> bool:
        return value_key(path, item, what) in self.recorded.values

    # -- writing -------------------------------------------------------------------------------------------------

    def _bundle(self) -> None:
        if not self.pending:
            return
        self.recorded.payload_seq += 1
        seq = self.recorded.payload_seq
        sealed = self.sealer.seal(jsonio.dumps(self.pending), payload_aad(self.run.id, seq))
        self.unit.add("payload", PayloadRow(self.run.id, seq, sealed))
        self.pending = {}

    async def flush(self) -> set[EffectKey]:
        """Commit all that is gathered; raises ``ClaimLost`` or ``StoreGone``."""
        self._bundle()
        if not self.status_written:
            self.status_written = True
            status = self.run.status if self.run.status == Run.Status.COMPENSATING else Run.Status.RUNNING
            self.unit.add("state", self._state(status))
        return await self.journal.write(self.unit)

    def _state(self, status: str, *, ended: bool = False, failure: Failure | None = None) -> RunState:
        normal = status in (Run.Status.SUCCEEDED, *Run.UNENDED)
        if status == Run.Status.COMPENSATING:  # a pause in the undoing does not forget why it is undone
            failure = failure or self.failure
        return RunState(
            id=self.run.id,
            status=status,
            abnormal=None if normal else status,
            started_at=self.started_at,
            finished_at=now() if ended else None,
            error_class=failure.error_class.value if failure else None,
            error_code=failure.code if failure else None,
            error_message=failure.message if failure else None,
            error_step=failure.path if failure else None,
        )

    def set_state(self, status: str, *, ended: bool = False, failure: Failure | None = None) -> None:
        self.status_written = True
        state = self._state(status, ended=ended, failure=failure)
        self.unit.add("state", state)
        if ended:
            self.unit.add("ended", ended_row(self.run.workspace_id, state))
            self.unit.add("done", (self.run.id,))
            if self.run.parent_run_id is not None:
                self.unit.add("wake", (self.run.parent_run_id,))

    def close_questions(self) -> None:
        """Withdraw what people are still asked: nothing depends on the answer any more."""
        steps = self.recorded.steps.values()
        if any(step.kind == "approval" and step.status in (Status.WAITING, Status.CANCELLED) for step in steps):
            self.unit.add("approval_close", (self.run.id,))

    def add_event_work(self, event_id: UUID) -> None:
        """Queue an emitted event for the flows that listen to its type."""
        self.unit.add(
            "work",
            WorkRow(
                event_id,
                Work.Kind.EVENT,
                self.run.lane,
                self.run.workspace_id,
                self.run.environment_id,
                now(),
                0,
                False,
            ),
        )

    @property
    def deadline_at(self) -> datetime | None:
        """Until when calls may go out; what is done about a failure may still be done after the run's deadline."""
        return None if self.failing else self.run.deadline_at

    @property
    def depth(self) -> int:
        """How many flows led here by events; bounded, so that flows can not wake each other for ever."""
        return int(self.scope["trigger"].get("depth", 0)) + 1

    async def suspend(self, due_at: datetime, *, failure: Failure | None = None) -> None:
        """Give the run back until ``due_at``."""
        status = Run.Status.COMPENSATING if self.run.status == Run.Status.COMPENSATING else Run.Status.WAITING
        self.set_state(status, failure=failure)
        self.unit.add("suspend", Suspension(self.run.id, due_at, self.wakes))
        await self.flush()

    def settle_effect(self, key: EffectKey, state: str, result: Any = None) -> None:
        """Record what became of a side effect, with its answer when it happened."""
        sealed = self.sealer.seal(jsonio.dumps(result), effect_aad(key)) if state == "done" else None
        self.unit.add("outcome", EffectOutcome(*key, self.run.id, state, sealed))
        known = self.recorded.effects.get(key[1:3])
        if known is not None:
            self.recorded.effects[key[1:3]] = known._replace(state=state, result=sealed)


def params_hash(action: str, params: Any) -> bytes:
    """Fingerprint of what a call asks for: tells a corrected request from a repeated one."""
    return hashlib.sha256(action.encode() + b"\0" + jsonio.canonical(params)).digest()


def detail_json(**values: Any) -> str:
    """Small structured facts of a step (never payloads): ids, counts, choices."""
    return json.dumps(values, sort_keys=True, default=str)
