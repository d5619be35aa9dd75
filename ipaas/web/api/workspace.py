"""The workspace itself: who calls, its settings, its environments."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts.models import Environment
from ipaas.accounts.services import change_environment, change_settings, create_environment
from ipaas.accounts.workspace_settings import SETTINGS, WorkspaceSetting
from ipaas.core.document_forms import normalise
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, StrictSerializer


class MeOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    workspace = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    on_flows = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Further permissions by the id of the flow that they are for.",
    )
    flows = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, help_text="The flows a key is bound to; null: all."
    )


class NoQuery(StrictSerializer):
    """A list without filters."""


class EnvironmentInput(StrictSerializer):
    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=80)
    position = serializers.IntegerField(
        min_value=0, max_value=32_767, required=False, help_text="Without it before production."
    )
    variables = serializers.DictField(child=JsonField(), required=False, default=dict)


class EnvironmentChanges(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    position = serializers.IntegerField(
        min_value=0, max_value=32_767, required=False, help_text="In the order of promotion."
    )
    variables = serializers.DictField(child=JsonField(), required=False, help_text="All of them: they are replaced.")


class SettingsInput(StrictSerializer):
    """Any of the workspace's settings; null removes one. The service checks the values."""

    def get_fields(self) -> dict[str, Any]:
        return {name: _setting_field(one) for name, one in SETTINGS.items()}


def _setting_field(setting: WorkspaceSetting) -> JsonField:
    described = extend_schema_field({**setting.schema, "description": setting.doc})
    kind: type[JsonField] = described(type("SettingField", (JsonField,), {}))
    return kind(required=False, help_text=setting.doc)


class WorkspaceOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    settings = JsonField()
    created_at = serializers.DateTimeField()


class EnvironmentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    position = serializers.IntegerField()
    variables = serializers.SerializerMethodField()

    def get_variables(self, environment: Environment) -> dict[str, Any] | None:
        """Null for callers without the permission settings.view."""
        return environment.variables if self.context["settings"] else None


@extend_schema(tags=["me"])
class MeViewSet(ApiViewSet):
    """Who calls; every caller may ask that."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=MeOutput)
    def retrieve(self, request: Request) -> Response:
        """Who calls, in which workspace, with which permissions."""
        actor = self.actor
        found = {
            "kind": actor.kind,
            "id": actor.id,
            "name": actor.label,
            "workspace": self.workspace.slug,
            "permissions": sorted(actor.permissions),
            "on_flows": {str(flow): sorted(granted) for flow, granted in actor.on_flows.items()},
            "flows": None if actor.flows is None else sorted(actor.flows),
        }
        return Response(MeOutput(found).data)


@extend_schema(tags=["environments"])
class EnvironmentViewSet(ApiViewSet):
    serializer_class = EnvironmentOutput
    required_permissions = {
        **dict.fromkeys(("list", "retrieve"), "flows.view"),
        **dict.fromkeys(("create", "partial_update"), "settings.edit"),
    }

    def get_queryset(self) -> QuerySet[Environment]:
        return Environment.objects.filter(workspace=self.workspace)

    def list(self, request: Request) -> Response:
        """The environments of the workspace."""
        self.read_query(NoQuery)
        return self.page_of(self.get_queryset(), EnvironmentOutput, settings=self.actor.may("settings.view"))

    @extend_schema(request=EnvironmentInput, responses={201: EnvironmentOutput})
    def create(self, request: Request) -> Response:
        """Make an environment."""
        given = self.read(EnvironmentInput)
        given["variables"] = normalise(given["variables"])
        return self._shown(create_environment(workspace=self.workspace, actor=self.actor, **given), 201)

    def retrieve(self, request: Request, slug: str) -> Response:
        """An environment; its variables are null for callers without settings.view."""
        return self._shown(self._environment(slug))

    @extend_schema(request=EnvironmentChanges, responses=EnvironmentOutput)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Rename an environment or replace its variables; runs under way keep those they began with."""
        environment, given = self._environment(slug), self.read(EnvironmentChanges)
        changed = change_environment(
            environment=environment,
            name=given.get("name", environment.name),
            variables=normalise(given.get("variables", environment.variables)),
            position=given.get("position"),
            actor=self.actor,
        )
        return self._shown(changed)

    def _environment(self, slug: str) -> Environment:
        found: Environment = self.one(self.get_queryset(), "environment", slug=slug)
        return found

    def _shown(self, environment: Environment, status: int = 200) -> Response:
        shown = EnvironmentOutput(environment, context={"settings": self.actor.may("settings.view")})
        return Response(shown.data, status=status)


@extend_schema(tags=["workspace"])
class WorkspaceViewSet(ApiViewSet):
    serializer_class = WorkspaceOutput
    required_permissions = {"retrieve": "settings.view", "partial_update": "settings.edit"}

    def retrieve(self, request: Request) -> Response:
        """The workspace of the caller, with its settings."""
        return Response(WorkspaceOutput(self.workspace).data)

    @extend_schema(request=SettingsInput, responses=WorkspaceOutput)
    def partial_update(self, request: Request) -> Response:
        """Change settings; those that are not named stay."""
        given = self.read(SettingsInput)
        return Response(
            WorkspaceOutput(change_settings(workspace=self.workspace, settings=given, actor=self.actor)).data
        )
