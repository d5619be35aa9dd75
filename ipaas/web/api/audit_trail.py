"""The audit trail: read, export, verify."""

from collections.abc import Iterator, Set
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.audit import jobs, services
from ipaas.audit.exports import CONTENT_TYPES, Format
from ipaas.audit.models import AuditEntry, AuditJob
from ipaas.audit.querysets import AuditFilters
from ipaas.core.errors import InvalidInput
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, StrictSerializer
from ipaas.web.api.queries import READ_PARAMETERS


class AuditQuery(serializers.Serializer[Any]):
    who = serializers.CharField(required=False, help_text="An actor's id, or part of its label.")
    action = serializers.CharField(required=False, help_text="A name or, ending in a dot, a family.")
    subject_type = serializers.CharField(required=False, help_text="Kind of thing it was done to, such as flow.")
    subject_id = serializers.CharField(required=False, help_text="Id of what it was done to.")
    flow = serializers.CharField(required=False, help_text="Id or slug, wherever an entry names it.")
    outcome = serializers.CharField(required=False, help_text="ok, or how it was refused.")
    since = serializers.DateTimeField(required=False, help_text="Inclusive, with its zone.")
    until = serializers.DateTimeField(required=False, help_text="Exclusive, with its zone.")


class AuditEntryOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    seq = serializers.IntegerField(allow_null=True, help_text="Null until the sequencer has numbered it.")
    created_at = serializers.DateTimeField()
    action = serializers.CharField()
    outcome = serializers.CharField()
    actor_kind = serializers.CharField()
    actor_id = serializers.CharField()
    actor_label = serializers.CharField()
    actor_ip = serializers.CharField()
    subject_type = serializers.CharField()
    subject_id = serializers.CharField()
    subject_label = serializers.CharField()
    correlation_id = serializers.CharField()
    details = JsonField()
    hash = serializers.SerializerMethodField()

    def get_hash(self, entry: AuditEntry) -> str | None:
        return bytes(entry.hash).hex() if entry.hash is not None else None


class ProblemOutput(serializers.Serializer[Any]):
    record = serializers.IntegerField()
    seq = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class ReportOutput(serializers.Serializer[Any]):
    ok = serializers.BooleanField(help_text="Nothing speaks against the trail.")
    chain = serializers.CharField()
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    entries = serializers.IntegerField()
    checkpoints = serializers.IntegerField()
    signed_by = serializers.CharField()
    problems = ProblemOutput(many=True)
    notes = serializers.ListField(child=serializers.CharField())


class AuditJobInput(StrictSerializer):
    kind = serializers.ChoiceField(choices=AuditJob.Kind.choices)
    format = serializers.ChoiceField(choices=sorted(CONTENT_TYPES), required=False, help_text="Of an export.")
    filters = serializers.DictField(
        child=serializers.CharField(max_length=500),
        required=False,
        help_text="Of an export: as of the list of entries.",
    )


class AuditJobOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=AuditJob.Kind.choices)
    format = serializers.CharField(help_text="Empty for a verification.")
    filters = JsonField()
    state = serializers.ChoiceField(choices=AuditJob.State.choices)
    total = serializers.IntegerField(help_text="Entries of the chain.")
    done = serializers.IntegerField(help_text="Entries that are through.")
    result = JsonField(help_text="Counts, digest and checkpoint of an export; what a verification found.")
    error = serializers.CharField()
    started_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class AnyAccept(DefaultContentNegotiation):
    """Files are sent whatever the caller says it accepts."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


@extend_schema(tags=["audit"])
class AuditEntryViewSet(ApiViewSet):
    serializer_class = AuditEntryOutput
    content_negotiation_class = AnyAccept
    files = frozenset({"export", "checkpoints"})
    required_permissions = {
        **dict.fromkeys(("list", "verify"), "audit.view"),
        **dict.fromkeys(("export", "checkpoints"), "audit.export"),
    }

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.of_workspace(self.workspace.id)

    @extend_schema(parameters=[AuditQuery])
    def list(self, request: Request) -> Response:
        """Audit entries, newest first."""
        filters = self._filters(READ_PARAMETERS)
        return self.page_of(self.get_queryset().filter(filters.condition()), AuditEntryOutput)

    @extend_schema(
        parameters=[
            AuditQuery,
            OpenApiParameter("format", str, enum=["jsonl", "csv"], description="Form of the file."),
        ],
        responses={(200, "application/jsonl"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY},
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """The matching entries with what proves that none was altered, as JSON Lines or CSV, streamed."""
        fmt = request.query_params.get("format", "jsonl")
        if fmt not in CONTENT_TYPES:
            raise InvalidInput([{"path": "format", "code": "export.format", "message": "is jsonl or csv"}])
        parts = services.export_entries(
            workspace_id=self.workspace.id,
            filters=self._filters({"format"}),
            fmt=cast("Format", fmt),
            actor=self.actor,
        )
        return self._file(parts, f"audit-{self.workspace.slug}.{fmt}", CONTENT_TYPES[fmt])

    @extend_schema(responses={(200, "application/jsonl"): OpenApiTypes.BINARY})
    def checkpoints(self, request: Request) -> StreamingHttpResponse:
        """All signed checkpoints as JSON Lines, to be kept outside and given to the offline verifier."""
        parts = services.signed_checkpoints(workspace_id=self.workspace.id, actor=self.actor)
        return self._file(parts, f"checkpoints-{self.workspace.slug}.jsonl", CONTENT_TYPES["jsonl"])

    @extend_schema(request=None, responses=ReportOutput)
    def verify(self, request: Request) -> Response:
        """Recompute the whole chain of the workspace and check every signature."""
        report = services.verify_chain(workspace_id=self.workspace.id, actor=self.actor)
        return Response(ReportOutput(report).data)

    def _filters(self, others: Set[str]) -> AuditFilters:
        query = self.request.query_params
        return AuditFilters.from_query({key: str(text) for key, text in query.items() if key not in others})

    def _file(self, parts: Iterator[bytes], name: str, content_type: str) -> StreamingHttpResponse:
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return StreamingHttpResponse(parts, content_type=content_type, headers=headers)


@extend_schema(tags=["audit"])
class AuditJobViewSet(ApiViewSet):
    """Exports and verifications in the background; each kind needs the permission of its deed."""

    serializer_class = AuditJobOutput
    content_negotiation_class = AnyAccept
    files = frozenset({"file"})
    _needed: ClassVar[dict[str, str]] = {"export": "audit.export", "verify": "audit.view"}

    @property
    def required_permissions(self) -> dict[str, str]:  # type: ignore[override]  # it depends on the kind
        needed = dict.fromkeys(("list", "retrieve"), "audit.view") | {"file": "audit.export"}
        if self.request.auth is not None and self.action == "create":
            needed["create"] = self._needed[self.read(AuditJobInput)["kind"]]
        return needed

    def get_queryset(self) -> QuerySet[AuditJob]:
        rows = AuditJob.objects.filter(workspace_id=self.workspace.id)
        return rows if self.actor.may("audit.export") else rows.filter(kind=AuditJob.Kind.VERIFY)

    def list(self, request: Request) -> Response:
        """Exports and verifications in the background, the newest first."""
        return self.page_of(self.get_queryset(), AuditJobOutput)

    def retrieve(self, request: Request, job_id: Any) -> Response:
        """One of them, with how far it is."""
        return Response(AuditJobOutput(self.one(self.get_queryset(), "job", id=job_id)).data)

    @extend_schema(request=AuditJobInput, responses={202: AuditJobOutput})
    def create(self, request: Request) -> Response:
        """Begin an export or a verification; a verification under way is given back."""
        given = self.read(AuditJobInput)
        if given["kind"] == AuditJob.Kind.VERIFY:
            job = jobs.start_verification(actor=self.actor, workspace_id=self.workspace.id)
        else:
            filters = AuditFilters.from_query(given.get("filters", {}))
            fmt = given.get("format", "jsonl")
            job = jobs.start_export(actor=self.actor, workspace_id=self.workspace.id, filters=filters, fmt=fmt)
        return Response(AuditJobOutput(job).data, status=202)

    @extend_schema(responses={(200, "application/jsonl"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY})
    def file(self, request: Request, job_id: Any) -> StreamingHttpResponse:
        """The file of a finished export; kept for the days of ``IPAAS_EXPORT_DAYS``."""
        job, parts = jobs.job_parts(actor=self.actor, job_id=job_id)
        name = f"audit-{self.workspace.slug}.{job.format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return StreamingHttpResponse(parts, content_type=CONTENT_TYPES[job.format], headers=headers)
