"""Lists of runs, each at a bounded cost however many runs are stored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, Now
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_at
from ipaas.flows.queries import plan_for
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.models import BusinessId, Run, StepRun, Work
from ipaas.runtime.unfinished import STANDING

WINDOW = 20_000
"""How many runs one page looks through at most for conditions that no index answers."""
COUNT_WINDOW = 200_000
"""How many runs a count looks through at most."""
MOST_COUNTED = 10_000
MOST_NAMED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs; empty conditions hold for all. ``text`` is a whole business id, or the id of a run.

    ``step`` is the path of the step at which a run failed or stands; ``longer_s`` and ``shorter_s`` bound how long it
    took, or takes so far. ``since`` is inclusive, ``until`` exclusive.
    """

    text: str = ""
    status: str = ""
    error_class: str = ""
    flow_id: UUID | None = None
    environment_id: UUID | None = None
    version_id: UUID | None = None
    step: str = ""
    longer_s: float | None = None
    shorter_s: float | None = None
    since: datetime | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The conditions that are set, as a bulk job keeps them."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in found.items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """``before`` is where the next page goes on, None at the end; ``looked_to`` is set when a page gave up earlier."""

    runs: Sequence[Run]
    before: UUID | None
    looked_to: UUID | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are; ``more``: at least so many, the rest was not counted."""

    number: int
    more: bool = False


def find_runs(actor: Actor, wanted: RunFilter, *, before: UUID | None = None, size: int = 50) -> FoundRuns:
    """Runs, newest first, that exist for the actor."""
    rows = indexed(Run.objects.visible_to(actor), actor.workspace_id, wanted)
    if before is not None:
        rows = rows.filter(id__lt=before)
    floor = None
    if is_sparse(wanted):
        floor = floor_of(rows, WINDOW)
        rows = narrowed(rows if floor is None else rows.filter(id__gte=floor), wanted)
    found = list(rows.order_by("-id")[: size + 1])
    if len(found) > size:
        return FoundRuns(found[:size], found[size - 1].id)
    return FoundRuns(found, floor, floor)


def count_runs(rows: "QuerySet[Run]", wanted: RunFilter, workspace_id: UUID | None) -> Counted:
    """How many of the rows match, at a bounded cost: up to ``MOST_COUNTED``, among the newest ``COUNT_WINDOW``."""
    rows, floor = indexed(rows, workspace_id, wanted), None
    if is_sparse(wanted):
        floor = floor_of(rows, COUNT_WINDOW)
        rows = narrowed(rows if floor is None else rows.filter(id__gte=floor), wanted)
    number = rows.order_by().values("id")[: MOST_COUNTED + 1].count()
    return Counted(min(number, MOST_COUNTED), number > MOST_COUNTED or floor is not None)


def list_version(actor: Actor, wanted: RunFilter, *, size: int = 50) -> str:
    """Changes whenever the newest page of a list does: one query, whatever the filter.

    Beside the state of each run it holds the number and state of the step begun last, for those under way.
    """
    rows = indexed(Run.objects.visible_to(actor), actor.workspace_id, wanted)
    if is_sparse(wanted):
        floor = rows.order_by("-id").values("id")[WINDOW : WINDOW + 1]
        rows = narrowed(rows.filter(id__gte=Coalesce(Subquery(floor), Value(UUID(int=0)))), wanted)
    last = StepRun.objects.filter(run_id=OuterRef("id"), status__in=STANDING).order_by("-seq")
    place = last.annotate(at=Concat(F("path"), Value("/"), F("status"), output_field=CharField())).values("at")[:1]
    stands = Case(When(status__in=Run.UNENDED, then=Subquery(place)), default=None, output_field=CharField())
    return repr(list(rows.order_by("-id").annotate(stands=stands).values_list("id", "status", "stands")[:size]))


def indexed(rows: "QuerySet[Run]", workspace_id: UUID | None, wanted: RunFilter) -> QuerySet[Run]:
    """The conditions that an index answers in the order of the ids."""
    if wanted.text:
        rows = rows.filter(id__in=_named(workspace_id, wanted.text))
    if wanted.flow_id is not None:
        rows = rows.filter(flow_id=wanted.flow_id)
    if wanted.since is not None:
        rows = rows.filter(id__gte=uuid7_at(wanted.since))
    if wanted.until is not None:
        rows = rows.filter(id__lt=uuid7_at(wanted.until))
    if wanted.status and not _looked_for(wanted.status):
        rows = rows.filter(abnormal=wanted.status)
    return rows


def floor_of(rows: "QuerySet[Run]", window: int) -> UUID | None:
    """The oldest id of the newest ``window`` rows; None where there are no more."""
    found: UUID | None = rows.order_by("-id").values_list("id", flat=True)[window : window + 1].first()
    return found


def is_sparse(wanted: RunFilter) -> bool:
    """Whether there are conditions that no index answers."""
    took = wanted.longer_s is not None or wanted.shorter_s is not None
    names = (wanted.environment_id, wanted.error_class, wanted.version_id, wanted.step)
    return took or any(names) or _looked_for(wanted.status)


def _looked_for(status: str) -> bool:
    """Whether runs of a state are found row by row: those that ended otherwise than well have an index of their own."""
    return status in (*Run.UNENDED, Run.Status.SUCCEEDED)


def narrowed(rows: "QuerySet[Run]", wanted: RunFilter) -> QuerySet[Run]:
    """The conditions that are looked for row by row."""
    same = {
        name: value
        for name in ("status", "error_class", "environment_id", "version_id")
        if (value := getattr(wanted, name))
    }
    rows = rows.filter(**same)
    if wanted.status in Run.UNENDED:
        rows = rows.filter(id__in=Work.objects.filter(kind=Work.Kind.RUN).values("id"))
    if wanted.step:
        stands = StepRun.objects.filter(run_id=OuterRef("id"), path=wanted.step, status__in=STANDING)
        rows = rows.filter(Q(error_step=wanted.step) | Q(Exists(stands), status__in=Run.UNENDED))
    ended, begun = Coalesce("finished_at", Now()), F("started_at")
    if wanted.longer_s is not None:
        rows = rows.filter(GreaterThanOrEqual(ended, begun + Value(timedelta(seconds=wanted.longer_s))))
    if wanted.shorter_s is not None:
        rows = rows.filter(LessThan(ended, begun + Value(timedelta(seconds=wanted.shorter_s))))
    return rows


def _named(workspace_id: UUID | None, text: str) -> list[UUID]:
    if workspace_id is None:
        return []
    named = found_by(workspace_id, text)
    found = list(named.order_by("-run_id").values_list("run_id", flat=True)[:MOST_NAMED])
    try:
        return [*found, UUID(text)]
    except ValueError:
        return found


def business_ids_of(runs: Iterable[Run]) -> dict[UUID, list[tuple[str, str]]]:
    """Names and values as they may be shown, by run, the primary one first."""
    runs = list(runs)
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    for row in BusinessId.objects.filter(run_id__in=[run.id for run in runs]).order_by("name"):
        found[row.run_id].append((row.name, row.value))
    for run in runs:
        primary = _primary(run.version_id)
        found[run.id] = sorted(found[run.id], key=partial(_is_other, primary))
    return dict(found)


def classified_primary(version_id: UUID) -> bool:
    """Whether the primary business id of a flow version reads a classified field, so that it names nothing."""
    try:
        plan = plan_for(version_id)
    except NotFound:
        return True
    return plan.primary in plan.private_ids


@lru_cache(maxsize=4096)
def _primary(version_id: UUID) -> str:
    try:
        return plan_for(version_id).primary
    except NotFound:
        return ""


def _is_other(primary: str, pair: tuple[str, str]) -> bool:
    return pair[0] != primary


def standing_steps(runs: Iterable[Run]) -> dict[UUID, StepRun]:
    """The step at which each run under way stands, the one begun last."""
    under_way = [run.id for run in runs if not run.ended]
    if not under_way:
        return {}
    steps = StepRun.objects.filter(run_id__in=under_way, status__in=STANDING).order_by("run_id", "seq")
    return {step.run_id: step for step in steps}
