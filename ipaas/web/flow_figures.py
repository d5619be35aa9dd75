"""How flows did today, from the newest runs of each: bounded, however long the history and busy the day."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.db import connection as database

from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.runtime.models import TEST, Run

MOST_RUNS = 5_000
MOST_LETTERS = 10_000
BUCKETS = 24
KEEP_S = 10
HEALTHY_PERCENT, DEGRADED_PERCENT = 99.0, 90.0
GOOD = {Run.Status.SUCCEEDED}
BAD = {Run.Status.DEAD, Run.Status.NEEDS_OPERATOR, Run.Status.COMPENSATED}
_NEWEST = """
SELECT f.id, r.status, count(*), least(floor(extract(epoch FROM (
  to_timestamp((('x' || left(replace(r.id::text, '-', ''), 12))::bit(48)::bigint) / 1000.0) - %s)) / %s)::int, %s)
FROM unnest(%s::uuid[]) AS f(id) CROSS JOIN LATERAL (
  SELECT id, status FROM runtime_run
  WHERE flow_id = f.id AND environment_id = %s AND id >= %s AND trigger <> %s ORDER BY id DESC LIMIT %s
) AS r GROUP BY 1, 2, 4
"""
_LETTERS = """
SELECT flow_id, count(*) FROM (
  SELECT flow_id FROM runtime_deadletter WHERE workspace_id = %s AND state = 'open' ORDER BY id DESC LIMIT %s
) AS newest GROUP BY 1
"""


@dataclass(slots=True)
class Figures:
    """One flow today in one environment; ``hourly`` counts the runs that began in each hour of the day (UTC)."""

    by_status: dict[str, int] = field(default_factory=dict)
    hourly: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def runs(self) -> int:
        return sum(self.by_status.values())

    @property
    def complete(self) -> bool:
        """False when there were more runs today than are counted."""
        return self.runs < MOST_RUNS

    @property
    def under_way(self) -> int:
        return sum(self.by_status.get(status, 0) for status in Run.UNENDED)

    @property
    def success_percent(self) -> float | None:
        good = sum(self.by_status.get(status, 0) for status in GOOD)
        ended = good + sum(self.by_status.get(status, 0) for status in BAD)
        return 100 * good / ended if ended else None

    @property
    def health(self) -> str:
        percent = self.success_percent
        if percent is None:
            return "idle"
        return "healthy" if percent >= HEALTHY_PERCENT else "degraded" if percent >= DEGRADED_PERCENT else "failing"

    @property
    def trend(self) -> list[float]:
        """Runs per hour since midnight, the present hour last."""
        return [float(count) for count in self.hourly[: now().hour + 1]]


def today() -> datetime:
    """When the day began (UTC)."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def figures_of(flow_ids: Iterable[UUID], environment_id: UUID) -> Mapping[UUID, Figures]:
    """Figures by flow, at most some seconds old; flows without a run today have no entry."""
    ids = sorted(flow_ids)
    if not ids:
        return {}
    digest = hashlib.sha256(b"".join(one.bytes for one in (environment_id, *ids))).hexdigest()
    found: dict[UUID, Figures] | None = cache.get(f"flow-figures:{digest}")
    if found is None:
        found = {}
        begin = today()
        with database.cursor() as cursor:
            cursor.execute(_NEWEST, [begin, 3600, BUCKETS - 1, ids, environment_id, uuid7_at(begin), TEST, MOST_RUNS])
            for flow_id, status, count, bucket in cursor.fetchall():
                one = found.setdefault(flow_id, Figures())
                one.by_status[status] = one.by_status.get(status, 0) + count
                one.hourly[max(bucket, 0)] += count
        cache.set(f"flow-figures:{digest}", found, KEEP_S)
    return found


def open_letters(workspace_id: UUID) -> Mapping[UUID, int]:
    """Open dead letters by flow, among the newest ``MOST_LETTERS`` of the workspace."""
    with database.cursor() as cursor:
        cursor.execute(_LETTERS, [workspace_id, MOST_LETTERS])
        return dict(cursor.fetchall())
