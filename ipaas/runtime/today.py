"""What flows achieved today, at a cost that does not grow with history.

How many runs began in a finished slice of ten minutes never changes, so it is counted once and kept; what ended
otherwise than well and what is still under way have indexes of their own. Success is what is left. Runs that only tried
a step out achieved nothing and are not counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import connection

from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at, uuid7_time
from ipaas.runtime.models import TEST, Run, Work

SLICE = timedelta(minutes=10)
SETTLED_AFTER = timedelta(minutes=2)
"""A slice is kept when it ended this long ago: every run of it is committed by then."""
KEPT_S = 26 * 3600
MOST_COUNTED_AT_ONCE = 36
"""Slices counted anew for one page; the rest follows with the next."""
MOST_ABNORMAL = 50_000


@dataclass(slots=True)
class FlowDay:
    """Runs of one flow that began today."""

    slices: Counter[int] = field(default_factory=Counter)
    """Number of runs begun, by slice of the day."""
    abnormal: Counter[str] = field(default_factory=Counter)
    """Number of runs by end, of those that did not succeed."""
    abnormal_slices: Counter[int] = field(default_factory=Counter)
    under_way: int = 0

    @property
    def begun(self) -> int:
        return self.slices.total()

    @property
    def succeeded(self) -> int:
        return max(self.begun - self.abnormal.total() - self.under_way, 0)


@dataclass(frozen=True, slots=True)
class Day:
    """Today by flow; ``complete`` is False while slices are still to be counted, ``slices`` is how many have begun."""

    flows: Mapping[UUID, FlowDay]
    slices: int
    complete: bool


def read_day(workspace_id: UUID, flow_ids: Sequence[UUID], environment_id: UUID | None = None) -> Day:
    """Today (UTC) of these flows, in one environment or in all."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    current = int((now() - midnight) / SLICE)
    flows: dict[UUID, FlowDay] = defaultdict(FlowDay)
    place = _Place(workspace_id, environment_id)
    complete = _count_slices(place, list(flow_ids), midnight, current, flows)
    _count_abnormal(place, set(flow_ids), midnight, flows)
    for flow_id in _under_way(place, midnight):
        flows[flow_id].under_way += 1
    return Day({flow_id: flows[flow_id] for flow_id in flow_ids}, current + 1, complete)


@dataclass(frozen=True, slots=True)
class _Place:
    workspace_id: UUID
    environment_id: UUID | None

    def __str__(self) -> str:
        return f"{self.workspace_id}/{self.environment_id or 'all'}"


def _under_way(place: _Place, midnight: datetime) -> Iterable[UUID]:
    """The flow of each run that began today and has not ended."""
    low = uuid7_at(midnight)
    work = Work.objects.filter(workspace_id=place.workspace_id, kind=Work.Kind.RUN, id__gte=low)
    runs = Run.objects.filter(id__in=work.values("id"), id__gte=low).exclude(trigger=TEST)
    if place.environment_id is not None:
        runs = runs.filter(environment_id=place.environment_id)
    return runs.values_list("flow_id", flat=True)


def _count_slices(
    place: _Place, flow_ids: list[UUID], midnight: datetime, current: int, flows: dict[UUID, FlowDay]
) -> bool:
    """Add up what is kept and count what is not, newest first; whether nothing was left for later."""
    keys = {number: f"today/{place}/{midnight:%Y%m%d}/{number}" for number in range(current + 1)}
    kept = cache.get_many(list(keys.values()))
    missing = [number for number in reversed(range(current + 1)) if keys[number] not in kept]
    counted = _begun_in(place, flow_ids, midnight, missing[:MOST_COUNTED_AT_ONCE])
    settled = now() - SETTLED_AFTER
    fresh = {keys[number]: found for number, found in counted.items() if midnight + (number + 1) * SLICE < settled}
    if fresh:
        cache.set_many(fresh, KEPT_S)
    for number, key in keys.items():
        for flow_id, count in (kept.get(key) or counted.get(number) or {}).items():
            flows[UUID(flow_id)].slices[number] += count
    return len(missing) <= MOST_COUNTED_AT_ONCE


def _begun_in(
    place: _Place, flow_ids: list[UUID], midnight: datetime, slices: Sequence[int]
) -> dict[int, dict[str, int]]:
    """Runs begun by slice and flow: one index range for each pair."""
    found: dict[int, dict[str, int]] = {number: {} for number in slices}
    if not slices or not flow_ids:
        return found
    bounds = [(uuid7_at(midnight + number * SLICE), uuid7_at(midnight + (number + 1) * SLICE)) for number in slices]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.number, f.id, r.count
            FROM unnest(%(numbers)s::int[], %(lows)s::uuid[], %(highs)s::uuid[]) AS s(number, low, high)
            CROSS JOIN unnest(%(flows)s::uuid[]) AS f(id)
            CROSS JOIN LATERAL (
              SELECT count(*) FROM runtime_run WHERE flow_id = f.id AND id >= s.low AND id < s.high
              AND trigger <> %(test)s
              AND (%(place)s::uuid IS NULL OR environment_id = %(place)s::uuid)
            ) AS r
            WHERE r.count > 0
            """,
            {
                "numbers": list(slices),
                "lows": [low for low, _ in bounds],
                "highs": [high for _, high in bounds],
                "flows": flow_ids,
                "place": place.environment_id,
                "test": TEST,
            },
        )
        for number, flow_id, count in cursor.fetchall():
            found[number][str(flow_id)] = count
    return found


def _count_abnormal(place: _Place, flow_ids: set[UUID], midnight: datetime, flows: dict[UUID, FlowDay]) -> None:
    ended = (Run.Status.COMPENSATED, Run.Status.DEAD, Run.Status.NEEDS_OPERATOR, Run.Status.CANCELLED)
    rows = Run.objects.filter(
        workspace_id=place.workspace_id, abnormal__in=(*ended, Run.Status.DISCARDED), id__gte=uuid7_at(midnight)
    )
    rows = rows.exclude(trigger=TEST)
    if place.environment_id is not None:
        rows = rows.filter(environment_id=place.environment_id)
    for run_id, flow_id, abnormal in rows.values_list("id", "flow_id", "abnormal")[:MOST_ABNORMAL]:
        if flow_id in flow_ids and abnormal:
            flows[flow_id].abnormal[abnormal] += 1
            flows[flow_id].abnormal_slices[int((uuid7_time(run_id) - midnight) / SLICE)] += 1


MOST_PULSE = 5_000
_PULSE = """
SELECT
  (SELECT r.id::text FROM runtime_run r WHERE r.workspace_id = %(workspace)s ORDER BY r.id DESC LIMIT 1),
  (SELECT count(*) FROM (SELECT 1 FROM runtime_work WHERE workspace_id = %(workspace)s AND kind = 1 LIMIT %(most)s) w),
  (SELECT count(*) FROM (SELECT 1 FROM runtime_deadletter WHERE workspace_id = %(workspace)s AND state = 'open'
     LIMIT %(most)s) d),
  (SELECT d.id::text FROM runtime_deadletter d WHERE d.workspace_id = %(workspace)s AND d.state = 'open'
     ORDER BY d.id DESC LIMIT 1),
  (SELECT count(*) FROM (SELECT 1 FROM runtime_approval WHERE workspace_id = %(workspace)s AND state = 'pending'
     LIMIT %(most)s) a)
"""


def pulse(workspace_id: UUID) -> str:
    """Changes when a run begins or ends, a dead letter opens or closes, a question is asked or answered: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_PULSE, {"workspace": workspace_id, "most": MOST_PULSE})
        return repr(cursor.fetchone())
