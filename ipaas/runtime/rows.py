"""Rows the engine writes, gathered until they are committed together; ``runtime.statements`` writes them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

Claim = tuple[UUID, int]
HELD_UNTIL = datetime(9000, 1, 1, tzinfo=UTC)
"""When work of a paused flow is due; see ``runtime.holds``."""


class RunRow(NamedTuple):
    """A new run."""

    id: UUID
    workspace_id: UUID
    flow_id: UUID
    version_id: UUID
    environment_id: UUID
    root_run_id: UUID
    status: str
    lane: int
    trigger: str
    receipt_id: UUID | None
    parent_run_id: UUID | None
    replay_of: UUID | None
    replay: str | None
    trace_id: str
    business_key: str
    deadline_at: datetime | None
    started_at: datetime | None


class RunState(NamedTuple):
    """The present state of a run: written at suspension, resumption and end."""

    id: UUID
    status: str
    abnormal: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error_class: str | None
    error_code: str | None
    error_message: str | None
    error_step: str | None


class WorkRow(NamedTuple):
    """New due work; ``leased`` with fence 1 when its maker goes on with it at once."""

    id: UUID
    kind: int
    lane: int
    workspace_id: UUID
    group_id: UUID
    due_at: datetime
    fence: int
    leased: bool


class Suspension(NamedTuple):
    """Give the lease back until ``due_at``, or at once when woken since ``wakes`` was read."""

    id: UUID
    due_at: datetime
    wakes: int


class BusinessIdRow(NamedTuple):
    run_id: UUID
    name: str
    workspace_id: UUID
    value: str


class BreachRow(NamedTuple):
    run_id: UUID
    edge: str
    workspace_id: UUID
    flow_id: UUID
    environment_id: UUID
    contract: str
    mode: str
    place: str
    keyword: str
    message: str


class StepRow(NamedTuple):
    run_id: UUID
    seq: int
    path: str
    item: str
    kind: str
    status: str
    compensates: bool
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    reason: str | None
    error_class: str | None
    error_code: str | None
    error_message: str | None
    detail: str | None


class AttemptRow(NamedTuple):
    run_id: UUID
    seq: int
    number: int
    outcome: str
    started_at: datetime
    duration_ms: float
    http_status: int | None
    error_class: str | None
    error_code: str | None
    error_message: str | None
    connection_id: UUID | None
    verdicts: str


class PayloadRow(NamedTuple):
    run_id: UUID
    seq: int
    sealed: bytes


class EffectIntent(NamedTuple):
    """A side effect about to leave; taken when there is none of this key yet, or one that certainly failed."""

    root_run_id: UUID
    path: str
    item: str
    generation: int
    workspace_id: UUID
    run_id: UUID
    fence: int
    attempt: int
    request_hash: bytes


class EffectOutcome(NamedTuple):
    root_run_id: UUID
    path: str
    item: str
    generation: int
    run_id: UUID
    state: str
    result: bytes | None


class EffectDone(NamedTuple):
    """An effect that happens in this very transaction, such as an event emitted."""

    root_run_id: UUID
    path: str
    item: str
    generation: int
    workspace_id: UUID
    run_id: UUID
    fence: int
    attempt: int
    request_hash: bytes
    result: bytes


class ReceiptState(NamedTuple):
    id: UUID
    state: str
    run_ids: str | None
    note: str


class InboundKeyRow(NamedTuple):
    flow_id: UUID
    environment_id: UUID
    key: str
    input_sha256: bytes
    run_id: UUID


class DeadLetterRow(NamedTuple):
    id: UUID
    workspace_id: UUID
    run_id: UUID
    flow_id: UUID
    environment_id: UUID
    cause: str
    step: str
    error_class: str
    error_code: str
    error_message: str
    business_key: str
    amount: Decimal | None
    currency: str


class ApprovalRow(NamedTuple):
    id: UUID
    workspace_id: UUID
    run_id: UUID
    flow_id: UUID
    seq: int
    title: str
    role: str
    checklist: str
    evidence: bytes
    evidence_sha256: str
    expires_at: datetime | None
    quorum: int
    four_eyes: bool
    escalate_at: datetime | None
    escalate_to: str


class OutboxRow(NamedTuple):
    id: UUID
    workspace_id: UUID
    environment_id: UUID | None
    type: str
    subject: str
    source: str
    trace_id: str
    data: str
    sealed: bytes | None


class EndedRow(NamedTuple):
    """How a run ended, for the audit trail; see ``runtime.digests``."""

    workspace_id: UUID
    run_id: UUID
    status: str
    finished_at: datetime
    error_class: str | None
    error_code: str | None
    error_step: str | None


Row = tuple[Any, ...]


@dataclass(slots=True)
class Unit:
    """What one holder of a claim wants committed together; ``owner`` is checked and locked first.

    ``next_owner`` takes over once the first write is committed: a receipt's claim becomes that of the run it leads to.
    """

    owner: Claim
    next_owner: Claim | None = None
    rows: dict[str, list[Row]] = field(default_factory=dict)
    lost: BaseException | None = None  # why nothing more may be written under this claim
    _kept: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, row: Row) -> None:
        rows = self.rows.get(table)
        if rows is None:
            self.rows[table] = [row]
        else:
            rows.append(row)

    @property
    def claims(self) -> list[Claim]:
        """Every claim that this unit may hold now."""
        return [self.owner] if self.next_owner is None else [self.owner, self.next_owner]

    def keep(self) -> None:
        """Let what is gathered so far survive ``discard`` until it is committed."""
        self._kept = {name: list(rows) for name, rows in self.rows.items()}

    def take(self) -> dict[str, list[Row]]:
        """What is gathered, to be written under the claim held at that moment."""
        rows, self.rows = self.rows, {}
        return rows

    def committed(self) -> None:
        """What was taken is in the database."""
        self._kept = {}
        if self.next_owner is not None:
            self.owner, self.next_owner = self.next_owner, None

    def discard(self) -> None:
        """Forget what is gathered, but for what ``keep`` said."""
        self.rows = {name: list(rows) for name, rows in self._kept.items()}
