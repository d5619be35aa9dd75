"""Giving connections their credential, sharing that task, copying a connection, and what is known of its access."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.addresses import absolute
from ipaas.accounts.models import Environment
from ipaas.catalog import connecting, services
from ipaas.catalog.connecting import NewShareLink
from ipaas.catalog.insight import access_of
from ipaas.catalog.models import Connection, Revocation, ShareLink
from ipaas.catalog.revocations import retry_revocation, settle_revocation
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.connections import ConnectionOutput
from ipaas.web.api.fields import ReasonInput, StrictSerializer


class CredentialInput(StrictSerializer):
    values = serializers.DictField(
        child=serializers.CharField(max_length=32_768, trim_whitespace=False),
        help_text="What the scheme asks for, by the names of its fields; what is left out stays as it is.",
    )


class ShareInput(StrictSerializer):
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="", help_text="For whom.")
    valid_hours = serializers.IntegerField(min_value=1, max_value=720, required=False, default=168)


class ShareOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    note = serializers.CharField()
    state = serializers.ChoiceField(choices=["open", "used", "revoked", "expired"])
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class NewShareOutput(ShareOutput):
    url = serializers.CharField(help_text="The link; it can not be had again.")


class CloneInput(StrictSerializer):
    environment = serializers.SlugField(max_length=40, help_text="Slug of the environment that gets the copy.")
    slug = serializers.SlugField(max_length=60, required=False, help_text="By default the same.")


class ScopeOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    requested = serializers.BooleanField()
    granted = serializers.BooleanField(allow_null=True, help_text="Null: the vendor does not say.")
    used_by = serializers.ListField(child=serializers.CharField(), help_text="Operations called in the last 30 days.")


class RateOutput(serializers.Serializer[Any]):
    quota = serializers.IntegerField(allow_null=True)
    window_s = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)
    resets_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField()


class EndingOutput(serializers.Serializer[Any]):
    operation = serializers.CharField()
    deprecated_at = serializers.DateTimeField(allow_null=True)
    sunset_at = serializers.DateTimeField(allow_null=True)
    notice_url = serializers.CharField()


class AccessOutput(serializers.Serializer[Any]):
    connected = serializers.BooleanField(help_text="Whether a token is at hand, where the scheme uses one.")
    connected_by = serializers.CharField()
    connected_at = serializers.DateTimeField(allow_null=True)
    token_expires_at = serializers.DateTimeField(allow_null=True)
    renewable = serializers.BooleanField()
    reconnect = serializers.CharField(help_text="Why a person has to connect again; empty while nobody has to.")
    scope_uses = ScopeOutput(many=True, source="scopes")
    scopes_known = serializers.BooleanField(help_text="Whether the connector says what its operations need.")
    rate = RateOutput(allow_null=True, help_text="What the vendor's answers announce.")
    endings = EndingOutput(many=True, help_text="Operations whose end the vendor's answers announce.")
    warnings = serializers.ListField(child=serializers.CharField())


class RevocationOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    secret = serializers.CharField(help_text="The secret whose old value is to be ended at the vendor.")
    version = serializers.IntegerField(help_text="Which version of it that was.")
    action = serializers.CharField(help_text="The operation that ends it.")
    due_at = serializers.DateTimeField(help_text="When it is tried next.")
    tries = serializers.IntegerField()
    problem = serializers.CharField(help_text="What the last try came to; empty before the first.")
    failed_at = serializers.DateTimeField(allow_null=True)


@extend_schema(tags=["connections"])
class RevocationViewSet(ApiViewSet):
    """Old credentials that are to be ended at the vendor."""

    serializer_class = RevocationOutput
    required_permissions = {"list": "connections.view", **dict.fromkeys(("retry", "settle"), "connections.edit")}

    def get_queryset(self) -> QuerySet[Revocation]:
        rows = Revocation.objects.filter(connection__workspace=self.workspace)
        return rows.select_related("connection__workspace", "connection__environment")

    @extend_schema(responses=RevocationOutput(many=True))
    def list(self, request: Request, connection_id: Any) -> Response:
        """Credentials that were replaced and are to be ended at the vendor, with what stood in the way."""
        rows = Connection.objects.in_workspace(self.workspace.id)
        row = self.one(rows, "connection", id=connection_id)
        return self.page_of(self.get_queryset().filter(connection=row), RevocationOutput)

    @extend_schema(request=None, responses={204: None})
    def retry(self, request: Request, connection_id: Any, revocation_id: Any) -> Response:
        """End one now, before its overlap is over too; 502 where the vendor does not."""
        retry_revocation(revocation=self._found(connection_id, revocation_id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=ReasonInput, responses={204: None})
    def settle(self, request: Request, connection_id: Any, revocation_id: Any) -> Response:
        """Say that one is ended already, or may stay: it is tried no more."""
        revocation = self._found(connection_id, revocation_id)
        settle_revocation(revocation=revocation, actor=self.actor, **self.read(ReasonInput))
        return Response(status=204)

    def _found(self, connection_id: Any, revocation_id: Any) -> Revocation:
        rows = self.get_queryset().filter(connection_id=connection_id)
        found: Revocation = self.one(rows, "revocation", id=revocation_id)
        return found


@extend_schema(tags=["connections"])
class ConnectingViewSet(ApiViewSet):
    serializer_class = ConnectionOutput
    required_permissions = {
        "access": "connections.view",
        **dict.fromkeys(("credential", "clone", "list", "create", "revoke"), "connections.edit"),
    }

    def connection(self, connection_id: Any) -> Connection:
        rows = Connection.objects.in_workspace(self.workspace.id).select_related("workspace", "environment")
        found: Connection = self.one(rows, "connection", id=connection_id)
        return found

    @extend_schema(request=CredentialInput, responses=ConnectionOutput)
    def credential(self, request: Request, connection_id: Any) -> Response:
        """Enter what the scheme asks for, as the next version of the connection's own secret."""
        fields = self.read(CredentialInput)["values"]
        row = connecting.enter_credential(connection=self.connection(connection_id), fields=fields, actor=self.actor)
        return Response(ConnectionOutput(row).data)

    @extend_schema(request=CloneInput, responses={201: ConnectionOutput})
    def clone(self, request: Request, connection_id: Any) -> Response:
        """The same set-up in another environment, without the secret."""
        given = self.read(CloneInput)
        places = Environment.objects.filter(workspace=self.workspace)
        environment = self.one(places, "environment", slug=given.pop("environment"))
        row = services.clone_connection(
            connection=self.connection(connection_id), environment=environment, actor=self.actor, **given
        )
        return Response(ConnectionOutput(row).data, status=201)

    @extend_schema(responses=AccessOutput)
    def access(self, request: Request, connection_id: Any) -> Response:
        """Token, scopes as asked for, granted and used, announced rate and ends, and what to look at."""
        return Response(AccessOutput(access_of(self.connection(connection_id))).data)

    @extend_schema(responses=ShareOutput(many=True))
    def list(self, request: Request, connection_id: Any) -> Response:
        """The links by which somebody without an account may connect a connection."""
        return self.page_of(self._links(connection_id), ShareOutput)

    @extend_schema(request=ShareInput, responses={201: NewShareOutput})
    def create(self, request: Request, connection_id: Any) -> Response:
        """Make a link that works once; open it in a browser to say yes at the vendor or to enter the credential."""
        given = self.read(ShareInput)
        new = connecting.create_share_link(
            connection=self.connection(connection_id),
            actor=self.actor,
            note=given["note"],
            valid_for=timedelta(hours=given["valid_hours"]),
        )
        told = {**ShareOutput(new.link).data, "url": _address(request, new)}
        return Response(NewShareOutput(told).data, status=201)

    @extend_schema(request=None, responses=ShareOutput)
    def revoke(self, request: Request, connection_id: Any, link_id: Any) -> Response:
        """End a link at once."""
        link = self.one(self._links(connection_id), "share link", id=link_id)
        return Response(ShareOutput(connecting.revoke_share_link(link=link, actor=self.actor)).data)

    def _links(self, connection_id: Any) -> Any:
        row = self.connection(connection_id)
        return ShareLink.objects.in_workspace(self.workspace.id).filter(connection=row)


def _address(request: Request, new: NewShareLink) -> str:
    return absolute(request, reverse("web:connect_link", args=[new.token]))
