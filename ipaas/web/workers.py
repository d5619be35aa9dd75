"""Whether work is taken: what is due per lane, what is under way, what the stores say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection as database
from django.db.models import Count, Max, Min, Q
from redis.exceptions import RedisError

from ipaas.audit.models import AuditEntry
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.runtime.models import Run, Work
from ipaas.vault.backends import REMOTE
from ipaas.vault.models import Backend

LATE = timedelta(seconds=30)
_SEEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lane:
    """``due`` waits for a worker now, ``later`` for its time; ``lost`` leases ended without their worker."""

    name: str
    due: int
    oldest_due_at: datetime | None
    under_way: int
    lost: int
    later: int

    @property
    def late(self) -> bool:
        return self.oldest_due_at is not None and now() - self.oldest_due_at > LATE


@dataclass(frozen=True, slots=True)
class Store:
    name: str
    ok: bool
    detail: str
    at: datetime | None = None


def backlog(workspace_id: UUID) -> list[Lane]:
    """Unended work of a workspace by lane; every lane has its line."""
    moment = now()
    due, leased = Q(due_at__lte=moment), Q(leased=True)
    rows = (
        Work.objects.filter(workspace_id=workspace_id)
        .values("lane")
        .annotate(
            due=Count("id", filter=due & ~leased),
            oldest=Min("due_at", filter=due),
            under_way=Count("id", filter=leased & ~due),
            lost=Count("id", filter=leased & due),
            later=Count("id", filter=~due & ~leased),
        )
    )
    found = {row["lane"]: row for row in rows}
    return [_lane(lane, found.get(lane.value, {})) for lane in Work.Lane]


def _lane(lane: Work.Lane, row: Mapping[str, Any]) -> Lane:
    counts = {name: int(row.get(name) or 0) for name in ("due", "under_way", "lost", "later")}
    oldest = row.get("oldest")
    return Lane(name=lane.label, oldest_due_at=oldest if isinstance(oldest, datetime) else None, **counts)


def stores(workspace_id: UUID) -> list[Store]:
    """The database, the shared limits, the journal's last word and the sequencer of the audit trail."""
    with database.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return [
        Store("PostgreSQL", ok=True, detail=f"version {version}"),
        _redis(),
        _last_run(workspace_id),
        _sequencer(workspace_id),
        *_backends(workspace_id),
    ]


def _backends(workspace_id: UUID) -> list[Store]:
    """The stores outside that keep secrets of the workspace."""
    rows = Backend.objects.filter(workspace_id=workspace_id, kind__in=REMOTE)
    return [
        Store(f"Vault: {row.kind}", ok=row.down_since is None, detail=row.down_reason or "answers", at=row.down_since)
        for row in rows
    ]


def _redis() -> Store:
    try:
        cache.set("settings-health", "here", 5)
        answered = cache.get("settings-health") == "here"
    except RedisError:
        answered = False
    detail = "answers" if answered else "does not answer: breakers fail open, limits keep to a local share"
    return Store("Redis (limits, breakers, wake-ups)", ok=answered, detail=detail)


def _last_run(workspace_id: UUID) -> Store:
    recent = Run.objects.filter(workspace_id=workspace_id, id__gte=uuid7_at(now() - _SEEN))
    last = recent.aggregate(last=Max("finished_at"))["last"]
    return Store("Last run that ended", ok=True, detail="" if last else "none of the last day", at=last)


def _sequencer(workspace_id: UUID) -> Store:
    """The scheduler numbers audit entries within a second; older ones without a number say that it stands still."""
    waiting = AuditEntry.objects.of_workspace(workspace_id).filter(seq__isnull=True)
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    late = oldest is not None and now() - oldest > LATE
    detail = "stands still: audit entries are not numbered" if late else "numbers audit entries, rings due lanes"
    return Store("Scheduler", ok=not late, detail=detail, at=oldest if late else None)
