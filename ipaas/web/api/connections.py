"""Connections: a connector, set up for one environment."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.catalog import services
from ipaas.catalog.gateway import GatewayOutcome
from ipaas.catalog.models import Connection
from ipaas.catalog.state import connection_health
from ipaas.catalog.trials import try_operation
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, OptionalReasonInput, StrictSerializer


class ConnectionQuery(StrictSerializer):
    environment = serializers.SlugField(max_length=40, required=False, help_text="Slug of an environment.")
    connector = serializers.SlugField(max_length=60, required=False, help_text="Slug of a connector.")
    slug = serializers.SlugField(max_length=60, required=False, help_text="Its own slug; one in each environment.")
    state = serializers.ChoiceField(choices=Connection.State.choices, required=False, help_text="Of the connection.")


class _Changeable(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    base_url = serializers.CharField(max_length=500, required=False, allow_blank=True)
    config = serializers.DictField(child=JsonField(), required=False)
    auth_scheme = serializers.CharField(max_length=60, required=False)
    secret = serializers.SlugField(max_length=80, required=False, allow_blank=True, help_text="The slug of a secret.")
    policy = serializers.DictField(child=JsonField(), required=False)


class ConnectionInput(_Changeable):
    environment = serializers.SlugField(max_length=40)
    slug = serializers.SlugField(max_length=60)
    connector = serializers.SlugField(max_length=60)


class ConnectionChanges(_Changeable):
    connector = serializers.SlugField(max_length=60, required=False)
    connector_version = serializers.CharField(
        max_length=40, required=False, help_text="A version of its connector, such as 2.0.0."
    )
    owner = serializers.EmailField(
        max_length=254, required=False, allow_blank=True, help_text="Address of the member who looks after it."
    )


class BreakerInput(StrictSerializer):
    state = serializers.ChoiceField(choices=["open", "closed", ""], help_text="Empty: by its own judgement again.")
    reason = serializers.CharField(max_length=300)


class ConnectionOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    environment = serializers.CharField(source="environment.slug")
    slug = serializers.CharField()
    title = serializers.CharField()
    connector = serializers.CharField()
    connector_version = serializers.CharField()
    base_url = serializers.CharField()
    config = JsonField()
    auth_scheme = serializers.CharField()
    secret = serializers.CharField(help_text="The slug of its secret; values are never shown.")
    policy = JsonField()
    owner = serializers.SerializerMethodField(help_text="Address of the member who looks after it, or empty.")
    state = serializers.ChoiceField(choices=Connection.State.choices)
    forced_breaker = serializers.CharField()
    forced_reason = serializers.CharField()
    forced_by = serializers.CharField()
    tested_at = serializers.DateTimeField(allow_null=True)
    test_ok = serializers.BooleanField(allow_null=True)
    test_message = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_owner(self, row: Connection) -> str:
        return row.owner.email if row.owner is not None else ""


class TestOutput(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="The vendor's HTTP status.")
    code = serializers.CharField()
    message = serializers.CharField()
    duration_ms = serializers.FloatField()


class TryInput(StrictSerializer):
    action = serializers.CharField(max_length=80, help_text="Name of an operation of its connector.")
    params = serializers.DictField(child=JsonField(), required=False, default=dict)
    effects = serializers.BooleanField(
        required=False, default=False, help_text="Needed where the operation changes something at the other side."
    )


class TriedOutput(TestOutput):
    request = JsonField(help_text="What was sent, masked and without the credential; null when nothing was.")
    response = JsonField(help_text="What came back, masked; null when nothing did.")
    curl = serializers.CharField(help_text="The request for a shell, with variables in place of secrets.")


class HealthOutput(serializers.Serializer[Any]):
    breaker = serializers.CharField()
    forced = serializers.CharField()
    opens_for_s = serializers.FloatField()
    tokens = serializers.FloatField(allow_null=True)
    burst = serializers.IntegerField(allow_null=True)
    per_second = serializers.FloatField(allow_null=True)
    in_use = serializers.IntegerField()
    concurrency = serializers.IntegerField(allow_null=True)
    ok = serializers.IntegerField()
    failed = serializers.IntegerField()
    paused_s = serializers.FloatField()
    quota_used = serializers.IntegerField()
    daily_quota = serializers.IntegerField(allow_null=True)
    known = serializers.BooleanField(help_text="False: the shared limits do not answer.")


@extend_schema(tags=["connections"])
class ConnectionViewSet(ApiViewSet):
    serializer_class = ConnectionOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "health"), "connections.view"),
        **dict.fromkeys(("create", "partial_update", "destroy", "enable", "disable"), "connections.edit"),
        **dict.fromkeys(("test", "try_out"), "connections.test"),
        "breaker": "connections.force_breaker",
    }

    def get_queryset(self) -> QuerySet[Connection]:
        return Connection.objects.in_workspace(self.workspace.id).select_related("workspace", "environment", "owner")

    def connection(self, connection_id: Any) -> Connection:
        found: Connection = self.one(self.get_queryset(), "connection", id=connection_id)
        return found

    @extend_schema(parameters=[ConnectionQuery])
    def list(self, request: Request) -> Response:
        """The connections of the workspace."""
        query = self.read_query(ConnectionQuery)
        if "environment" in query:
            query["environment__slug"] = query.pop("environment")
        return self.page_of(self.get_queryset().filter(**query), ConnectionOutput)

    def retrieve(self, request: Request, connection_id: Any) -> Response:
        """A connection; its secret is named, never shown."""
        return self._shown(self.connection(connection_id))

    @extend_schema(request=ConnectionInput, responses={201: ConnectionOutput})
    def create(self, request: Request) -> Response:
        """Make a connection in an environment."""
        given = self.read(ConnectionInput)
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=given.pop("environment"))
        return self._shown(services.create_connection(environment=environment, actor=self.actor, **given), 201)

    @extend_schema(request=ConnectionChanges, responses=ConnectionOutput)
    def partial_update(self, request: Request, connection_id: Any) -> Response:
        """Change fields. A new address, connector or scheme detaches the secret unless it is named again."""
        changes = self.read(ConnectionChanges)
        return self._shown(
            services.update_connection(connection=self.connection(connection_id), changes=changes, actor=self.actor)
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, connection_id: Any) -> Response:
        """Delete a connection; 409 while anything uses it."""
        services.delete_connection(connection=self.connection(connection_id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=OptionalReasonInput, responses=ConnectionOutput)
    def enable(self, request: Request, connection_id: Any) -> Response:
        """Let calls over a disabled connection through again."""
        return self._turn(connection_id, enabled=True)

    @extend_schema(request=OptionalReasonInput, responses=ConnectionOutput)
    def disable(self, request: Request, connection_id: Any) -> Response:
        """Calls over a disabled connection fail as a matter of configuration."""
        return self._turn(connection_id, enabled=False)

    @extend_schema(request=None, responses=TestOutput)
    def test(self, request: Request, connection_id: Any) -> Response:
        """Send the connector's test call, once; the answer is 200 also when the vendor refuses."""
        outcome = services.test_connection(connection=self.connection(connection_id), actor=self.actor)
        return Response(TestOutput(_told(outcome)).data)

    @extend_schema(request=TryInput, responses=TriedOutput)
    def try_out(self, request: Request, connection_id: Any) -> Response:
        """Call one operation, once, outside any flow; one with effects needs `connections.edit` too."""
        given = self.read(TryInput)
        trial = try_operation(connection=self.connection(connection_id), actor=self.actor, **given)
        told = {**_told(trial.outcome), "message": trial.message}
        shown = {"request": trial.request, "response": trial.response, "curl": trial.curl}
        return Response(TriedOutput({**told, **shown}).data)

    @extend_schema(request=BreakerInput, responses=ConnectionOutput)
    def breaker(self, request: Request, connection_id: Any) -> Response:
        """Hold the breaker open or closed, or leave it to itself."""
        given = self.read(BreakerInput)
        return self._shown(services.force_breaker(connection=self.connection(connection_id), actor=self.actor, **given))

    @extend_schema(responses=HealthOutput)
    def health(self, request: Request, connection_id: Any) -> Response:
        """Breaker, tokens left, slots in use and recent results."""
        return Response(HealthOutput(connection_health(self.connection(connection_id))).data)

    def _turn(self, connection_id: Any, *, enabled: bool) -> Response:
        given = self.read(OptionalReasonInput)
        row = services.set_enabled(
            connection=self.connection(connection_id), enabled=enabled, actor=self.actor, **given
        )
        return self._shown(row)

    def _shown(self, connection: Connection, status: int = 200) -> Response:
        return Response(ConnectionOutput(connection).data, status=status)


def _told(outcome: GatewayOutcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "ok": outcome.kind == "ok",
        "status": outcome.status,
        "code": error.code if error else "",
        "message": error.message if error else "",
        "duration_ms": outcome.duration_ms,
    }
