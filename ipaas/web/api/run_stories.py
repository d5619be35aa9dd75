"""Runs beside one another: compared, gathered by a business id, and what a deed on one would do outside."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.errors import InvalidInput
from ipaas.flows.queries import plan_for
from ipaas.runtime.deed_previews import PERMISSIONS, DeedOnRun, preview_deed
from ipaas.runtime.models import Attempt, Run, StepRun
from ipaas.runtime.showing import ShownRun
from ipaas.runtime.stories import find_story
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import StrictSerializer
from ipaas.web.api.run_serializers import RunOutput
from ipaas.web.api.runs import names_of
from ipaas.web.pages.comparisons import compared_attempts, compared_runs


class DiffQuery(StrictSerializer):
    other = serializers.UUIDField(required=False, help_text="Another run: what differs from it.")
    seq = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="A step: two of its attempts are compared."
    )
    before = serializers.IntegerField(min_value=1, max_value=10**6, required=False, help_text="Number of an attempt.")
    after = serializers.IntegerField(min_value=1, max_value=10**6, required=False, help_text="Number of an attempt.")


class DifferenceOutput(serializers.Serializer[Any]):
    path = serializers.CharField()
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"])
    before = serializers.CharField(help_text="As text, masked; equal masks stand for equal values.")
    after = serializers.CharField()


class ComparedOutput(serializers.Serializer[Any]):
    title = serializers.CharField(help_text="The run, its input, a step, or a part of an attempt.")
    rows = DifferenceOutput(many=True)


class RunDiffOutput(serializers.Serializer[Any]):
    parts = ComparedOutput(many=True, help_text="Only what differs.")


class ImpactQuery(StrictSerializer):
    deed = serializers.ChoiceField(choices=sorted(PERMISSIONS))
    step = serializers.CharField(max_length=500, required=False, help_text="Of a settlement: path, or path#item.")


class ImpactOutput(serializers.Serializer[Any]):
    called = serializers.ListField(child=serializers.CharField(), help_text="Called when the run gets there.")
    recorded = serializers.ListField(child=serializers.CharField(), help_text="Happened; the record is used.")
    looked_up = serializers.ListField(child=serializers.CharField(), help_text="Nobody knows; looked up first.")
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Left out.")
    kept = serializers.ListField(child=serializers.CharField(), help_text="Happened and stays as it is.")
    under_way = serializers.ListField(child=serializers.CharField(), help_text="On its way now; waited for.")


class StoryQuery(StrictSerializer):
    name = serializers.CharField(max_length=100, help_text="Of the business id, such as order.")
    value = serializers.CharField(max_length=500)


class StoryEffectOutput(serializers.Serializer[Any]):
    step = serializers.CharField(source="path")
    item = serializers.CharField()
    state = serializers.CharField(help_text="done, open or unknown.")


class StoryRunOutput(serializers.Serializer[Any]):
    run = RunOutput()
    effects = StoryEffectOutput(many=True, help_text="What this run itself changed outside.")


class StoryOutput(serializers.Serializer[Any]):
    runs = StoryRunOutput(many=True, help_text="In the order of time.")
    more = serializers.BooleanField(help_text="There are older runs beyond these.")


@extend_schema(tags=["runs"])
class RunStoryViewSet(ApiViewSet):
    serializer_class = RunOutput

    @property
    def required_permissions(self) -> dict[str, str]:  # type: ignore[override]  # a preview needs that of its deed
        needed = dict.fromkeys(("diff", "story"), "runs.view")
        if self.request.auth is not None and self.action == "impact":
            needed["impact"] = PERMISSIONS.get(self.request.query_params.get("deed", ""), "runs.view")
        return needed

    def run_of(self, run_id: Any) -> Run:
        found: Run = self.one(Run.objects.visible_to(self.actor), "run", id=run_id)
        return found

    @extend_schema(parameters=[DiffQuery], responses=RunDiffOutput)
    def diff(self, request: Request, run_id: Any) -> Response:
        """What differs from another run, or between two attempts of a step (the last two unless named): masked."""
        run, query = self.run_of(run_id), self.read_query(DiffQuery)
        if "other" in query:
            parts, _alike = compared_runs(self.run_of(query["other"]), run)
        elif "seq" in query:
            parts = self._attempts(run, query)
        else:
            message = "name another run with other, or a step with seq"
            raise InvalidInput([{"path": "other", "code": "diff.nothing", "message": message}])
        return Response(RunDiffOutput({"parts": [part for part in parts if part.rows]}).data)

    def _attempts(self, run: Run, query: dict[str, Any]) -> Any:
        step = self.one(StepRun.objects.filter(run_id=run.id), "step", seq=query["seq"])
        rows = Attempt.objects.filter(run_id=run.id, seq=step.seq)
        numbers = list(rows.order_by("number").values_list("number", flat=True))[-2:]
        if len(numbers) < 2:
            raise InvalidInput(
                [{"path": "seq", "code": "diff.one", "message": "this step has fewer than two attempts"}]
            )
        before = self.one(rows, "attempt", number=query.get("before", numbers[0]))
        after = self.one(rows, "attempt", number=query.get("after", numbers[1]))
        return list(compared_attempts(ShownRun(run), step, before, after))

    @extend_schema(parameters=[ImpactQuery], responses=ImpactOutput)
    def impact(self, request: Request, run_id: Any) -> Response:
        """What resuming, skipping, settling or cancelling would do outside; needs the permission of the deed."""
        run, query = self.run_of(run_id), self.read_query(ImpactQuery)
        deed = cast("DeedOnRun", query["deed"])
        found = preview_deed(
            actor=self.actor, run=run, plan=plan_for(run.version_id), deed=deed, step=query.get("step", "")
        )
        return Response(ImpactOutput(found).data)

    @extend_schema(parameters=[StoryQuery], responses=StoryOutput)
    def story(self, request: Request) -> Response:
        """Every run with a business id, over all flows, with what each changed outside (the newest 100)."""
        query = self.read_query(StoryQuery)
        for name in ("name", "value"):
            if name not in query:
                raise InvalidInput([{"path": name, "code": "story.missing", "message": "is needed"}])
        found = find_story(self.actor, query["name"], query["value"])
        names = names_of(found.runs)
        items = [
            {
                "run": RunOutput(run, context=names).data,
                "effects": StoryEffectOutput(found.effects.get(run.id, []), many=True).data,
            }
            for run in found.runs
        ]
        return Response({"runs": items, "more": found.more})
