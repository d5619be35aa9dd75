"""The engine's SQL: claims, loads and group commits, over its own small connection pool.

Every write of run state is fenced: ``commit`` first locks the claims of all its units and fails as a whole with
``ClaimLost`` (naming those still held) when one was taken over.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from ipaas.core.errors import IpaasError
from ipaas.core.pg_arrays import columns, register
from ipaas.runtime.rows import Claim, Row
from ipaas.runtime.statements import STATEMENTS

EffectKey = tuple[UUID, str, str, int]
SPARE_S = 8.0
"""How long a connection is kept that nothing needed: less than a pump lingers, so that a resting worker holds one."""

_CLAIM_KINDS = ("uuid", "integer")

_LANE_WEIGHTS = "(ARRAY[6, 3, 1])"

# Distinct (lane, group) pairs by a loose index scan, then each group's share by weight: a noisy flow or workspace
# never starves the others, and the cost depends on the number of groups with work alone.
_CLAIM = f"""
WITH RECURSIVE groups AS (
  (SELECT lane, group_id FROM runtime_work WHERE lane = ANY(%(lanes)s::smallint[]) ORDER BY lane, group_id LIMIT 1)
  UNION ALL
  SELECT n.lane, n.group_id FROM groups g CROSS JOIN LATERAL (
    SELECT w.lane, w.group_id FROM runtime_work w
    WHERE (w.lane, w.group_id) > (g.lane, g.group_id) AND w.lane = ANY(%(lanes)s::smallint[])
    ORDER BY w.lane, w.group_id LIMIT 1) n
), shares AS (
  SELECT lane, group_id, greatest(1, (%(limit)s * {_LANE_WEIGHTS}[lane + 1]
    / sum({_LANE_WEIGHTS}[lane + 1]) OVER ())::integer) AS share FROM groups
), picked AS (
  SELECT p.id, p.leased AS lapsed FROM shares s CROSS JOIN LATERAL (
    SELECT w.id, w.leased FROM runtime_work w
    WHERE w.lane = s.lane AND w.group_id = s.group_id AND w.due_at <= now()
    ORDER BY w.due_at LIMIT s.share FOR UPDATE SKIP LOCKED) p
  LIMIT %(limit)s
)
UPDATE runtime_work w SET due_at = now() + make_interval(secs => %(lease)s), fence = w.fence + 1,
  leased = true, crashes = w.crashes + w.leased::int::smallint
FROM picked WHERE w.id = picked.id
RETURNING w.id, w.kind, w.lane, w.workspace_id, w.group_id, w.fence, w.wakes, w.crashes, picked.lapsed
"""

_OWN = "SELECT runtime_own(%b::uuid[], %b::integer[])"

_RENEW = """
UPDATE runtime_work w SET due_at = now() + make_interval(secs => %s)
FROM unnest(%b::uuid[], %b::integer[]) AS c(id, fence) WHERE w.id = c.id AND w.fence = c.fence AND w.leased
RETURNING w.id
"""

_RELEASE = """
UPDATE runtime_work w SET due_at = now(), leased = false
FROM unnest(%b::uuid[], %b::integer[]) AS c(id, fence) WHERE w.id = c.id AND w.fence = c.fence AND w.leased
"""

_PUT_OFF = """
UPDATE runtime_work w SET due_at = now() + make_interval(secs => least(60, 2 ^ w.crashes)), leased = false,
  crashes = w.crashes + 1
FROM unnest(%b::uuid[], %b::integer[]) AS c(id, fence) WHERE w.id = c.id AND w.fence = c.fence AND w.leased
"""

_RECEIPTS = """
SELECT id, workspace_id, endpoint_id, delivery_id, event, trace_id, sealed FROM events_receipt
WHERE id = ANY(%b::uuid[])
"""
_RUNS = """
SELECT r.id, r.workspace_id, r.flow_id, r.version_id, r.environment_id, r.root_run_id, r.status, r.lane, r.trigger,
  r.receipt_id, r.parent_run_id, r.replay_of, r.replay, r.trace_id, r.business_key, r.deadline_at, r.started_at,
  r.cancel_reason, r.error_class, r.error_code, r.error_message, r.error_step
FROM runtime_run r WHERE r.id = ANY(%b::uuid[])
"""
_STEPS = """
SELECT run_id, seq, path, item, kind, status, compensates, attempts, started_at, finished_at, due_at, reason,
  error_class, error_code, error_message, detail::text AS detail
FROM runtime_steprun WHERE run_id = ANY(%b::uuid[]) ORDER BY run_id, seq
"""
_PAYLOADS = "SELECT run_id, seq, sealed FROM runtime_payload WHERE run_id = ANY(%b::uuid[]) ORDER BY run_id, seq"
_EFFECTS = """
SELECT root_run_id, path, item, generation, run_id, fence, attempt, state, request_hash, result
FROM runtime_effect WHERE root_run_id = ANY(%b::uuid[])
"""
_APPROVALS = """
SELECT run_id, seq, id, role, state, decided_by, reason, decided_at, escalate_at, escalate_to
FROM runtime_approval WHERE run_id = ANY(%b::uuid[])
"""
_CHILDREN = """
SELECT id, parent_run_id, status, error_class, error_code, error_message FROM runtime_run
WHERE parent_run_id = ANY(%b::uuid[])
"""
_EVENTS = """
SELECT id, workspace_id, environment_id, type, subject, source, trace_id, data::text AS data, sealed
FROM outbox_outboxevent WHERE id = ANY(%b::uuid[])
"""
_BUSINESS_IDS = "SELECT run_id, name, value FROM runtime_businessid WHERE run_id = ANY(%b::uuid[])"
_EXPIRE = """
UPDATE runtime_approval SET state = CASE WHEN state = 'pending' THEN 'expired' ELSE state END,
  decided_at = coalesce(decided_at, now())
WHERE run_id = %s AND seq = %s RETURNING state
"""


class ClaimLost(IpaasError):
    """Another worker took this work over; what was done here since is not written."""

    code = "claim_lost"
    title = "Claim lost"

    def __init__(self, held: frozenset[UUID] = frozenset()) -> None:
        self.held = held
        super().__init__()


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claimed piece of work; ``lapsed``: whoever had it before neither finished nor released it."""

    id: UUID
    kind: int
    lane: int
    workspace_id: UUID
    group_id: UUID
    fence: int
    wakes: int
    crashes: int
    lapsed: bool = False


@dataclass(slots=True)
class Loaded:
    """Everything recorded of claimed runs, by run id."""

    runs: dict[UUID, Any]
    steps: dict[UUID, list[Any]]
    payloads: dict[UUID, list[tuple[int, bytes]]]
    effects: dict[UUID, list[Any]]
    approvals: dict[tuple[UUID, int], Any]
    children: dict[UUID, list[Any]]


class Store:
    """SQL of the engine; one per process and loop."""

    def __init__(self, conninfo: str, *, max_size: int = 4) -> None:
        self.conninfo = conninfo
        self.pool = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=max_size,
            open=False,
            timeout=10,
            max_idle=SPARE_S,
            configure=_configure,
            kwargs={"autocommit": True, "application_name": "ipaas-engine"},
        )

    async def open(self) -> None:
        await self.pool.open()

    async def close(self) -> None:
        await self.pool.close()

    async def claim(self, *, limit: int, lease_s: float, lanes: Sequence[int]) -> list[Claimed]:
        """Lease up to ``limit`` due pieces of work, shared fairly; each claim raises the fence by one."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_CLAIM, {"limit": limit, "lease": lease_s, "lanes": list(lanes)})
            return [Claimed(*row) for row in await cursor.fetchall()]

    async def renew(self, claims: Sequence[Claim], *, lease_s: float) -> set[UUID]:
        """Prolong leases; returns the ids still held."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_RENEW, [lease_s, *columns(_CLAIM_KINDS, claims)])
            return {row[0] for row in await cursor.fetchall()}

    async def cancelled(self, run_ids: set[UUID]) -> dict[UUID, str]:
        """Which of these runs somebody asked to cancel, and why."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT id, cancel_reason FROM runtime_run WHERE id = ANY(%b::uuid[]) AND cancel_reason IS NOT NULL",
                [list(run_ids)],
            )
            return dict(await cursor.fetchall())

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give work back at once, so that another worker need not wait for the lease to end."""
        async with self.pool.connection() as conn:
            await conn.execute(_RELEASE, columns(_CLAIM_KINDS, claims))

    async def put_off(self, claims: Sequence[Claim]) -> None:
        """Give back work that failed by a defect: later, and counted as if it had taken its worker down."""
        async with self.pool.connection() as conn:
            await conn.execute(_PUT_OFF, columns(_CLAIM_KINDS, claims))

    async def load_receipts(self, ids: Sequence[UUID]) -> list[Any]:
        async with self.pool.connection() as conn, _named(conn) as cursor:
            await cursor.execute(_RECEIPTS, [list(ids)])
            return await cursor.fetchall()

    async def load_runs(self, ids: Sequence[UUID]) -> Loaded:
        """Load runs with all that is recorded of them (and of their effect roots) in three round trips."""
        loaded = Loaded({}, {}, {}, {}, {}, {})
        async with self.pool.connection() as conn, _named(conn) as cursor:
            wanted = [list(ids)]
            await cursor.execute(_RUNS, wanted)
            loaded.runs = {row.id: row for row in await cursor.fetchall()}
            await cursor.execute(_STEPS, wanted)
            for row in await cursor.fetchall():
                loaded.steps.setdefault(row.run_id, []).append(row)
            await cursor.execute(_PAYLOADS, wanted)
            for row in await cursor.fetchall():
                loaded.payloads.setdefault(row.run_id, []).append((row.seq, bytes(row.sealed)))
            roots = list({row.root_run_id for row in loaded.runs.values()})
            await cursor.execute(_EFFECTS, [roots])
            for row in await cursor.fetchall():
                loaded.effects.setdefault(row.root_run_id, []).append(row)
            kinds = {row.kind for rows in loaded.steps.values() for row in rows}
            if "approval" in kinds:
                await cursor.execute(_APPROVALS, wanted)
                loaded.approvals = {(row.run_id, row.seq): row for row in await cursor.fetchall()}
            if "flow" in kinds:
                await cursor.execute(_CHILDREN, wanted)
                for row in await cursor.fetchall():
                    loaded.children.setdefault(row.parent_run_id, []).append(row)
        return loaded

    async def load_effect(self, key: EffectKey) -> Any | None:
        async with self.pool.connection() as conn, _named(conn) as cursor:
            await cursor.execute(
                "SELECT e.run_id, e.fence, e.attempt, e.state, e.request_hash, e.result, "
                "EXISTS (SELECT 1 FROM runtime_work w WHERE w.id = e.run_id) AS live FROM runtime_effect e "
                "WHERE e.root_run_id = %s AND e.path = %s AND e.item = %s AND e.generation = %s",
                key,
            )
            return await cursor.fetchone()

    async def load_failure(self, run_id: UUID) -> tuple[str, str | None]:
        """How a run stands, and the class of what it failed by."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT status, error_class FROM runtime_run WHERE id = %s", [run_id])
            row = await cursor.fetchone()
            return (row[0], row[1]) if row else ("", None)

    async def load_payloads(self, run_id: UUID) -> list[tuple[int, bytes]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_PAYLOADS, [[run_id]])
            return [(row[1], bytes(row[2])) for row in await cursor.fetchall()]

    async def load_events(self, ids: Sequence[UUID]) -> list[Any]:
        async with self.pool.connection() as conn, _named(conn) as cursor:
            await cursor.execute(_EVENTS, [list(ids)])
            return await cursor.fetchall()

    async def load_business_ids(self, run_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_BUSINESS_IDS, [list(run_ids)])
            found: dict[UUID, dict[str, str]] = {}
            for run_id, name, value in await cursor.fetchall():
                found.setdefault(run_id, {})[name] = value
            return found

    async def expire_approval(self, run_id: UUID, seq: int) -> str:
        """Close an approval that nobody decided in time; a decision that came first wins and is returned."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_EXPIRE, [run_id, seq])
            row = await cursor.fetchone()
            return str(row[0]) if row else "expired"

    async def commit(self, claims: Sequence[Claim], rows: dict[str, list[Row]]) -> set[EffectKey]:
        """Write all rows in one transaction, fenced by ``claims``; returns the effect intents that were taken."""
        taken: set[EffectKey] = set()
        try:
            async with self.pool.connection() as conn:
                cursors = []
                async with conn.pipeline(), conn.transaction():
                    if claims:
                        await conn.execute(_OWN, columns(_CLAIM_KINDS, claims))
                    for statement in STATEMENTS:
                        wanted = rows.get(statement.name)
                        if not wanted:
                            continue
                        cursor = await conn.execute(statement.sql, columns(statement.kinds, wanted))
                        if statement.returning:
                            cursors.append(cursor)
                for cursor in cursors:
                    taken.update(await cursor.fetchall())
        except psycopg.errors.RaiseException as error:
            raise _claim_lost(error) from None
        except psycopg.Error as error:
            if error.sqlstate == "IP001":
                raise _claim_lost(error) from None
            raise
        return taken

    async def next_due(self, lanes: Sequence[int]) -> datetime | None:
        """When the earliest waiting work of these lanes is due, if any."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT min(due_at) FROM runtime_work WHERE lane = ANY(%s::smallint[])", [list(lanes)]
            )
            row = await cursor.fetchone()
            return row[0] if row else None

    async def wait_until_back(self) -> None:
        """Return once the database answers again after an outage."""
        pause = 0.05
        while True:
            try:
                await self.pool.check()
                async with self.pool.connection(timeout=2) as conn:
                    await conn.execute("SELECT 1")
            except (psycopg.Error, TimeoutError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                return


async def _configure(conn: AsyncConnection[Any]) -> None:
    register(conn)


def _named(conn: AsyncConnection[Any]) -> AsyncCursor[Any]:
    """A cursor whose rows have named fields."""
    return conn.cursor(row_factory=namedtuple_row)


def _claim_lost(error: psycopg.Error) -> ClaimLost:
    detail = error.diag.message_detail or ""
    return ClaimLost(frozenset(UUID(text) for text in detail.split(",") if text))
