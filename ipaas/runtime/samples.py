"""Samples for mappings: what steps of recent runs gave to a mapping, with made-up values for everything sensitive."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import ErrorClass, IpaasError, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import DraftSnapshot, FlowVersion
from ipaas.flows.plan import MapBlock, Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime.models import Run, StepRun
from ipaas.runtime.reading import floor_of
from ipaas.runtime.showing import ShownRun

WINDOW = 2_000
"""How many of the newest runs of a flow are looked through."""
MOST_FLOWS = 50
MOST_OF_A_RUN = 3
"""Elements of one for-each are much alike: no more samples than these come from one run."""
MOST_TRIED = 4
"""So many runs are opened for each sample that is asked for: the data of some is no longer kept."""

_USES = """EXISTS (SELECT 1 FROM jsonb_path_query({table}.content, '$.**.map.mapping') AS used
WHERE used #>> '{{}}' = %s OR starts_with(used #>> '{{}}', %s))"""
_STATES = (StepRun.Status.SUCCEEDED, StepRun.Status.FAILED)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one use of a mapping was given. ``scope`` holds every name that its expressions may say, ``source`` too.

    Sensitive values are made up, of the same form, equal where they were equal. ``item`` is the number of an element
    of a for-each; ``failed``: the mapping failed upon it, or was not reached. ``made_up`` are the texts that are.
    """

    run_id: UUID
    flow: str
    step: str
    at: datetime
    scope: dict[str, Any]
    item: str = ""
    failed: bool = False
    made_up: frozenset[str] = frozenset()

    @property
    def source(self) -> Any:
        return self.scope["source"]


def captured_inputs(
    *,
    actor: Actor,
    workspace: Workspace,
    mapping: str,
    limit: int = 10,
    after: UUID | None = None,
    run_id: UUID | None = None,
    refused: bool = False,
) -> list[Sample]:
    """Up to ``limit`` samples of a mapping, whatever version was used, newest first.

    Needs ``mappings.view`` and ``runs.view``. Looks at the newest ``WINDOW`` runs of each flow that has used the
    mapping, so that the cost does not grow with the number of runs; ``after`` leaves out that run and those before it,
    ``run_id`` all others. With ``refused``, runs whose input broke a schema give what the mapping would have got.
    """
    require_permission(actor, "mappings.view", workspace)
    require_permission(actor, "runs.view", workspace)
    if limit < 1:
        return []
    versions = _versions_with(workspace.id, mapping)
    samples = _Samples(actor, mapping, refused=refused)
    runs = _runs(actor, versions, limit * MOST_TRIED, after=after, only=run_id)
    return list(islice((sample for run in runs for sample in samples.of(run)), limit))


def _versions_with(workspace_id: UUID, mapping: str) -> dict[UUID, list[UUID]]:
    """The versions of each flow, drafts that were tried out too, that name the mapping; newest first."""
    found: dict[UUID, list[UUID]] = {}
    for model, table in ((FlowVersion, "flows_flowversion"), (DraftSnapshot, "flows_draftsnapshot")):
        uses = RawSQL(_USES.format(table=table), [mapping, f"{mapping}@"], BooleanField())  # noqa: S611 - ours
        rows = model.objects.filter(document__workspace_id=workspace_id).filter(uses).order_by("-id")
        for flow_id, version_id in rows.values_list("document_id", "id"):
            found.setdefault(flow_id, []).append(version_id)
    return dict(islice(found.items(), MOST_FLOWS))


def _runs(
    actor: Actor, versions: Mapping[UUID, list[UUID]], most: int, *, after: UUID | None, only: UUID | None
) -> list[Run]:
    """The newest runs of these versions; each flow is asked for its own by one index."""
    visible = Run.objects.visible_to(actor)
    if only is not None:
        versions_of_all = [version for ids in versions.values() for version in ids]
        return list(visible.filter(id=only, version_id__in=versions_of_all))
    rows = visible if after is None else visible.filter(id__gt=after)
    found = [run for flow_id, ids in versions.items() for run in _of_flow(rows.filter(flow_id=flow_id), ids, most)]
    return sorted(found, key=attrgetter("id"), reverse=True)[:most]


def _of_flow(rows: "QuerySet[Run]", versions: list[UUID], most: int) -> list[Run]:
    floor = floor_of(rows, WINDOW)
    rows = rows.filter(version_id__in=versions)
    return list((rows if floor is None else rows.filter(id__gte=floor)).order_by("-id")[:most])


class _Samples:
    def __init__(self, actor: Actor, mapping: str, *, refused: bool) -> None:
        self._may_see_variables = actor.may("settings.view")
        self._mapping, self._refused = mapping, refused
        self._variables: dict[UUID, Mapping[str, Any]] = {}

    def of(self, run: Run) -> Iterator[Sample]:
        plan = _plan(run)
        blocks = {} if plan is None else self._uses(plan)
        places = [(row.path, row.item, row.started_at, row.status) for row in _steps(run, blocks)]
        if not places and self._refused and run.error_class == ErrorClass.CONTRACT_VIOLATION.value:
            moment = run.started_at or run.finished_at or uuid7_time(run.id)
            places = [(path, "", moment, StepRun.Status.FAILED) for path in blocks]
        if plan is None or not places:
            return
        shown = ShownRun(run)
        for path, item, moment, status in places:
            scope = shown.made_up(blocks[path], item, self._variables_of(run))
            if scope is not None and _take_source(blocks[path], scope):
                failed = status == StepRun.Status.FAILED
                yield Sample(run.id, plan.flow_slug, path, moment, scope, item, failed, shown.made_up_texts)

    def _uses(self, plan: Plan) -> dict[str, MapBlock]:
        found = (block for block in plan.blocks.values() if isinstance(block, MapBlock))
        return {block.path: block for block in found if block.mapping.slug == self._mapping}

    def _variables_of(self, run: Run) -> Mapping[str, Any]:
        """Those of today: what they were when it ran is not kept."""
        if not self._may_see_variables:
            return {}
        known = self._variables.get(run.environment_id)
        if known is None:
            rows = Environment.objects.filter(id=run.environment_id, workspace_id=run.workspace_id)
            known = self._variables[run.environment_id] = rows.values_list("variables", flat=True).first() or {}
        return known


def _steps(run: Run, paths: Collection[str]) -> list[StepRun]:
    rows = StepRun.objects.filter(run_id=run.id, path__in=paths, status__in=_STATES)
    return list(rows.order_by("seq")[:MOST_OF_A_RUN])


def _plan(run: Run) -> Plan | None:
    try:
        return plan_for(run.version_id)
    except NotFound:
        return None


def _take_source(block: MapBlock, scope: dict[str, Any]) -> bool:
    """Work ``source`` out from the made-up values, so that it agrees with them; False where that is impossible."""
    if block.input is None:
        scope["source"] = scope["trigger"].get("body")
        return True
    try:
        scope["source"] = block.input.evaluate(scope)
    except IpaasError:
        return False
    return True
