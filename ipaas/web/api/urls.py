"""Every address of the API, below ``/api/v1/``."""

from django.urls import path, re_path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ipaas.core.errors import NotFound
from ipaas.web.api.access import ApiKeyViewSet, RoleViewSet, ServiceAccountViewSet
from ipaas.web.api.attention import ApprovalViewSet, DeadLetterViewSet
from ipaas.web.api.audit_trail import AnyAccept, AuditEntryViewSet, AuditJobViewSet
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.bulk import BulkJobViewSet
from ipaas.web.api.connecting import ConnectingViewSet, RevocationViewSet
from ipaas.web.api.connections import ConnectionViewSet
from ipaas.web.api.connectors import ConnectorVersionViewSet, ConnectorViewSet
from ipaas.web.api.contracts import ContractViewSet
from ipaas.web.api.documents import (
    AnyDocumentViewSet,
    DocumentViewSet,
    FunctionViewSet,
    LookupViewSet,
    MappingViewSet,
)
from ipaas.web.api.endpoints import EndpointViewSet, ReceiptViewSet
from ipaas.web.api.event_catalogue import EventTypeViewSet
from ipaas.web.api.flows import FlowViewSet
from ipaas.web.api.glossary import ConventionViewSet, TermViewSet
from ipaas.web.api.imports import ImportViewSet
from ipaas.web.api.insight import FigureViewSet, PolicyViewSet, WorkViewSet
from ipaas.web.api.mapping_formats import MappingConvertViewSet
from ipaas.web.api.mapping_tests import MappingTestViewSet
from ipaas.web.api.openapi import description
from ipaas.web.api.people import FlowPeopleViewSet, InvitationViewSet, MemberViewSet
from ipaas.web.api.reviews import DomainViewSet, ReviewViewSet
from ipaas.web.api.run_conditions import RunExportViewSet, SavedFilterViewSet
from ipaas.web.api.run_stories import RunStoryViewSet
from ipaas.web.api.runs import RunViewSet
from ipaas.web.api.schemas import SchemaViewSet
from ipaas.web.api.secrets import SecretViewSet
from ipaas.web.api.stand_ins import StandInViewSet
from ipaas.web.api.vault_backends import VaultBackendViewSet
from ipaas.web.api.webhooks import WebhookDeliveryViewSet, WebhookViewSet
from ipaas.web.api.workspace import EnvironmentViewSet, MeViewSet, WorkspaceViewSet

app_name = "api"


class DescriptionView(APIView):
    """The OpenAPI 3.1 description; it holds nothing of any workspace, so anybody may read it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    content_negotiation_class = AnyAccept
    schema = None

    def get(self, request: Request) -> Response:
        return Response(description())


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
        path(f"{one}/draft", views.as_view({"get": "read_draft", "put": "draft"}), name=f"{name}_draft"),
        path(f"{one}/publish", views.as_view({"post": "publish"}), name=f"{name}_publish"),
        path(f"{one}/versions", views.as_view({"get": "versions"}), name=f"{name}_versions"),
        path(f"{one}/versions/<int:number>", views.as_view({"get": "version"}), name=f"{name}_version"),
        path(f"{one}/versions/<int:number>/deprecate", views.as_view({"post": "deprecate"}), name=f"{name}_deprecate"),
        path(f"{one}/versions/<int:number>/retire", views.as_view({"post": "retire"}), name=f"{name}_retire"),
        path(f"{one}/text", views.as_view({"get": "text"}), name=f"{name}_text"),
        path(f"{one}/diff", views.as_view({"get": "diff"}), name=f"{name}_diff"),
        *_deeds(views, name, one, "archive", "restore"),
    ]


def _deeds(views: type[ApiViewSet], name: str, prefix: str, *deeds: str) -> list[object]:
    return [
        path(
            f"{prefix}/{deed}", views.as_view({"post": deed.replace("-", "_")}), name=f"{name}_{deed.replace('-', '_')}"
        )
        for deed in deeds
    ]


def _crud(views: type[ApiViewSet], name: str, plural: str, one: str, **verbs: str) -> list[object]:
    """A list that can be added to, and its members; ``verbs`` are those of a member beside GET."""
    listing = views.as_view({"get": "list", "post": "create"})
    member = views.as_view({"get": "retrieve", **verbs})
    return [path(plural, listing, name=f"{name}_list"), path(f"{plural}/{one}", member, name=f"{name}_detail")]


CHANGED = {"patch": "partial_update"}
DELETED = {"delete": "destroy"}
MEMBER = "members/<uuid:member_id>"
CONNECTION = "connections/<uuid:connection_id>"
MAPPING = "mappings/<slug:slug>"
DRIFT = f"{MAPPING}/drift/<uuid:drift_id>"


urlpatterns = [
    path("schema", DescriptionView.as_view(), name="schema"),
    path("me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("workspace", WorkspaceViewSet.as_view({"get": "retrieve", **CHANGED}), name="workspace"),
    *_crud(EnvironmentViewSet, "environment", "environments", "<slug:slug>", **CHANGED),
    path("figures", FigureViewSet.as_view({"get": "list"}), name="figure_list"),
    path("work", WorkViewSet.as_view({"get": "retrieve"}), name="work"),
    path("policies", PolicyViewSet.as_view({"get": "list"}), name="policy_list"),
    # documents and flows
    path("documents/validate", AnyDocumentViewSet.as_view({"post": "validate"}), name="document_validate"),
    path("documents/apply", AnyDocumentViewSet.as_view({"post": "apply"}), name="document_apply"),
    path("documents/plan", AnyDocumentViewSet.as_view({"post": "plan_all"}), name="document_plan"),
    path("documents/apply-all", AnyDocumentViewSet.as_view({"post": "apply_all"}), name="document_apply_all"),
    path(f"{MAPPING}/tests", MappingTestViewSet.as_view({"get": "list", "post": "create"}), name="mapping_tests_list"),
    *_deeds(MappingTestViewSet, "mapping_tests", f"{MAPPING}/tests", "accept", "remove", "generate"),
    path(f"{MAPPING}/tests/from-run", MappingTestViewSet.as_view({"post": "from_run"}), name="mapping_tests_from_run"),
    path(f"{MAPPING}/samples", MappingTestViewSet.as_view({"get": "samples"}), name="mapping_samples"),
    path(f"{MAPPING}/drift", MappingTestViewSet.as_view({"get": "drift"}), name="mapping_drift"),
    *_deeds(MappingTestViewSet, "mapping_drift", DRIFT, "test", "ignore"),
    *_documents(FlowViewSet, "flow", "flows"),
    *_deeds(FlowViewSet, "flow", "flows/<slug:slug>", "deploy", "rollback", "undeploy", "pause", "resume", "trigger"),
    *_deeds(FlowViewSet, "flow", "flows/<slug:slug>", "promote", "test"),
    path("flows/<slug:slug>/promotion", FlowViewSet.as_view({"get": "promotion"}), name="flow_promotion"),
    path("flows/<slug:slug>/test/preview", FlowViewSet.as_view({"post": "test_preview"}), name="flow_test_preview"),
    path(
        "flows/<slug:slug>/people",
        FlowPeopleViewSet.as_view({"get": "list", "put": "assign"}),
        name="flow_people",
    ),
    path("flows/<slug:slug>/people/<str:email>", FlowPeopleViewSet.as_view({"delete": "withdraw"}), name="flow_person"),
    path("schemas/-infer", SchemaViewSet.as_view({"post": "infer"}), name="schema_infer"),
    *_documents(SchemaViewSet, "schema", "schemas"),
    *_documents(EventTypeViewSet, "event_type", "event-types"),
    path("event-types/<slug:slug>/traffic", EventTypeViewSet.as_view({"get": "traffic"}), name="event_type_traffic"),
    *_documents(ContractViewSet, "contract", "contracts"),
    *_deeds(ContractViewSet, "contract", "contracts/<slug:slug>", "share", "unshare"),
    path("contracts/<slug:slug>/published", ContractViewSet.as_view({"get": "published"}), name="contract_published"),
    *_deeds(SchemaViewSet, "schema", "schemas/<slug:slug>", "compatibility", "accept-break"),
    path("schemas/<slug:slug>/users", SchemaViewSet.as_view({"get": "users"}), name="schema_users"),
    *_documents(MappingViewSet, "mapping", "mappings"),
    *_documents(LookupViewSet, "lookup", "lookups"),
    path("lookups/<slug:slug>/users", LookupViewSet.as_view({"get": "users"}), name="lookup_users"),
    *_deeds(LookupViewSet, "lookup", "lookups/<slug:slug>", "bring-along"),
    path(
        "lookups/<slug:slug>/rows",
        LookupViewSet.as_view({"get": "rows", "put": "import_rows"}),
        name="lookup_rows",
    ),
    *_documents(FunctionViewSet, "function", "functions"),
    path("functions/<slug:slug>/users", FunctionViewSet.as_view({"get": "users"}), name="function_users"),
    *_deeds(FunctionViewSet, "function", "functions/<slug:slug>", "bring-along"),
    *_deeds(MappingConvertViewSet, "mapping", "mappings/<slug:slug>", "convert"),
    *_documents(TermViewSet, "term", "terms"),
    path("terms/<slug:slug>/uses", TermViewSet.as_view({"get": "uses"}), name="term_uses"),
    *_documents(ConventionViewSet, "convention", "conventions"),
    path(
        "conventions/<slug:slug>/standing", ConventionViewSet.as_view({"get": "standing"}), name="convention_standing"
    ),
    # runs, and what waits for a person
    path("runs", RunViewSet.as_view({"get": "list"}), name="run_list"),
    path("runs/export", RunExportViewSet.as_view({"get": "export"}), name="run_export"),
    path("run-filters", SavedFilterViewSet.as_view({"get": "list", "post": "create"}), name="saved_filter_list"),
    path("run-filters/<uuid:filter_id>", SavedFilterViewSet.as_view({"delete": "destroy"}), name="saved_filter_detail"),
    path("runs/<uuid:run_id>", RunViewSet.as_view({"get": "retrieve"}), name="run_detail"),
    path("runs/<uuid:run_id>/diff", RunStoryViewSet.as_view({"get": "diff"}), name="run_diff"),
    path("runs/<uuid:run_id>/impact", RunStoryViewSet.as_view({"get": "impact"}), name="run_impact"),
    path("stories", RunStoryViewSet.as_view({"get": "story"}), name="story"),
    path("runs/<uuid:run_id>/values", RunViewSet.as_view({"get": "values"}), name="run_values"),
    path("runs/<uuid:run_id>/steps", RunViewSet.as_view({"get": "steps"}), name="run_steps"),
    *_deeds(RunViewSet, "run", "runs/<uuid:run_id>", "cancel", "resume", "skip", "settle", "replay"),
    path(
        "runs/<uuid:run_id>/replay/preview",
        RunViewSet.as_view({"post": "replay_preview"}),
        name="run_replay_preview",
    ),
    path("dead-letters", DeadLetterViewSet.as_view({"get": "list"}), name="dead_letter_list"),
    path("dead-letters/groups", DeadLetterViewSet.as_view({"get": "groups"}), name="dead_letter_groups"),
    path("dead-letters/<uuid:letter_id>", DeadLetterViewSet.as_view({"get": "retrieve"}), name="dead_letter_detail"),
    *_deeds(DeadLetterViewSet, "dead_letter", "dead-letters/<uuid:letter_id>", "replay", "correct", "discard"),
    *_crud(BulkJobViewSet, "bulk_job", "bulk-jobs", "<uuid:job_id>"),
    path("bulk-jobs/preview", BulkJobViewSet.as_view({"post": "preview"}), name="bulk_job_preview"),
    *_deeds(BulkJobViewSet, "bulk_job", "bulk-jobs/<uuid:job_id>", "pause", "resume", "stop"),
    path("reviews", ReviewViewSet.as_view({"get": "list", "post": "create"}), name="review_list"),
    path("reviews/<uuid:review_id>", ReviewViewSet.as_view({"get": "retrieve"}), name="review_detail"),
    path("reviews/<uuid:review_id>/return", ReviewViewSet.as_view({"post": "send_back"}), name="review_return"),
    *_deeds(ReviewViewSet, "review", "reviews/<uuid:review_id>", "approve", "withdraw", "comment", "publish"),
    *_crud(DomainViewSet, "domain", "domains", "<slug:slug>", **CHANGED, **DELETED),
    path("domains/<slug:slug>/text", DomainViewSet.as_view({"get": "text"}), name="domain_text"),
    path("approvals", ApprovalViewSet.as_view({"get": "list"}), name="approval_list"),
    path("approvals/<uuid:approval_id>", ApprovalViewSet.as_view({"get": "retrieve"}), name="approval_detail"),
    *_deeds(ApprovalViewSet, "approval", "approvals/<uuid:approval_id>", "decide", "delegate"),
    # the outside world
    path("connectors", ConnectorViewSet.as_view({"get": "list"}), name="connector_list"),
    path("connectors/<slug:slug>", ConnectorViewSet.as_view({"get": "retrieve"}), name="connector_detail"),
    path("connectors/<slug:slug>/changes", ConnectorViewSet.as_view({"get": "changes"}), name="connector_changes"),
    *_deeds(ConnectorViewSet, "connector", "connectors/<slug:slug>", "publish"),
    path(
        "connectors/<slug:slug>/versions",
        ConnectorVersionViewSet.as_view({"get": "list"}),
        name="connector_version_list",
    ),
    path(
        "connectors/<slug:slug>/versions/<int:number>",
        ConnectorVersionViewSet.as_view({"get": "retrieve"}),
        name="connector_version_detail",
    ),
    path(
        "connectors/<slug:slug>/versions/<int:number>/changes",
        ConnectorVersionViewSet.as_view({"get": "changes"}),
        name="connector_version_changes",
    ),
    *_deeds(
        ConnectorVersionViewSet,
        "connector_version",
        "connectors/<slug:slug>/versions/<int:number>",
        "deprecate",
        "retire",
    ),
    *_crud(ImportViewSet, "import", "imports", "<uuid:draft_id>", **DELETED),
    path("imports/preview", ImportViewSet.as_view({"post": "preview"}), name="import_preview"),
    *_deeds(ImportViewSet, "import", "imports/<uuid:draft_id>", "keep"),
    *_crud(ConnectionViewSet, "connection", "connections", "<uuid:connection_id>", **CHANGED, **DELETED),
    path(f"{CONNECTION}/policy", PolicyViewSet.as_view({"get": "of_connection"}), name="connection_policy"),
    path(f"{CONNECTION}/health", ConnectionViewSet.as_view({"get": "health"}), name="connection_health"),
    path(f"{CONNECTION}/try", ConnectionViewSet.as_view({"post": "try_out"}), name="connection_try"),
    path(f"{CONNECTION}/access", ConnectingViewSet.as_view({"get": "access"}), name="connection_access"),
    path(
        f"{CONNECTION}/share-links",
        ConnectingViewSet.as_view({"get": "list", "post": "create"}),
        name="share_link_list",
    ),
    path(
        f"{CONNECTION}/share-links/<uuid:link_id>/revoke",
        ConnectingViewSet.as_view({"post": "revoke"}),
        name="share_link_revoke",
    ),
    path(f"{CONNECTION}/revocations", RevocationViewSet.as_view({"get": "list"}), name="revocation_list"),
    *_deeds(RevocationViewSet, "revocation", f"{CONNECTION}/revocations/<uuid:revocation_id>", "retry", "settle"),
    *_deeds(ConnectingViewSet, "connection", CONNECTION, "credential", "clone"),
    *_deeds(ConnectionViewSet, "connection", CONNECTION, "test", "breaker", "enable", "disable"),
    path("vault/backend", VaultBackendViewSet.as_view({"get": "retrieve", "put": "assign"}), name="vault_backend"),
    path("vault/backend/check", VaultBackendViewSet.as_view({"post": "check"}), name="vault_backend_check"),
    path("vault/migration", VaultBackendViewSet.as_view({"post": "migrate"}), name="vault_migration"),
    path("vault/migration/plan", VaultBackendViewSet.as_view({"post": "plan"}), name="vault_migration_plan"),
    *_crud(SecretViewSet, "secret", "secrets", "<slug:slug>", **CHANGED, **DELETED),
    path("vault/register", SecretViewSet.as_view({"post": "register"}), name="secret_register"),
    path("secrets/<slug:slug>/rotation", SecretViewSet.as_view({"put": "rotation"}), name="secret_rotation"),
    *_deeds(SecretViewSet, "secret", "secrets/<slug:slug>", "rotate", "reveal"),
    path(
        "secrets/<slug:slug>/versions/<int:number>/collect",
        SecretViewSet.as_view({"post": "collect"}),
        name="secret_collect",
    ),
    path("secrets/<slug:slug>/reads", SecretViewSet.as_view({"get": "reads"}), name="secret_reads"),
    path("secrets/<slug:slug>/versions", SecretViewSet.as_view({"post": "put_version"}), name="secret_versions"),
    path(
        "secrets/<slug:slug>/versions/<int:number>/revoke",
        SecretViewSet.as_view({"post": "revoke"}),
        name="secret_revoke",
    ),
    *_crud(EndpointViewSet, "endpoint", "endpoints", "<uuid:endpoint_id>", **CHANGED, **DELETED),
    *_deeds(EndpointViewSet, "endpoint", "endpoints/<uuid:endpoint_id>", "pause", "resume", "rotate", "test"),
    path(
        "endpoints/<uuid:endpoint_id>/arrivals", EndpointViewSet.as_view({"get": "arrivals"}), name="endpoint_arrivals"
    ),
    path(
        "endpoints/<uuid:endpoint_id>/arrivals/<uuid:arrival_id>",
        EndpointViewSet.as_view({"get": "arrival"}),
        name="endpoint_arrival",
    ),
    *_deeds(EndpointViewSet, "endpoint", "endpoints/<uuid:endpoint_id>", "subscribe", "unsubscribe"),
    path(
        "endpoints/<uuid:endpoint_id>/check-subscription",
        EndpointViewSet.as_view({"post": "check_subscription"}),
        name="endpoint_check_subscription",
    ),
    *_crud(WebhookViewSet, "webhook", "webhooks", "<uuid:webhook_id>", **CHANGED, **DELETED),
    path("webhooks/types", WebhookViewSet.as_view({"get": "types"}), name="webhook_types"),
    *_deeds(WebhookViewSet, "webhook", "webhooks/<uuid:webhook_id>", "pause", "resume", "rotate", "test", "redeliver"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        WebhookDeliveryViewSet.as_view({"get": "list"}),
        name="webhook_delivery_list",
    ),
    path(
        "webhook-deliveries/<uuid:delivery_id>",
        WebhookDeliveryViewSet.as_view({"get": "retrieve"}),
        name="webhook_delivery_detail",
    ),
    *_deeds(WebhookDeliveryViewSet, "webhook_delivery", "webhook-deliveries/<uuid:delivery_id>", "redeliver"),
    path("receipts", ReceiptViewSet.as_view({"get": "list"}), name="receipt_list"),
    path("receipts/<uuid:receipt_id>", ReceiptViewSet.as_view({"get": "retrieve"}), name="receipt_detail"),
    path("receipts/<uuid:receipt_id>/content", ReceiptViewSet.as_view({"get": "content"}), name="receipt_content"),
    *_deeds(ReceiptViewSet, "receipt", "receipts/<uuid:receipt_id>", "redeliver"),
    path("stubs", StandInViewSet.as_view({"get": "list"}), name="stub_list"),
    path("stubs/running", StandInViewSet.as_view({"post": "start"}), name="stub_start"),
    path("stubs/running/<slug:vendor>", StandInViewSet.as_view({"delete": "stop"}), name="stub_stop"),
    path("stubs/ledger", StandInViewSet.as_view({"get": "ledger"}), name="stub_ledger"),
    path("stubs/faults", StandInViewSet.as_view({"post": "fault"}), name="stub_fault"),
    path("stubs/faults/clear", StandInViewSet.as_view({"post": "clear"}), name="stub_clear"),
    path("stubs/reset", StandInViewSet.as_view({"post": "reset"}), name="stub_reset"),
    path("stubs/webhooks", StandInViewSet.as_view({"post": "send"}), name="stub_send"),
    # who may come in, and who did what
    path("roles", RoleViewSet.as_view({"get": "list"}), name="role_list"),
    *_crud(MemberViewSet, "member", "members", "<uuid:member_id>", **CHANGED, **DELETED),
    *_deeds(MemberViewSet, "member", MEMBER, "deactivate", "reactivate"),
    path(f"{MEMBER}/password-link", MemberViewSet.as_view({"post": "password_link"}), name="member_password_link"),
    path(
        f"{MEMBER}/reset-second-factor",
        MemberViewSet.as_view({"post": "reset_second_factor"}),
        name="member_reset_second_factor",
    ),
    *_crud(InvitationViewSet, "invitation", "invitations", "<uuid:invitation_id>"),
    *_deeds(InvitationViewSet, "invitation", "invitations/<uuid:invitation_id>", "renew", "revoke"),
    *_crud(ServiceAccountViewSet, "service_account", "service-accounts", "<slug:slug>", **CHANGED),
    *_deeds(ServiceAccountViewSet, "service_account", "service-accounts/<slug:slug>", "enable", "disable"),
    *_crud(ApiKeyViewSet, "api_key", "api-keys", "<uuid:key_id>"),
    *_deeds(ApiKeyViewSet, "api_key", "api-keys/<uuid:key_id>", "rotate", "revoke"),
    path("audit/entries", AuditEntryViewSet.as_view({"get": "list"}), name="audit_entry_list"),
    path("audit/export", AuditEntryViewSet.as_view({"get": "export"}), name="audit_export"),
    path("audit/checkpoints", AuditEntryViewSet.as_view({"get": "checkpoints"}), name="audit_checkpoints"),
    *_crud(AuditJobViewSet, "audit_job", "audit/jobs", "<uuid:job_id>"),
    path("audit/jobs/<uuid:job_id>/file", AuditJobViewSet.as_view({"get": "file"}), name="audit_job_file"),
    path("audit/verify", AuditEntryViewSet.as_view({"post": "verify"}), name="audit_verify"),
    re_path(r"^(?P<rest>.*)$", NowhereView.as_view()),
]
