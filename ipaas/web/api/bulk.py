"""Deeds over many runs: how many, begin, watch, hold, end."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.flows.models import Flow
from ipaas.runtime import bulk
from ipaas.runtime.models import BulkJob, Run
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, OptionalReasonInput, StrictSerializer
from ipaas.web.api.run_serializers import ERROR_CLASSES


class BulkFilter(StrictSerializer):
    """What the deed is done to; without conditions to all that is open. Replay and discard go by dead letters."""

    flow = serializers.SlugField(max_length=80, required=False)
    environment = serializers.SlugField(max_length=40, required=False)
    cause = serializers.CharField(max_length=400, required=False, help_text="Of dead letters.")
    error_class = serializers.ChoiceField(choices=ERROR_CLASSES, required=False, help_text="Of dead letters.")
    error_code = serializers.CharField(max_length=200, required=False, help_text="Of dead letters.")
    step = serializers.CharField(max_length=500, required=False, help_text="Of dead letters.")
    status = serializers.ChoiceField(choices=Run.Status.choices, required=False, help_text="Of runs under way.")
    business_key = serializers.CharField(max_length=500, required=False, help_text="Of runs under way.")
    run_ids = serializers.ListField(child=serializers.UUIDField(), max_length=1000, required=False)
    since = serializers.DateTimeField(required=False, help_text="Inclusive.")
    until = serializers.DateTimeField(required=False, help_text="Exclusive.")


class BulkPreviewInput(StrictSerializer):
    deed = serializers.ChoiceField(choices=sorted(bulk.PERMISSIONS))
    filter = BulkFilter(required=False, default=dict)


class BulkInput(BulkPreviewInput):
    reason = serializers.CharField(max_length=500)
    rate_per_s = serializers.FloatField(min_value=0.01, max_value=bulk.MAX_RATE_PER_S, required=False, default=10.0)
    new_effects = serializers.BooleanField(required=False, default=False, help_text="Of a replay.")


class BulkJobQuery(StrictSerializer):
    deed = serializers.ChoiceField(choices=sorted(bulk.PERMISSIONS), required=False, help_text="What it does.")
    state = serializers.ChoiceField(choices=BulkJob.State.choices, required=False, help_text="Of the job.")


class BulkPreviewOutput(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="How many it would touch now.")


class BulkJobOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    deed = serializers.CharField()
    filter = JsonField()
    reason = serializers.CharField(source="options.reason")
    rate_per_s = serializers.FloatField()
    state = serializers.ChoiceField(choices=BulkJob.State.choices)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    percent = serializers.SerializerMethodField()
    left_s = serializers.SerializerMethodField()
    last_error = serializers.CharField()
    started_by = serializers.CharField(source="actor.label")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_percent(self, job: BulkJob) -> int:
        return int(bulk.progress(job)["percent"])

    def get_left_s(self, job: BulkJob) -> float | None:
        """How long the rest takes at its rate; null when it is not running."""
        left: float | None = bulk.progress(job)["left_s"]
        return left


@extend_schema(tags=["bulk jobs"])
class BulkJobViewSet(ApiViewSet):
    """The permission to preview, begin, hold or end a job is that of its deed."""

    serializer_class = BulkJobOutput

    @property
    def required_permissions(self) -> dict[str, str]:  # type: ignore[override]  # it depends on the deed
        if self.request.auth is None:
            return {}
        if self.action in ("create", "preview"):
            serializer = BulkInput if self.action == "create" else BulkPreviewInput
            return {self.action: bulk.PERMISSIONS[self.read(serializer)["deed"]]}
        if self.action in ("pause", "resume", "stop"):
            return {self.action: bulk.PERMISSIONS[self.job(self.kwargs["job_id"]).deed]}
        return dict.fromkeys(("list", "retrieve"), "runs.view")

    def get_queryset(self) -> QuerySet[BulkJob]:
        return bulk.jobs_visible_to(self.actor)

    def job(self, job_id: Any) -> BulkJob:
        found: BulkJob = self.one(self.get_queryset(), "bulk job", id=job_id)
        return found

    @extend_schema(parameters=[BulkJobQuery])
    def list(self, request: Request) -> Response:
        """Bulk jobs, newest first."""
        return self.page_of(self.get_queryset().filter(**self.read_query(BulkJobQuery)), BulkJobOutput)

    def retrieve(self, request: Request, job_id: Any) -> Response:
        """A bulk job with its progress."""
        return Response(BulkJobOutput(self.job(job_id)).data)

    @extend_schema(request=BulkPreviewInput, responses=BulkPreviewOutput)
    def preview(self, request: Request) -> Response:
        """How many runs such a job would touch now."""
        given = self.read(BulkPreviewInput)
        count = bulk.preview_count(
            actor=self.actor, workspace=self.workspace, deed=given["deed"], filter=self._filter(given["filter"])
        )
        return Response({"count": count})

    @extend_schema(request=BulkInput, responses={202: BulkJobOutput})
    def create(self, request: Request) -> Response:
        """Begin a deed over what the filter chooses now; what comes later is not touched."""
        given = self.read(BulkInput)
        options = {"reason": given["reason"]} | ({"new_effects": True} if given["new_effects"] else {})
        job = bulk.start_bulk_job(
            actor=self.actor,
            workspace=self.workspace,
            deed=given["deed"],
            filter=self._filter(given["filter"]),
            rate_per_s=given["rate_per_s"],
            options=options,
        )
        return Response(BulkJobOutput(job).data, status=202)

    @extend_schema(request=None, responses=BulkJobOutput)
    def pause(self, request: Request, job_id: Any) -> Response:
        """Do nothing more until the job is resumed."""
        return Response(BulkJobOutput(bulk.pause_bulk_job(actor=self.actor, job=self.job(job_id))).data)

    @extend_schema(request=None, responses=BulkJobOutput)
    def resume(self, request: Request, job_id: Any) -> Response:
        """Go on where the job was held."""
        return Response(BulkJobOutput(bulk.resume_bulk_job(actor=self.actor, job=self.job(job_id))).data)

    @extend_schema(request=OptionalReasonInput, responses=BulkJobOutput)
    def stop(self, request: Request, job_id: Any) -> Response:
        """End a job early; what is done stays done."""
        given = self.read(OptionalReasonInput)
        return Response(BulkJobOutput(bulk.stop_bulk_job(actor=self.actor, job=self.job(job_id), **given)).data)

    def _filter(self, given: dict[str, Any]) -> dict[str, Any]:
        """The filter with ids for slugs, in JSON."""
        found = {name: value for name, value in given.items() if name not in ("flow", "environment")}
        if "flow" in given:
            found["flow_id"] = str(self.one(Flow.objects.visible_to(self.actor), "flow", slug=given["flow"]).id)
        if "environment" in given:
            places = Environment.objects.filter(workspace=self.workspace)
            found["environment_id"] = str(self.one(places, "environment", slug=given["environment"]).id)
        if "run_ids" in given:
            found["run_ids"] = [str(one) for one in given["run_ids"]]
        return found | {name: given[name].isoformat() for name in ("since", "until") if name in given}
