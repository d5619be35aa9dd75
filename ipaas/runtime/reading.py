"""Lists of runs, each at a bounded cost however many runs are stored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from uuid import UUID

from django.db.models import QuerySet

from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_at
from ipaas.flows.queries import plan_for
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.models import BusinessId, Run, StepRun, Work
from ipaas.runtime.unfinished import STANDING

WINDOW = 20_000
"""How many runs one page looks through at most for conditions that no index answers."""
MOST_NAMED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs; empty conditions hold for all. ``text`` is a whole business id, or the id of a run."""

    text: str = ""
    status: str = ""
    error_class: str = ""
    flow_id: UUID | None = None
    environment_id: UUID | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """``before`` is where the next page goes on, None at the end; ``looked_to`` is set when a page gave up earlier."""

    runs: Sequence[Run]
    before: UUID | None
    looked_to: UUID | None = None


def find_runs(actor: Actor, wanted: RunFilter, *, before: UUID | None = None, size: int = 50) -> FoundRuns:
    """Runs, newest first, that exist for the actor."""
    rows = _indexed(actor, wanted)
    if before is not None:
        rows = rows.filter(id__lt=before)
    floor = None
    if _is_sparse(wanted):
        floor = rows.order_by("-id").values_list("id", flat=True)[WINDOW : WINDOW + 1].first()
        rows = _narrowed(rows if floor is None else rows.filter(id__gte=floor), wanted)
    found = list(rows.order_by("-id")[: size + 1])
    if len(found) > size:
        return FoundRuns(found[:size], found[size - 1].id)
    return FoundRuns(found, floor, floor)


def _indexed(actor: Actor, wanted: RunFilter) -> QuerySet[Run]:
    """The conditions that an index answers in the order of the ids."""
    rows = Run.objects.visible_to(actor)
    if wanted.text:
        rows = rows.filter(id__in=_named(actor, wanted.text))
    if wanted.flow_id is not None:
        rows = rows.filter(flow_id=wanted.flow_id)
    if wanted.since is not None:
        rows = rows.filter(id__gte=uuid7_at(wanted.since))
    if wanted.status and wanted.status not in (*Run.UNENDED, Run.Status.SUCCEEDED):
        rows = rows.filter(abnormal=wanted.status)
    return rows


def _is_sparse(wanted: RunFilter) -> bool:
    return bool(wanted.environment_id or wanted.error_class or wanted.status)


def _narrowed(rows: QuerySet[Run], wanted: RunFilter) -> QuerySet[Run]:
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.status in Run.UNENDED:
        rows = rows.filter(id__in=Work.objects.filter(kind=Work.Kind.RUN).values("id"))
    if wanted.error_class:
        rows = rows.filter(error_class=wanted.error_class)
    if wanted.environment_id is not None:
        rows = rows.filter(environment_id=wanted.environment_id)
    return rows


def _named(actor: Actor, text: str) -> list[UUID]:
    if actor.workspace_id is None:
        return []
    named = found_by(actor.workspace_id, text)
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
