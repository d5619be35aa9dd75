"""Conditions of runs in requests, filters that are kept under a name, and lists of runs as files."""

from collections.abc import Mapping
from typing import Any, cast

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.actor import Actor
from ipaas.core.errors import InvalidInput
from ipaas.runtime import saved_filters
from ipaas.runtime.models import SavedFilter
from ipaas.runtime.run_exports import CONTENT_TYPES, Format, export_runs
from ipaas.runtime.run_queries import run_filter_or_refuse
from ipaas.web.api.audit_trail import AnyAccept
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.run_serializers import RunQuery, SavedFilterInput, SavedFilterOutput

_WORDS = {"business_id": "q"}
"""Names of the API that differ from those of the list's address."""


def query_of(actor: Actor, given: Mapping[str, Any]) -> dict[str, str]:
    """The conditions of a request as ``run_filter`` reads them, laid over those of the saved filter it names."""
    own = {_WORDS.get(name, name): str(value) for name, value in given.items() if name != "saved"}
    return {**saved_filters.filter_named(actor, given["saved"]).parameters, **own} if "saved" in given else own


@extend_schema(tags=["runs"])
class RunExportViewSet(ApiViewSet):
    serializer_class = SavedFilterOutput
    content_negotiation_class = AnyAccept
    required_permissions = {"export": "runs.view"}
    files = frozenset({"export"})

    @extend_schema(
        parameters=[RunQuery, OpenApiParameter("format", str, enum=["jsonl", "csv"])],
        responses={(200, "application/jsonl"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY},
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """The runs that match as JSON Lines or CSV, streamed, newest first (at most 200,000), without payloads."""
        fmt = request.query_params.get("format", "jsonl")
        if fmt not in CONTENT_TYPES:
            raise InvalidInput([{"path": "format", "code": "export.format", "message": "is jsonl or csv"}])
        query = query_of(self.actor, self.read_query(RunQuery, beside={"format"}))
        lines = export_runs(
            actor=self.actor,
            workspace_id=self.workspace.id,
            wanted=run_filter_or_refuse(self.actor, query),
            fmt=cast("Format", fmt),
            query=query,
        )
        headers = {"Content-Disposition": f'attachment; filename="runs-{self.workspace.slug}.{fmt}"'}
        return StreamingHttpResponse(lines, content_type=CONTENT_TYPES[fmt], headers=headers)


@extend_schema(tags=["runs"])
class SavedFilterViewSet(ApiViewSet):
    """One's own filters and those that are shared; a key has those of its owner."""

    serializer_class = SavedFilterOutput
    required_permissions = dict.fromkeys(("list", "create", "destroy"), "runs.view")

    def get_queryset(self) -> QuerySet[SavedFilter]:
        return saved_filters.filters_of(self.actor)

    def list(self, request: Request) -> Response:
        """Saved filters, the newest first."""
        return self.page_of(self.get_queryset(), SavedFilterOutput)

    @extend_schema(request=SavedFilterInput, responses={201: SavedFilterOutput})
    def create(self, request: Request) -> Response:
        """Keep a filter under a name; one's own of the same name is replaced."""
        given = self.read(SavedFilterInput)
        query = query_of(self.actor, given["conditions"])
        found = saved_filters.save_filter(actor=self.actor, name=given["name"], query=query, shared=given["shared"])
        return Response(SavedFilterOutput(found).data, status=201)

    def destroy(self, request: Request, filter_id: Any) -> Response:
        """Forget a saved filter."""
        saved_filters.delete_filter(actor=self.actor, filter_id=filter_id)
        return Response(status=204)
