"""How the engine's rows are written: column-wise by ``unnest``, in one round trip per batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ipaas.audit.sql import ENTRY_INSERT
from ipaas.core.pg_arrays import array_kinds
from ipaas.runtime.rows import (
    ApprovalRow,
    AttemptRow,
    BreachRow,
    BusinessIdRow,
    DeadLetterRow,
    EffectDone,
    InboundKeyRow,
    OutboxRow,
    PayloadRow,
    RunRow,
    StepRow,
    WorkRow,
)


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
    Statement(  # once a run and edge, also when a run is taken up again
        "breach",
        _insert(
            "runtime_breach",
            ", ".join(BreachRow._fields),
            ["uuid", "text"] + ["uuid"] * 3 + ["text"] * 5,
            "ON CONFLICT (run_id, edge) DO NOTHING",
        ),
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
            ["uuid"] * 5 + ["text"] * 6 + ["numeric", "text"],
            extra=(", state, closed_by, close_reason", ", 'open', '', ''"),
        ),
    ),
    Statement(
        "approval",
        _insert(
            "runtime_approval",
            ", ".join(ApprovalRow._fields),
            ["uuid"] * 4
            + ["integer", "text", "text", "jsonb", "bytea", "text", "timestamptz", "smallint", "boolean"]
            + ["timestamptz", "text"],
            "ON CONFLICT (run_id, seq) DO NOTHING",
            extra=(", state, decided_by, reason, delegations", ", 'pending', '', '', '[]'::jsonb"),
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
