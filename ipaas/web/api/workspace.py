"""The workspace itself: who calls, environments, endpoints, the audit trail."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.accounts.services import create_environment
from ipaas.audit.models import AuditEntry
from ipaas.audit.querysets import AuditFilters
from ipaas.core.document_forms import normalise
from ipaas.events.models import Endpoint
from ipaas.events.services import create_endpoint
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, StrictSerializer
from ipaas.web.api.pagination import PAGE_PARAMETERS


class MeOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    workspace = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    flows = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, help_text="The flows a key is bound to; null: all."
    )


class NoQuery(StrictSerializer):
    """A list without filters."""


class EnvironmentInput(StrictSerializer):
    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=80)
    position = serializers.IntegerField(min_value=0, max_value=32_767, required=False, default=0)
    variables = serializers.DictField(child=JsonField(), required=False, default=dict)


class EnvironmentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    position = serializers.IntegerField()
    variables = serializers.SerializerMethodField()

    def get_variables(self, environment: Environment) -> dict[str, Any] | None:
        """Null for callers without the permission settings.view."""
        return environment.variables if self.context["settings"] else None


class EndpointQuery(StrictSerializer):
    environment = serializers.SlugField(max_length=40, required=False)
    state = serializers.ChoiceField(choices=Endpoint.State.choices, required=False)


class EndpointInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40)
    slug = serializers.SlugField(max_length=80)
    title = serializers.CharField(max_length=200)
    connector = serializers.SlugField(max_length=80, required=False, default="", allow_blank=True)
    signature = serializers.DictField(child=JsonField(), required=False, default=dict)
    signature_required = serializers.BooleanField(required=False, default=True)
    secret_slug = serializers.SlugField(max_length=80, required=False, default="", allow_blank=True)
    delivery_header = serializers.RegexField(r"\A[a-z0-9-]{1,80}\Z", required=False, default="webhook-id")
    event_header = serializers.RegexField(r"\A[a-z0-9-]{0,80}\Z", required=False, default="", allow_blank=True)


class EndpointOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    environment = serializers.CharField(source="environment.slug")
    slug = serializers.CharField()
    title = serializers.CharField()
    path = serializers.SerializerMethodField()
    connector = serializers.CharField()
    signature = JsonField()
    signature_required = serializers.BooleanField()
    secret_slug = serializers.CharField()
    delivery_header = serializers.CharField()
    event_header = serializers.CharField()
    state = serializers.ChoiceField(choices=Endpoint.State.choices)
    created_at = serializers.DateTimeField()

    def get_path(self, endpoint: Endpoint) -> str:
        """Where senders post to, below the ingress' address."""
        return f"/hooks/{endpoint.public_id}"


class AuditQuery(serializers.Serializer[Any]):
    who = serializers.CharField(required=False, help_text="An actor's id, or part of its label.")
    action = serializers.CharField(required=False, help_text="A name or, ending in a dot, a family.")
    subject_type = serializers.CharField(required=False)
    subject_id = serializers.CharField(required=False)
    flow = serializers.CharField(required=False, help_text="Id or slug, wherever an entry names it.")
    outcome = serializers.CharField(required=False)
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


@extend_schema(tags=["me"])
class MeViewSet(ApiViewSet):
    """Who calls; every caller may ask that."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=MeOutput)
    def retrieve(self, request: Request) -> Response:
        actor = self.actor
        found = {
            "kind": actor.kind,
            "id": actor.id,
            "name": actor.label,
            "workspace": self.workspace.slug,
            "permissions": sorted(actor.permissions),
            "flows": None if actor.flows is None else sorted(actor.flows),
        }
        return Response(MeOutput(found).data)


@extend_schema(tags=["environments"])
class EnvironmentViewSet(ApiViewSet):
    serializer_class = EnvironmentOutput
    required_permissions = {"list": "flows.view", "create": "settings.edit"}

    def get_queryset(self) -> QuerySet[Environment]:
        return Environment.objects.filter(workspace=self.workspace)

    def list(self, request: Request) -> Response:
        self.read_query(NoQuery)
        return self.page_of(self.get_queryset(), EnvironmentOutput, settings=self.actor.may("settings.view"))

    @extend_schema(request=EnvironmentInput, responses={201: EnvironmentOutput})
    def create(self, request: Request) -> Response:
        given = self.read(EnvironmentInput)
        given["variables"] = normalise(given["variables"])
        made = create_environment(workspace=self.workspace, actor=self.actor, **given)
        shown = EnvironmentOutput(made, context={"settings": self.actor.may("settings.view")})
        return Response(shown.data, status=201)


@extend_schema(tags=["endpoints"])
class EndpointViewSet(ApiViewSet):
    serializer_class = EndpointOutput
    required_permissions = {"list": "connections.view", "create": "connections.edit"}

    def get_queryset(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.filter(workspace=self.workspace).select_related("environment")

    @extend_schema(parameters=[EndpointQuery])
    def list(self, request: Request) -> Response:
        query = self.read_query(EndpointQuery)
        if "environment" in query:
            query["environment__slug"] = query.pop("environment")
        return self.page_of(self.get_queryset().filter(**query), EndpointOutput)

    @extend_schema(request=EndpointInput, responses={201: EndpointOutput})
    def create(self, request: Request) -> Response:
        """Make an address for a sender; without a required signature it needs settings.edit too."""
        given = self.read(EndpointInput)
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=given.pop("environment"))
        return Response(
            EndpointOutput(create_endpoint(actor=self.actor, environment=environment, **given)).data, status=201
        )


@extend_schema(tags=["audit"])
class AuditEntryViewSet(ApiViewSet):
    serializer_class = AuditEntryOutput
    required_permissions = {"list": "audit.view"}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.of_workspace(self.workspace.id)

    @extend_schema(parameters=[AuditQuery])
    def list(self, request: Request) -> Response:
        filters = AuditFilters.from_query(
            {key: str(text) for key, text in request.query_params.items() if key not in PAGE_PARAMETERS}
        )
        return self.page_of(self.get_queryset().filter(filters.condition()), AuditEntryOutput)
