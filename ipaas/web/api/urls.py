"""Every address of the API, below ``/api/v1/``."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ipaas.core.errors import NotFound
from ipaas.web.api import openapi  # noqa: F401 - registers the ways of authentication
from ipaas.web.api.attention import ApprovalViewSet, DeadLetterViewSet
from ipaas.web.api.documents import AnyDocumentViewSet, DocumentViewSet, MappingViewSet, SchemaViewSet
from ipaas.web.api.flows import FlowViewSet
from ipaas.web.api.runs import RunViewSet
from ipaas.web.api.workspace import AuditEntryViewSet, EndpointViewSet, EnvironmentViewSet, MeViewSet

app_name = "api"


class DescriptionView(SpectacularAPIView):
    """The OpenAPI 3.1 description; it holds nothing of any workspace, so anybody may read it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class NowhereView(APIView):
    """Any other address: a problem, not a page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound(what="address")

    def get(self, request: Request, rest: str) -> Response:
        raise NotFound(what="address")


def _documents(views: type[DocumentViewSet], name: str, plural: str) -> list[object]:
    one = f"{plural}/<slug:slug>"
    return [
        path(plural, views.as_view({"get": "list", "post": "create"}), name=f"{name}_list"),
        path(one, views.as_view({"get": "retrieve"}), name=f"{name}_detail"),
        path(f"{one}/draft", views.as_view({"put": "draft"}), name=f"{name}_draft"),
        path(f"{one}/publish", views.as_view({"post": "publish"}), name=f"{name}_publish"),
        path(f"{one}/versions", views.as_view({"get": "versions"}), name=f"{name}_versions"),
        path(f"{one}/versions/<int:number>", views.as_view({"get": "version"}), name=f"{name}_version"),
    ]


def _deed(views: type[FlowViewSet] | type[RunViewSet], name: str, prefix: str, deed: str) -> object:
    return path(f"{prefix}/{deed}", views.as_view({"post": deed}), name=f"{name}_{deed}")


urlpatterns = [
    path("schema", DescriptionView.as_view(), name="schema"),
    path("me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("documents/validate", AnyDocumentViewSet.as_view({"post": "validate"}), name="document_validate"),
    path("documents/apply", AnyDocumentViewSet.as_view({"post": "apply"}), name="document_apply"),
    *_documents(FlowViewSet, "flow", "flows"),
    *(_deed(FlowViewSet, "flow", "flows/<slug:slug>", deed) for deed in ("deploy", "pause", "resume", "trigger")),
    *_documents(SchemaViewSet, "schema", "schemas"),
    *_documents(MappingViewSet, "mapping", "mappings"),
    path("runs", RunViewSet.as_view({"get": "list"}), name="run_list"),
    path("runs/<uuid:run_id>", RunViewSet.as_view({"get": "retrieve"}), name="run_detail"),
    path("runs/<uuid:run_id>/steps", RunViewSet.as_view({"get": "steps"}), name="run_steps"),
    *(_deed(RunViewSet, "run", "runs/<uuid:run_id>", deed) for deed in ("cancel", "resume", "skip", "settle")),
    path("dead-letters", DeadLetterViewSet.as_view({"get": "list"}), name="dead_letter_list"),
    path("dead-letters/groups", DeadLetterViewSet.as_view({"get": "groups"}), name="dead_letter_groups"),
    path("dead-letters/<uuid:letter_id>", DeadLetterViewSet.as_view({"get": "retrieve"}), name="dead_letter_detail"),
    path("approvals", ApprovalViewSet.as_view({"get": "list"}), name="approval_list"),
    path("approvals/<uuid:approval_id>", ApprovalViewSet.as_view({"get": "retrieve"}), name="approval_detail"),
    path("approvals/<uuid:approval_id>/decide", ApprovalViewSet.as_view({"post": "decide"}), name="approval_decide"),
    path("environments", EnvironmentViewSet.as_view({"get": "list", "post": "create"}), name="environment_list"),
    path("endpoints", EndpointViewSet.as_view({"get": "list", "post": "create"}), name="endpoint_list"),
    path("audit/entries", AuditEntryViewSet.as_view({"get": "list"}), name="audit_entry_list"),
    re_path(r"^(?P<rest>.*)$", NowhereView.as_view()),
]
