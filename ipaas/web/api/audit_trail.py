"""The audit trail: read, export, verify."""

from collections.abc import Iterator, Set
from typing import Any, cast

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.audit import services
from ipaas.audit.exports import CONTENT_TYPES, Format
from ipaas.audit.models import AuditEntry
from ipaas.audit.querysets import AuditFilters
from ipaas.core.errors import InvalidInput
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField
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
