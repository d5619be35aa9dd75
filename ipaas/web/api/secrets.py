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
from ipaas.vault.break_glass import collect_version, reveal_secret
from ipaas.vault.models import Secret, SecretVersion, StoreKind
from ipaas.vault.rotating import rotate_secret, set_rotation
from ipaas.vault.rotators import rotator_of
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, ReasonInput, StrictSerializer

MAX_OVERLAP_S = 30 * 24 * 3600
KNOWN = "The newest version that the caller knows; 409 where another came since."


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
    after_version = serializers.IntegerField(min_value=0, required=False, help_text=KNOWN)


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
    store = serializers.ChoiceField(choices=StoreKind.choices, help_text="Where its values are kept.")
    expires_at = serializers.DateTimeField(allow_null=True)
    rotation_due_at = serializers.DateTimeField(allow_null=True, help_text="By when to rotate it; null: no rule.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SecretVersionOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=SecretVersion.State.choices)
    store = serializers.ChoiceField(choices=StoreKind.choices)
    held = serializers.BooleanField(source="is_held", help_text="Whether there still is a value.")
    handover = serializers.BooleanField(help_text="Whether the platform made it up and nobody has collected it yet.")
    field_names = serializers.ListField(child=serializers.CharField())
    accept_until = serializers.DateTimeField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class SecretRotationInput(StrictSerializer):
    every_days = serializers.IntegerField(allow_null=True, help_text="Null: no rule any more.")
    rotation = serializers.ChoiceField(
        choices=Secret.Rotation.choices, required=False, default=Secret.Rotation.REMIND, help_text="Who does it."
    )
    overlap_s = serializers.IntegerField(
        min_value=0, max_value=MAX_OVERLAP_S, required=False, default=86_400, help_text="How long two values are good."
    )


class SecretRotateInput(StrictSerializer):
    overlap_s = serializers.IntegerField(
        min_value=0, max_value=MAX_OVERLAP_S, required=False, help_text="Else that of the secret's rule."
    )
    after_version = serializers.IntegerField(min_value=0, required=False, help_text=KNOWN)


class RegisterInput(StrictSerializer):
    slug = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Secret.Kind.choices, required=False, default=Secret.Kind.CREDENTIAL)
    description = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SecretValuesOutput(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    values = JsonField(help_text="Field name to value, this once; null in an answer that is given again.")


class SecretDetailOutput(SecretOutput):
    versions = SecretVersionOutput(many=True)
    every_days = serializers.IntegerField(source="rotate_every_days", allow_null=True)
    rotation = serializers.ChoiceField(choices=Secret.Rotation.choices)
    overlap_s = serializers.IntegerField(source="rotation_overlap_s")
    rotator = serializers.SerializerMethodField(help_text="What makes the next value; empty: only who issues it can.")
    used_by = serializers.SerializerMethodField()

    def get_rotator(self, secret: Secret) -> str:
        found = rotator_of(secret)
        return found.name if found is not None else ""

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
        **dict.fromkeys(("create", "register", "partial_update", "destroy", "revoke"), "secrets.write"),
        **dict.fromkeys(("rotation", "collect"), "secrets.write"),
        **dict.fromkeys(("put_version", "rotate"), "secrets.rotate"),
        "reveal": "secrets.reveal",
    }
    shown_once = frozenset({"values"})

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
        given["after"] = given.pop("after_version", None)
        version = services.put_version(secret=secret, fields=fields, overlap=overlap, actor=self.actor, **given)
        return Response(SecretVersionOutput(version).data, status=201)

    @extend_schema(request=RegisterInput, responses={201: SecretDetailOutput})
    def register(self, request: Request) -> Response:
        """Make a secret of a value that the workspace's backend holds already."""
        secret = services.register_secret(workspace=self.workspace, actor=self.actor, **self.read(RegisterInput))
        return Response(SecretDetailOutput(secret).data, status=201)

    @extend_schema(request=SecretRotationInput, responses=SecretDetailOutput)
    def rotation(self, request: Request, slug: str) -> Response:
        """Say how often it is to be rotated, by whom, and how long two values are good."""
        secret, given = self.secret(slug), self.read(SecretRotationInput)
        overlap = timedelta(seconds=given.pop("overlap_s"))
        return Response(
            SecretDetailOutput(set_rotation(secret=secret, actor=self.actor, overlap=overlap, **given)).data
        )

    @extend_schema(request=SecretRotateInput, responses={201: SecretVersionOutput})
    def rotate(self, request: Request, slug: str) -> Response:
        """Have the platform make the next value now; 409 where only who issues it can."""
        secret, given = self.secret(slug), self.read(SecretRotateInput)
        overlap = timedelta(seconds=given["overlap_s"]) if "overlap_s" in given else None
        after = given.get("after_version")
        version = rotate_secret(secret=secret, actor=self.actor, overlap=overlap, after=after)
        return Response(SecretVersionOutput(version).data, status=201)

    @extend_schema(request=None, responses=SecretValuesOutput)
    def collect(self, request: Request, slug: str, number: int) -> Response:
        """A value that the platform made up, once, for whoever must be told it."""
        fields = collect_version(secret=self.secret(slug), number=number, actor=self.actor)
        return Response({"version": number, "values": fields})

    @extend_schema(request=ReasonInput, responses=SecretValuesOutput)
    def reveal(self, request: Request, slug: str) -> Response:
        """The live value, in an emergency: on record, told to all administrators; 403 unless it is switched on."""
        secret, given = self.secret(slug), self.read(ReasonInput)
        fields = reveal_secret(secret=secret, actor=self.actor, **given)
        return Response({"version": secret.current_version, "values": fields})

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
