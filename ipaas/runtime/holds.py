"""Runs of paused flows: made when their delivery comes, held until the flow is resumed, let go at a rate."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from ipaas import audit
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.flows.models import Deployment, Flow
from ipaas.runtime import writing
from ipaas.runtime.models import Run, Work
from ipaas.runtime.rows import HELD_UNTIL, RunState, Suspension, Unit

RELEASE_PER_S = 20.0
"""How many held runs of a flow become due in a second."""

_HELD = "due_at >= '9000-01-01 00:00:00+00'"  # as the partial index runtime_work_held says it
_GROUPS = f"SELECT DISTINCT group_id FROM runtime_work WHERE {_HELD}"  # noqa: S608 - a constant
_LET_GO = f"""
UPDATE runtime_work w SET due_at = %s + make_interval(secs => c.place / %s)
FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM runtime_work WHERE group_id = %s AND {_HELD}) c
WHERE w.id = c.id RETURNING w.id
"""  # noqa: S608 - a constant
_MADE_AT = "to_timestamp(('x' || substr(replace(r.id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)"
_QUEUE = f"""
UPDATE runtime_run r SET status = 'queued', deadline_at = r.deadline_at + greatest(%s - {_MADE_AT}, '0'),
  version_id = coalesce((SELECT c.version_id FROM unnest(%s::uuid[], %s::uuid[]) AS c(environment_id, version_id)
                         WHERE c.environment_id = r.environment_id), r.version_id)
WHERE r.id = ANY(%s::uuid[]) AND r.status = 'held'
"""  # noqa: S608 - a constant


def is_paused(flow_id: UUID) -> bool:
    return Flow.objects.filter(id=flow_id, state=Flow.State.PAUSED).exists()


def may_be_held(row: Any) -> bool:
    """Whether a claimed run is one that a paused flow does not begin; what operators or other flows ask for goes on."""
    waiting = row.status in (Run.Status.QUEUED, Run.Status.HELD) and row.started_at is None
    asked = row.replay is not None or row.parent_run_id is not None or row.cancel_reason is not None
    return waiting and not asked


def hold(unit: Unit, row: Any, wakes: int) -> None:
    """Put a claimed run that has not begun aside until its flow is resumed."""
    unit.add("state", RunState(row.id, Run.Status.HELD, None, None, None, None, None, None, None))
    unit.add("suspend", Suspension(row.id, HELD_UNTIL, wakes))


def held_count(flow_id: UUID) -> int:
    """How many runs wait for a flow to be resumed."""
    return Work.objects.filter(group_id=flow_id, due_at__gte=HELD_UNTIL).count()


def release_held() -> int:
    """Let go what is held for flows that are no longer paused; returns how many. Any number of callers may race."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS)
        groups = [row[0] for row in cursor.fetchall()]
    flows = Flow.objects.filter(id__in=groups, state=Flow.State.ACTIVE) if groups else []
    return sum(_release(flow.id) for flow in flows)


@transaction.atomic
def _release(flow_id: UUID) -> int:
    """Spread the held runs of a flow over time, pinned to the version that runs now, their deadline moved on."""
    flow = Flow.objects.select_for_update().get(id=flow_id)
    if flow.paused:
        return 0
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(_LET_GO, [moment, RELEASE_PER_S, flow_id])
        released = [row[0] for row in cursor.fetchall()]
    if not released:
        return 0
    running = Deployment.objects.filter(flow_id=flow_id, active=True).values_list("environment_id", "version_id")
    environments, versions = [pair[0] for pair in running], [pair[1] for pair in running]
    writing.execute(_QUEUE, [moment, environments, versions, released])
    writing.ring(Work.Lane.DEFAULT)
    audit.record(
        "flow.held_released",
        actor=SYSTEM,
        workspace_id=flow.workspace_id,
        subject=("flow", flow.id, flow.slug),
        details={"runs": len(released), "per_second": RELEASE_PER_S},
    )
    return len(released)
