"""Secrets: values go in and never come out."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.audit.models import AuditEntry
from ipaas.vault import services
from ipaas.vault.models import Secret, SecretVersion
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, ReasonInput, StrictSerializer

MAX_OVERLAP_S = 30 * 24 * 3600


class _Values(StrictSerializer):
    values = serializers.DictField(child=JsonField(), write_only=True, help_text="Field name to value; never shown.")


class SecretInput(_Values):
    slug = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Secret.Kind.choices, required=False, default=Secret.Kind.CREDENTIAL)
    description = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SecretVersionInput(_Values):
    overlap_s = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_S,
        required=False,
        default=0,
        help_text="Of the one before.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SecretChanges(StrictSerializer):
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class SecretQuery(StrictSerializer):
    kind = serializers.ChoiceField(choices=Secret.Kind.choices, required=False, help_text="What it is for.")


class SecretOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    kind = serializers.ChoiceField(choices=Secret.Kind.choices)
    description = serializers.CharField()
    current_version = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SecretVersionOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=SecretVersion.State.choices)
    field_names = serializers.ListField(child=serializers.CharField())
    accept_until = serializers.DateTimeField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class SecretDetailOutput(SecretOutput):
    versions = SecretVersionOutput(many=True)
    used_by = serializers.SerializerMethodField()

    def get_used_by(self, secret: Secret) -> list[str]:
        """Labels of the connections and endpoints that use it."""
        return services.used_by(secret)


class SecretReadOutput(serializers.Serializer[Any]):
    minute = serializers.CharField(source="details.minute")
    version = serializers.IntegerField(source="details.version")
    reads = serializers.IntegerField(source="details.reads")
    purposes = JsonField(source="details.purposes")
    flows = JsonField(source="details.flows")
    process = serializers.CharField(source="actor_label")


@extend_schema(tags=["secrets"])
class SecretViewSet(ApiViewSet):
    serializer_class = SecretOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "reads"), "secrets.view"),
        **dict.fromkeys(("create", "partial_update", "destroy", "revoke"), "secrets.write"),
        "put_version": "secrets.rotate",
    }

    def get_queryset(self) -> QuerySet[Secret]:
        return Secret.objects.in_workspace(self.workspace.id)

    def secret(self, slug: str) -> Secret:
        found: Secret = self.one(self.get_queryset(), "secret", slug=slug)
        return found

    @extend_schema(parameters=[SecretQuery])
    def list(self, request: Request) -> Response:
        """The secrets of the workspace, without values."""
        return self.page_of(self.get_queryset().filter(**self.read_query(SecretQuery)), SecretOutput)

    @extend_schema(responses=SecretDetailOutput)
    def retrieve(self, request: Request, slug: str) -> Response:
        """A secret with its versions and what uses it; values are never shown."""
        return Response(SecretDetailOutput(self.secret(slug)).data)

    @extend_schema(request=SecretInput, responses={201: SecretDetailOutput})
    def create(self, request: Request) -> Response:
        """Make a secret with its first version; its values can not be had again."""
        given = self.read(SecretInput)
        fields = given.pop("values")
        secret = services.create_secret(workspace=self.workspace, actor=self.actor, fields=fields, **given)
        return Response(SecretDetailOutput(secret).data, status=201)

    @extend_schema(request=SecretChanges, responses=SecretDetailOutput)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change description or expiry; the value stays."""
        secret, given = self.secret(slug), self.read(SecretChanges)
        kept = {"description": secret.description, "expires_at": secret.expires_at}
        return Response(
            SecretDetailOutput(services.change_secret(secret=secret, actor=self.actor, **{**kept, **given})).data
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Delete a secret with all versions; 409 while anything uses it."""
        services.delete_secret(secret=self.secret(slug), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=SecretVersionInput, responses={201: SecretVersionOutput})
    def put_version(self, request: Request, slug: str) -> Response:
        """Enter a new version, live at once; the one before is accepted for the overlap."""
        secret, given = self.secret(slug), self.read(SecretVersionInput)
        overlap, fields = timedelta(seconds=given.pop("overlap_s")), given.pop("values")
        version = services.put_version(secret=secret, fields=fields, overlap=overlap, actor=self.actor, **given)
        return Response(SecretVersionOutput(version).data, status=201)

    @extend_schema(request=ReasonInput, responses=SecretVersionOutput)
    def revoke(self, request: Request, slug: str, number: int) -> Response:
        """Wipe a version for good."""
        secret, given = self.secret(slug), self.read(ReasonInput)
        version = services.revoke_version(secret=secret, number=number, actor=self.actor, **given)
        return Response(SecretVersionOutput(version).data)

    @extend_schema(responses=SecretReadOutput(many=True))
    def reads(self, request: Request, slug: str) -> Response:
        """Who read it, how often, for what: one row per version, process and minute."""
        entries = AuditEntry.objects.of_workspace(self.workspace.id).filter(
            action="secret.read", subject_type="secret", subject_id=str(self.secret(slug).id)
        )
        return self.page_of(entries, SecretReadOutput)
