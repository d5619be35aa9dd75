"""What went over connections in the last hour, from the journal of the runs that began in it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import connection as database

from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, NotFound
from ipaas.core.ids import uuid7_at
from ipaas.flows.plan import CallBlock
from ipaas.flows.queries import plan_for

WINDOW = timedelta(hours=1)
BUCKETS = 30
KEEP_S = 15
OUTSIDE = [
    one.value for one in ErrorClass if one not in (ErrorClass.BUSINESS_REJECTION, ErrorClass.NOT_FOUND)
]  # an answer that says no is not a failure of the connection
_PER_BUCKET = """
SELECT connection_id, least(floor(extract(epoch FROM now() - started_at) / %s)::int, %s) AS bucket,
  count(*), count(*) FILTER (WHERE error_class = ANY(%s))
FROM runtime_attempt
WHERE run_id >= %s AND connection_id = ANY(%s::uuid[]) GROUP BY 1, 2
"""
_PER_STEP = """
SELECT r.version_id, s.path, count(*),
  count(*) FILTER (WHERE a.error_class = ANY(%s)),
  percentile_cont(0.95) WITHIN GROUP (ORDER BY a.duration_ms)
FROM runtime_attempt a
JOIN runtime_steprun s ON s.run_id = a.run_id AND s.seq = a.seq
JOIN runtime_run r ON r.id = a.run_id
WHERE a.run_id >= %s AND r.id >= %s AND s.run_id >= %s AND a.connection_id = %s AND r.workspace_id = %s
GROUP BY 1, 2
"""
_PARKED = """
SELECT r.version_id, s.path, count(*) FROM runtime_steprun s JOIN runtime_run r ON r.id = s.run_id
WHERE s.run_id >= %s AND r.id >= %s AND s.status = 'waiting' AND s.reason = 'breaker_open' AND r.workspace_id = %s
GROUP BY 1, 2
"""


@dataclass(slots=True)
class Traffic:
    """Calls of a connection in the window; ``per_bucket`` is the oldest bucket first."""

    calls: int = 0
    failed: int = 0
    per_bucket: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def error_percent(self) -> float:
        return 100 * self.failed / self.calls if self.calls else 0.0

    @property
    def per_minute(self) -> list[float]:
        minutes = WINDOW.total_seconds() / 60 / BUCKETS
        return [count / minutes for count in self.per_bucket] if self.calls else []


@dataclass(slots=True)
class OperationTraffic:
    """``p95_ms`` is the slowest step's, where several steps call the same operation."""

    calls: int = 0
    failed: int = 0
    p95_ms: float = 0.0

    @property
    def error_percent(self) -> float:
        return 100 * self.failed / self.calls if self.calls else 0.0


def traffic_of(connection_ids: Iterable[UUID]) -> Mapping[UUID, Traffic]:
    """Calls per connection, at most some seconds old."""
    ids = sorted(connection_ids)
    if not ids:
        return {}
    key = f"traffic:{hashlib.sha256(b''.join(one.bytes for one in ids)).hexdigest()}"
    found: dict[UUID, Traffic] | None = cache.get(key)
    if found is None:
        found = defaultdict(Traffic)
        width = int(WINDOW.total_seconds()) // BUCKETS
        with database.cursor() as cursor:
            cursor.execute(_PER_BUCKET, [width, BUCKETS - 1, OUTSIDE, uuid7_at(now() - WINDOW), ids])
            for connection_id, bucket, calls, failed in cursor.fetchall():
                one = found[connection_id]
                one.calls += calls
                one.failed += failed
                one.per_bucket[BUCKETS - 1 - max(bucket, 0)] += calls
        found = dict(found)
        cache.set(key, found, KEEP_S)
    return found


def operations_of(workspace_id: UUID, connection_id: UUID) -> Mapping[str, OperationTraffic]:
    """Calls per operation of a connection; the step of the flow version says which operation it was."""
    since = uuid7_at(now() - WINDOW)
    found: dict[str, OperationTraffic] = defaultdict(OperationTraffic)
    with database.cursor() as cursor:
        cursor.execute(_PER_STEP, [OUTSIDE, since, since, since, connection_id, workspace_id])
        for version_id, path, calls, failed, p95 in cursor.fetchall():
            one = found[_called(version_id, path)[1]]
            one.calls += calls
            one.failed += failed
            one.p95_ms = max(one.p95_ms, p95 or 0.0)
    return found


def parked_for_breaker(workspace_id: UUID, slug: str) -> int:
    """Runs that wait because the breaker of a connection is open, among those that began within a day."""
    since = uuid7_at(now() - timedelta(days=1))
    with database.cursor() as cursor:
        cursor.execute(_PARKED, [since, since, workspace_id])
        return sum(count for version_id, path, count in cursor.fetchall() if _called(version_id, path)[0] == slug)


def _called(version_id: UUID, path: str) -> tuple[str, str]:
    """Connection and action of a step; empty for a step that calls nothing or whose version is gone."""
    try:
        block = plan_for(version_id).blocks.get(path)
    except NotFound:
        return "", ""
    return (block.connection, block.action) if isinstance(block, CallBlock) else ("", "")
