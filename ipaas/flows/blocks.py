"""The compiled form of a flow: a tree of frozen blocks with compiled expressions, shared by all runs of a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from uuid import UUID

from ipaas.contracts.contract_document import EdgeName, Mode, mode_of
from ipaas.contracts.validators import CompiledValidator
from ipaas.core.errors import ErrorClass
from ipaas.expressions import Expression, ValueTemplate
from ipaas.mapping.engine import CompiledMapping

BlockKind = Literal[
    "call", "map", "validate", "branch", "parallel", "for_each", "wait", "approval", "flow", "emit", "stop"
]
FailureEnd = Literal["compensate", "dead_letter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHandler:
    """What a block does when it failed for good: ``steps`` run, then the flow continues or fails.

    An empty ``classes`` handles every class. With ``continue`` the block's status is ``failed``, its output null.
    """

    classes: frozenset[ErrorClass]
    steps: tuple["Block", ...]
    then: Literal["continue", "fail"]

    def handles(self, error_class: ErrorClass) -> bool:
        return not self.classes or error_class in self.classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One step. ``id`` is unique in the flow; ``path`` says where it stands and is stable over versions that keep ids.

    ``path`` is the ids from the outermost block inwards joined by ``/`` (``charge``, ``fulfil/ship``,
    ``fan/left/notify``); steps of a failure handler stand below ``<path>/on_failure``, a compensation at
    ``<path>~undo``. Items of a for-each share the path and differ in the item number.
    """

    kind: ClassVar[BlockKind]

    id: str
    path: str
    title: str
    when: Expression | None = None
    disabled: bool = False
    on_failure: FailureHandler | None = None

    @property
    def children(self) -> tuple["Block", ...]:
        """Blocks directly inside, failure handler's steps not among them."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBlock(Block):
    """An action of a connection. ``policy`` holds the step's overrides only, as written."""

    kind: ClassVar[BlockKind] = "call"

    connection: str
    action: str
    params: ValueTemplate
    idempotency_key: Expression | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    compensate: "CallBlock | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBlock(Block):
    """A pinned mapping applied to ``input``; without ``input`` the source is ``trigger.body``."""

    kind: ClassVar[BlockKind] = "map"

    mapping: CompiledMapping
    mapping_version_id: UUID
    mapping_sha256: str
    input: ValueTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateBlock(Block):
    """A pinned schema that ``value`` must satisfy; the output is the value itself."""

    kind: ClassVar[BlockKind] = "validate"

    validator: CompiledValidator
    schema_version_id: UUID
    schema_sha256: str
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCase:
    """One alternative; the first whose ``when`` is true is taken."""

    when: Expression
    steps: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchBlock(Block):
    """The first true case runs, else ``otherwise``; the output is the number of the case taken, or null."""

    kind: ClassVar[BlockKind] = "branch"

    cases: tuple[BranchCase, ...]
    otherwise: tuple[Block, ...] = ()

    @property
    def children(self) -> tuple[Block, ...]:
        return (*(step for case in self.cases for step in case.steps), *self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelBranch:
    """One strand of a parallel block."""

    id: str
    path: str
    steps: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelBlock(Block):
    """All strands run at once; the block ends when all have ended."""

    kind: ClassVar[BlockKind] = "parallel"

    branches: tuple[ParallelBranch, ...]

    @property
    def children(self) -> tuple[Block, ...]:
        return tuple(step for branch in self.branches for step in branch.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEachBlock(Block):
    """``steps`` for every element of ``items``, at most ``concurrency`` at a time.

    In the steps the element is ``<as_name>`` and its number (from 0) ``loop.index``. The output is one entry per
    item in order: ``collect`` if given, else the output of the item's last step. More than ``max_items`` is a
    contract violation before the first item runs.
    """

    kind: ClassVar[BlockKind] = "for_each"

    items: Expression
    as_name: str
    concurrency: int
    max_items: int
    steps: tuple[Block, ...]
    collect: Expression | None = None

    @property
    def children(self) -> tuple[Block, ...]:
        return self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitBlock(Block):
    """Exactly one of ``for_s`` (seconds) and ``until`` (an RFC 3339 time) is set."""

    kind: ClassVar[BlockKind] = "wait"

    for_s: float | None = None
    until: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalBlock(Block):
    """A question to ``quorum`` people with the role ``approvers``; ``question`` is a text template.

    ``four_eyes`` leaves out who started the run or published the flow. After ``escalate_after_s`` (None: never) the
    role ``escalate_to`` may decide too.
    """

    kind: ClassVar[BlockKind] = "approval"

    question: ValueTemplate
    evidence: ValueTemplate
    approvers: str
    expires_s: float
    on_expiry: Literal["reject", "approve", "fail"]
    checklist: tuple[str, ...] = ()
    quorum: int = 1
    four_eyes: bool = False
    escalate_after_s: float | None = None
    escalate_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubflowBlock(Block):
    """Starts the deployed version of another flow; with ``wait`` the output is that run's last output."""

    kind: ClassVar[BlockKind] = "flow"

    flow: str
    params: ValueTemplate
    wait: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitBlock(Block):
    """Writes an event to the outbox."""

    kind: ClassVar[BlockKind] = "emit"

    type: str
    data: ValueTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class StopBlock(Block):
    """Ends the run at once; ``failed`` is a business rejection and goes through the failure table."""

    kind: ClassVar[BlockKind] = "stop"

    status: Literal["succeeded", "failed"]
    reason: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrigger:
    """Started by a person, the API or another flow only."""

    kind: ClassVar[str] = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTrigger:
    """Started by deliveries to an endpoint; an empty ``events`` takes every event type."""

    kind: ClassVar[str] = "webhook"

    endpoint: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTrigger:
    """Started by a cron expression in a time zone; ``missed`` says what becomes of slots that nobody could run."""

    kind: ClassVar[str] = "schedule"

    cron: str
    timezone: str
    missed: Literal["once", "skip"] = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTrigger:
    """Started once for each new item that a connector's poll trigger finds."""

    kind: ClassVar[str] = "poll"

    connection: str
    trigger: str
    every_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger:
    """Started by events of the bus whose ``filter`` is true."""

    kind: ClassVar[str] = "event"

    type: str
    filter: Expression | None = None


Trigger = ManualTrigger | WebhookTrigger | ScheduleTrigger | PollTrigger | EventTrigger


@dataclass(frozen=True, slots=True)
class Amount:
    """What a run is worth: a number of the currency's unit, and the currency in three letters."""

    value: Expression
    currency: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where data comes in or goes out: its schema, and what becomes of data that breaks it, by environment.

    ``contract`` is the reference of the contract that says so, "" where the flow names a schema alone.
    """

    name: EdgeName
    validator: CompiledValidator
    contract: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def mode_in(self, environment: str) -> Mode:
        return mode_of(self.settings, environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A flow version ready to run.

    ``failure`` says for every error class how a run ends after retries; ``redaction`` maps a path of the run's
    scope (``trigger.body.customer.email``, ``*`` for list items) to its sensitivity class; ``private_ids`` names
    the business ids that read such a place (True) or something around one (False); ``blocks`` finds any
    block by path, compensations included.
    """

    flow_slug: str
    title: str
    version_id: UUID
    number: int
    sha256: str
    trigger: Trigger
    business_ids: Mapping[str, Expression]
    primary: str
    failure: Mapping[ErrorClass, FailureEnd]
    deadline_s: float
    steps: tuple[Block, ...]
    on_failure: tuple[Block, ...]
    blocks: Mapping[str, Block]
    input: Edge | None = None
    output: Edge | None = None
    amount: Amount | None = None
    redaction: Mapping[str, str] = field(default_factory=dict)
    private_ids: Mapping[str, bool] = field(default_factory=dict)
