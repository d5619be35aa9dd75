"""Rows the engine writes, gathered column-wise and inserted by ``unnest`` in one round trip per batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from ipaas.audit.sql import ENTRY_INSERT
from ipaas.core.pg_arrays import array_kinds

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


@dataclass(frozen=True, slots=True)
class Statement:
    """One set-based statement: the columns of the row type become array parameters, of ``kinds`` in this order."""

    name: str
    sql: str
    returning: bool = False
    kinds: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", array_kinds(self.sql))


def _arrays(types: Sequence[str]) -> str:
    return ", ".join(f"%b::{kind}[]" for kind in types)


def _insert(table: str, columns: str, types: Sequence[str], tail: str = "", extra: tuple[str, str] = ("", "")) -> str:
    return (
        f"INSERT INTO {table} ({columns}{extra[0]}) "
        f"SELECT *{extra[1]} FROM unnest({_arrays(types)}) AS c({columns}) {tail}"
    )


_RUN_TYPES = (
    ["uuid"] * 6 + ["text", "smallint", "text"] + ["uuid"] * 3 + ["jsonb", "text", "text"] + ["timestamptz"] * 2
)
_STEP_COLUMNS = ", ".join(StepRow._fields)
_STEP_UPDATE = ", ".join(f"{name} = EXCLUDED.{name}" for name in StepRow._fields[5:])

# In the order in which they run inside one transaction.
STATEMENTS: tuple[Statement, ...] = (
    Statement("run", _insert("runtime_run", ", ".join(RunRow._fields), _RUN_TYPES)),
    Statement(
        "work",
        _insert(
            "runtime_work",
            ", ".join(WorkRow._fields),
            ["uuid", "smallint", "smallint", "uuid", "uuid", "timestamptz", "integer", "boolean"],
        ),
    ),
    Statement(
        "business_id",
        _insert("runtime_businessid", ", ".join(BusinessIdRow._fields), ["uuid", "text", "uuid", "text"]),
    ),
    Statement(
        "inbound_key",
        _insert("runtime_inboundkey", ", ".join(InboundKeyRow._fields), ["uuid", "uuid", "text", "bytea", "uuid"]),
    ),
    Statement(
        "receipt",
        "UPDATE events_receipt r SET state = c.state, run_ids = c.run_ids::uuid[], note = c.note "
        f"FROM unnest({_arrays(['uuid', 'text', 'text', 'text'])}) AS c(id, state, run_ids, note) WHERE r.id = c.id",
    ),
    Statement(
        "outcome",
        "UPDATE runtime_effect e SET state = c.state, result = c.result FROM unnest("
        + _arrays(["uuid", "text", "text", "smallint", "uuid", "text", "bytea"])
        + ") AS c(root_run_id, path, item, generation, run_id, state, result) "
        "WHERE e.root_run_id = c.root_run_id AND e.path = c.path AND e.item = c.item "
        "AND e.generation = c.generation AND e.run_id = c.run_id",
    ),
    Statement(
        "intent",
        "INSERT INTO runtime_effect AS e (root_run_id, path, item, generation, workspace_id, run_id, fence, attempt, "
        "state, request_hash) SELECT root_run_id, path, item, generation, workspace_id, run_id, fence, attempt, "
        "'open', request_hash FROM unnest("
        + _arrays(["uuid", "text", "text", "smallint", "uuid", "uuid", "integer", "integer", "bytea"])
        + ") AS c(root_run_id, path, item, generation, workspace_id, run_id, fence, attempt, request_hash) "
        "ON CONFLICT (root_run_id, path, item, generation) DO UPDATE SET state = 'open', run_id = EXCLUDED.run_id, "
        "fence = EXCLUDED.fence, attempt = EXCLUDED.attempt, request_hash = EXCLUDED.request_hash "
        "WHERE e.state = 'failed' RETURNING e.root_run_id, e.path, e.item, e.generation",
        returning=True,
    ),
    Statement(
        "effect_done",
        _insert(
            "runtime_effect",
            ", ".join(EffectDone._fields),
            ["uuid", "text", "text", "smallint", "uuid", "uuid", "integer", "integer", "bytea", "bytea"],
            extra=(", state", ", 'done'"),
        ),
    ),
    Statement(
        "step",
        _insert(
            "runtime_steprun",
            _STEP_COLUMNS,
            ["uuid", "integer"]
            + ["text"] * 4
            + ["boolean", "integer"]
            + ["timestamptz"] * 3
            + ["text"] * 4
            + ["jsonb"],
            f"ON CONFLICT (run_id, seq) DO UPDATE SET {_STEP_UPDATE}",
        ),
    ),
    Statement(
        "step_close",
        "UPDATE runtime_steprun SET status = 'cancelled', finished_at = now() "
        "WHERE run_id = ANY(%b::uuid[]) AND status IN ('running', 'waiting', 'retrying')",
    ),
    Statement(
        "attempt",
        _insert(
            "runtime_attempt",
            ", ".join(AttemptRow._fields),
            ["uuid", "integer", "integer", "text", "timestamptz", "float8", "integer"]
            + ["text"] * 3
            + ["uuid", "jsonb"],
        ),
    ),
    Statement("payload", _insert("runtime_payload", ", ".join(PayloadRow._fields), ["uuid", "integer", "bytea"])),
    Statement(
        "dead_letter",
        _insert(
            "runtime_deadletter",
            ", ".join(DeadLetterRow._fields),
            ["uuid"] * 5 + ["text"] * 6,
            extra=(", state, closed_by, close_reason", ", 'open', '', ''"),
        ),
    ),
    Statement(
        "approval",
        _insert(
            "runtime_approval",
            ", ".join(ApprovalRow._fields),
            ["uuid"] * 4 + ["integer", "text", "text", "jsonb", "bytea", "text", "timestamptz"],
            "ON CONFLICT (run_id, seq) DO NOTHING",
            extra=(", state, decided_by, reason", ", 'pending', '', ''"),
        ),
    ),
    Statement(
        "outbox",
        _insert(
            "outbox_outboxevent",
            ", ".join(OutboxRow._fields),
            ["uuid"] * 3 + ["text"] * 4 + ["jsonb", "bytea"],
        ),
    ),
    Statement(
        "state",
        "UPDATE runtime_run r SET status = c.status, abnormal = c.abnormal, "
        "started_at = coalesce(r.started_at, c.started_at), finished_at = c.finished_at, "
        "error_class = c.error_class, error_code = c.error_code, error_message = c.error_message, "
        "error_step = c.error_step FROM unnest("
        + _arrays(["uuid", "text", "text", "timestamptz", "timestamptz"] + ["text"] * 4)
        + ") AS c(id, status, abnormal, started_at, finished_at, error_class, error_code, error_message, error_step) "
        "WHERE r.id = c.id",
    ),
    Statement(
        "suspend",
        "UPDATE runtime_work w SET leased = false, crashes = 0, "
        "due_at = CASE WHEN w.wakes <> c.wakes THEN now() ELSE c.due_at END "
        f"FROM unnest({_arrays(['uuid', 'timestamptz', 'integer'])}) AS c(id, due_at, wakes) WHERE w.id = c.id",
    ),
    Statement(
        "approval_close",
        "UPDATE runtime_approval SET state = 'cancelled', decided_at = now(), reason = 'the run ended' "
        "WHERE run_id = ANY(%b::uuid[]) AND state = 'pending'",
    ),
    Statement("audit", ENTRY_INSERT.replace("%s", "%b")),
    Statement("done", "DELETE FROM runtime_work WHERE id = ANY(%b::uuid[])"),
    Statement(
        "wake",
        "UPDATE runtime_work SET wakes = wakes + 1, due_at = CASE WHEN leased THEN due_at ELSE now() END "
        "WHERE id = ANY(%b::uuid[])",
    ),
    Statement(  # the queue first, as whoever drives the child does
        "forsake",
        "WITH told AS (UPDATE runtime_work SET wakes = wakes + 1, due_at = CASE WHEN leased THEN due_at ELSE now() END "
        "WHERE id = ANY(%b::uuid[]) RETURNING id) "
        "UPDATE runtime_run SET cancel_reason = 'the run that waits for it is undone' "
        "WHERE id IN (SELECT id FROM told) AND cancel_reason IS NULL AND status <> 'compensating'",
    ),
)


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
