"""Runs: find them, see what happened, act on those that stopped."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.core.ids import uuid7_at
from ipaas.flows.models import Flow
from ipaas.runtime import replays, services
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.models import Attempt, BusinessId, Run, StepRun
from ipaas.runtime.showing import ShownRun, text_scrubber
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import OptionalReasonInput, ReasonInput
from ipaas.web.api.pagination import read_limit
from ipaas.web.api.run_serializers import (
    ReplayInput,
    ReplayPreviewOutput,
    ReplayWishInput,
    RunDetailOutput,
    RunOutput,
    RunQuery,
    SettleInput,
    StepOutput,
    StepQuery,
    StepsOutput,
    ValuesOutput,
    ValuesQuery,
)

EPOCH = datetime.fromtimestamp(0, tz=UTC)
"""Ids know no earlier time."""


@extend_schema(tags=["runs"])
class RunViewSet(ApiViewSet):
    serializer_class = RunOutput
    required_permissions = {
        "list": "runs.view",
        "retrieve": "runs.view",
        "steps": "runs.view",
        "values": "runs.view",
        "cancel": "runs.cancel",
        "resume": "runs.resume",
        "skip": "runs.skip",
        "settle": "runs.resume",
        "replay": "runs.replay",
        "replay_preview": "runs.replay",
    }

    def get_queryset(self) -> QuerySet[Run]:
        return Run.objects.visible_to(self.actor)

    def run_of(self, run_id: Any) -> Run:
        found: Run = self.one(self.get_queryset(), "run", id=run_id)
        return found

    @extend_schema(parameters=[RunQuery])
    def list(self, request: Request) -> Response:
        rows = self._matching(self.get_queryset(), self.read_query(RunQuery))
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(RunOutput(page, many=True, context=names_of(page)).data)

    def _matching(self, rows: QuerySet[Run], query: dict[str, Any]) -> QuerySet[Run]:
        rows = rows.filter(**{name: query[name] for name in ("status", "error_class") if name in query})
        if "flow" in query:
            flows = Flow.objects.filter(workspace=self.workspace, slug=query["flow"])
            rows = rows.filter(flow_id__in=flows.values("id"))
        if "environment" in query:
            places = Environment.objects.filter(workspace=self.workspace, slug=query["environment"])
            rows = rows.filter(environment_id__in=places.values("id"))
        if "business_id" in query:
            named = found_by(self.workspace.id, query["business_id"])
            rows = rows.filter(id__in=named.values("run_id"))
        if "since" in query:
            rows = rows.filter(id__gte=uuid7_at(max(query["since"], EPOCH)))
        if "until" in query:
            rows = rows.filter(id__lt=uuid7_at(max(query["until"], EPOCH)))
        return rows

    @extend_schema(responses=RunDetailOutput)
    def retrieve(self, request: Request, run_id: Any) -> Response:
        return self._shown(self.run_of(run_id))

    @extend_schema(parameters=[StepQuery], responses=StepsOutput)
    def steps(self, request: Request, run_id: Any) -> Response:
        """The steps of a run in order, each with its attempts."""
        run = self.run_of(run_id)
        return Response(steps_of(run, self.read_query(StepQuery).get("after", -1), read_limit(request)))

    @extend_schema(request=ReasonInput, responses=RunDetailOutput)
    def cancel(self, request: Request, run_id: Any) -> Response:
        """Stop before the next block; what is done stays done."""
        return self._shown(services.cancel_run(actor=self.actor, run=self.run_of(run_id), **self.read(ReasonInput)))

    @extend_schema(request=OptionalReasonInput, responses=RunDetailOutput)
    def resume(self, request: Request, run_id: Any) -> Response:
        """Take a stopped run up again at the step that failed."""
        return self._shown(
            services.resume_run(actor=self.actor, run=self.run_of(run_id), **self.read(OptionalReasonInput))
        )

    @extend_schema(request=ReasonInput, responses=RunDetailOutput)
    def skip(self, request: Request, run_id: Any) -> Response:
        """Leave out the step at which a run stopped, and take the run up after it."""
        return self._shown(services.skip_step(actor=self.actor, run=self.run_of(run_id), **self.read(ReasonInput)))

    @extend_schema(request=SettleInput, responses=RunDetailOutput)
    def settle(self, request: Request, run_id: Any) -> Response:
        """Say whether an effect of unknown outcome happened."""
        run, given = self.run_of(run_id), self.read(SettleInput)
        return self._shown(services.settle_effect(actor=self.actor, run=run, path=given.pop("step"), **given))

    @extend_schema(parameters=[ValuesQuery], responses=ValuesOutput)
    def values(self, request: Request, run_id: Any) -> Response:
        """What came in, or what a step was given, sent and got: redacted."""
        run, query = self.run_of(run_id), self.read_query(ValuesQuery)
        shown = ShownRun(run)
        if "seq" not in query:
            found = {"kept": shown.has_input, "input": shown.trigger, "output": None, "attempts": []}
            return Response(ValuesOutput(found).data)
        step = self.one(StepRun.objects.filter(run_id=run.id), "step", seq=query["seq"])
        numbers = (
            Attempt.objects.filter(run_id=run.id, seq=step.seq).order_by("number").values_list("number", flat=True)
        )
        tries = [(number, shown.attempt(step.path, step.item, number)) for number in numbers]
        values = shown.step(step.path, step.item)
        attempts = [{"number": number, "request": one.request, "response": one.response} for number, one in tries]
        found = {"kept": shown.has_input, "input": values.input, "output": values.output, "attempts": attempts}
        return Response(ValuesOutput(found).data)

    @extend_schema(request=ReplayInput, responses={202: RunOutput})
    def replay(self, request: Request, run_id: Any) -> Response:
        """Run an ended run again from its records; answers with the new run. What happened does not happen twice."""
        run = replays.replay_run(actor=self.actor, run=self.run_of(run_id), **self.read(ReplayInput))
        return Response(RunOutput(run, context=names_of([run])).data, status=202)

    @extend_schema(request=ReplayWishInput, responses=ReplayPreviewOutput)
    def replay_preview(self, request: Request, run_id: Any) -> Response:
        """What such a replay would take, send again and leave alone; nothing is changed."""
        found = replays.preview_replay(actor=self.actor, run=self.run_of(run_id), **self.read(ReplayWishInput))
        return Response(ReplayPreviewOutput(found).data)

    def _shown(self, run: Run) -> Response:
        found = RunOutput(run, context=names_of([run])).data
        return Response({**found, "steps": steps_of(run, -1, read_limit(self.request))})


def names_of(rows: Iterable[Any]) -> dict[str, Any]:
    """What the serializers need beside runs, dead letters or approvals: slugs and business ids, one query each."""
    rows = list(rows)
    flows = {row.flow_id for row in rows}
    environments = {row.environment_id for row in rows if hasattr(row, "environment_id")}
    business_ids: dict[Any, dict[str, str]] = defaultdict(dict)
    for found in BusinessId.objects.filter(run_id__in=[row.id for row in rows if isinstance(row, Run)]):
        business_ids[found.run_id][found.name] = found.value
    return {
        "flows": dict(Flow.objects.filter(id__in=flows).values_list("id", "slug")),
        "environments": dict(Environment.objects.filter(id__in=environments).values_list("id", "slug")),
        "business_ids": business_ids,
        "scrub": text_scrubber(rows[0].workspace_id) if rows else str,
    }


def steps_of(run: Run, after: int, limit: int) -> dict[str, Any]:
    """Steps with a ``seq`` beyond ``after``, with their attempts."""
    steps = list(StepRun.objects.filter(run_id=run.id, seq__gt=after).order_by("seq")[: limit + 1])
    more, steps = len(steps) > limit, steps[:limit]
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    numbers = [step.seq for step in steps]
    for attempt in Attempt.objects.filter(run_id=run.id, seq__in=numbers).order_by("seq", "number"):
        attempts[attempt.seq].append(attempt)
    shown = StepOutput(steps, many=True, context={"attempts": attempts, "scrub": ShownRun(run).text}).data
    return {"items": shown, "next_after": steps[-1].seq if more else None}
