"""Which programs may come in: roles, service accounts, API keys; people are in ``people``."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.accounts import services
from ipaas.accounts.api_keys import NewApiKey
from ipaas.accounts.models import ApiKey, ServiceAccount
from ipaas.accounts.roles import DESCRIPTIONS, FLOW_DESCRIPTIONS, FLOW_ROLES, ROLES
from ipaas.core.actor import Actor, known_permissions
from ipaas.core.errors import InvalidInput
from ipaas.flows.models import Flow
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import PageOutput, StrictSerializer
from ipaas.web.api.pagination import page_by_place

MAX_OVERLAP_S = 30 * 24 * 3600


class RoleOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())


class RolesOutput(PageOutput):
    items = RoleOutput(many=True)
    flow_roles = RoleOutput(many=True, help_text="What a member can be to one flow, beyond the roles.")
    permissions = serializers.DictField(child=serializers.CharField(), help_text="What each permission allows.")


class RolesInput(StrictSerializer):
    roles = serializers.ListField(child=serializers.CharField(max_length=20), min_length=1, max_length=20)


class ServiceAccountQuery(StrictSerializer):
    slug = serializers.SlugField(max_length=60, required=False, help_text="Slug of a service account.")
    disabled = serializers.BooleanField(required=False, help_text="Those that are, or are not, disabled.")


class ApiKeyQuery(StrictSerializer):
    prefix = serializers.CharField(max_length=40, required=False, help_text="How the key begins, after ipk_.")
    service_account = serializers.SlugField(max_length=60, required=False, help_text="Keys of this service account.")
    revoked = serializers.BooleanField(required=False, help_text="Those that are, or are not, revoked.")


class ServiceAccountInput(RolesInput):
    slug = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=120)
    rate_per_minute = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=services.MOST_PER_MINUTE,
        help_text="Requests that each of its keys may send; null: as many as every key.",
    )  # fmt: skip


class ServiceAccountChanges(StrictSerializer):
    roles = serializers.ListField(
        child=serializers.CharField(max_length=20), min_length=1, max_length=20, required=False
    )
    rate_per_minute = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=services.MOST_PER_MINUTE
    )


class ServiceAccountOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    disabled = serializers.BooleanField()
    rate_per_minute = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class ApiKeyInput(StrictSerializer):
    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=100)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    flows = serializers.ListField(
        child=serializers.SlugField(max_length=80),
        required=False,
        allow_null=True,
        default=None,
        max_length=1000,
        help_text="Slugs of the flows that the key is bound to; null: to none.",
    )
    service_account = serializers.SlugField(max_length=60, required=False, default="", allow_blank=True)


class KeyRotateInput(StrictSerializer):
    overlap_s = serializers.IntegerField(
        min_value=0, max_value=MAX_OVERLAP_S, required=False, default=86_400, help_text="How long the old key lives on."
    )


class ApiKeyOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    flows = serializers.ListField(child=serializers.UUIDField(), allow_null=True)
    owner = serializers.SerializerMethodField()
    service_account = serializers.SerializerMethodField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)

    def get_owner(self, key: ApiKey) -> str | None:
        return key.owner.email if key.owner else None

    def get_service_account(self, key: ApiKey) -> str | None:
        return key.service_account.slug if key.service_account else None


class NewApiKeyOutput(ApiKeyOutput):
    key = serializers.CharField(allow_null=True, help_text="Shown once; null when the answer is repeated.")


@extend_schema(tags=["access"])
class RoleViewSet(ApiViewSet):
    required_permissions = {"list": "settings.view"}

    @extend_schema(responses=forced_singular_serializer(RolesOutput))  # type: ignore[no-untyped-call]
    def list(self, request: Request) -> Response:
        """Every role with what it permits."""
        roles = [
            {"name": name, "description": DESCRIPTIONS[name], "permissions": sorted(permitted)}
            for name, permitted in ROLES.items()
        ]
        of_flows = [
            {"name": name, "description": FLOW_DESCRIPTIONS[name], "permissions": sorted(permitted)}
            for name, permitted in FLOW_ROLES.items()
        ]
        items, cursor = page_by_place(roles, request)
        told = {"items": items, "flow_roles": of_flows, "permissions": known_permissions(), "next_cursor": cursor}
        return Response(RolesOutput(told).data)


@extend_schema(tags=["access"])
class ServiceAccountViewSet(ApiViewSet):
    serializer_class = ServiceAccountOutput
    required_permissions = dict.fromkeys(
        ("list", "create", "retrieve", "partial_update", "enable", "disable"), "apikeys.manage"
    )

    def get_queryset(self) -> QuerySet[ServiceAccount]:
        return ServiceAccount.objects.filter(workspace=self.workspace)

    @extend_schema(parameters=[ServiceAccountQuery])
    def list(self, request: Request) -> Response:
        """The service accounts of the workspace."""
        return self.page_of(self.get_queryset().filter(**self.read_query(ServiceAccountQuery)), ServiceAccountOutput)

    @extend_schema(request=ServiceAccountInput, responses={201: ServiceAccountOutput})
    def create(self, request: Request) -> Response:
        """Make a service account; it signs in with API keys of its own alone."""
        given = self.read(ServiceAccountInput)
        made = services.create_service_account(workspace=self.workspace, actor=self.actor, **given)
        return Response(ServiceAccountOutput(made).data, status=201)

    def retrieve(self, request: Request, slug: str) -> Response:
        """A service account."""
        return Response(ServiceAccountOutput(self.account(slug)).data)

    @extend_schema(request=ServiceAccountChanges, responses=ServiceAccountOutput)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Replace roles or rate; what is not named stays."""
        account, given = self.account(slug), self.read(ServiceAccountChanges)
        changed = services.change_service_account(
            account=account,
            roles=given.get("roles", account.roles),
            rate_per_minute=given.get("rate_per_minute", account.rate_per_minute),
            actor=self.actor,
        )
        return Response(ServiceAccountOutput(changed).data)

    def account(self, slug: str) -> ServiceAccount:
        found: ServiceAccount = self.one(self.get_queryset(), "service account", slug=slug)
        return found

    @extend_schema(request=None, responses=ServiceAccountOutput)
    def enable(self, request: Request, slug: str) -> Response:
        """Take the keys of a service account again."""
        return self._turn(slug, disabled=False)

    @extend_schema(request=None, responses=ServiceAccountOutput)
    def disable(self, request: Request, slug: str) -> Response:
        """Refuse all its keys until it is enabled again."""
        return self._turn(slug, disabled=True)

    def _turn(self, slug: str, *, disabled: bool) -> Response:
        account = self.account(slug)
        changed = services.set_service_account_disabled(account=account, disabled=disabled, actor=self.actor)
        return Response(ServiceAccountOutput(changed).data)


@extend_schema(tags=["access"])
class ApiKeyViewSet(ApiViewSet):
    serializer_class = ApiKeyOutput
    shown_once = frozenset({"key"})
    required_permissions = dict.fromkeys(("list", "retrieve", "create", "rotate", "revoke"), "apikeys.manage")

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.in_workspace(self.workspace.id)

    def key(self, key_id: Any) -> ApiKey:
        found: ApiKey = self.one(self.get_queryset(), "API key", id=key_id)
        return found

    @extend_schema(parameters=[ApiKeyQuery])
    def list(self, request: Request) -> Response:
        """The API keys of the workspace; the keys themselves are not kept."""
        names = {"prefix": "prefix", "service_account": "service_account__slug", "revoked": "revoked_at__isnull"}
        query = self.read_query(ApiKeyQuery)
        if "revoked" in query:
            query["revoked"] = not query["revoked"]
        wanted = {names[name]: value for name, value in query.items()}
        return self.page_of(self.get_queryset().filter(**wanted), ApiKeyOutput)

    def retrieve(self, request: Request, key_id: Any) -> Response:
        """An API key: its scopes, owner and last use."""
        return Response(ApiKeyOutput(self.key(key_id)).data)

    @extend_schema(request=ApiKeyInput, responses={201: NewApiKeyOutput})
    def create(self, request: Request) -> Response:
        """Make a key that permits no more than its maker (or its service account) may; it is shown once."""
        given = self.read(ApiKeyInput)
        slug, slugs = given.pop("service_account"), given.pop("flows")
        accounts = ServiceAccount.objects.filter(workspace=self.workspace)
        account = self.one(accounts, "service account", slug=slug) if slug else None
        flows = None if slugs is None else _flow_ids(self.actor, slugs)
        made = services.create_api_key(
            workspace=self.workspace, actor=self.actor, flows=flows, service_account=account, **given
        )
        return self._new(made)

    @extend_schema(request=KeyRotateInput, responses={201: NewApiKeyOutput})
    def rotate(self, request: Request, key_id: Any) -> Response:
        """Make the successor of a key; the old one lives on for the overlap."""
        overlap = timedelta(seconds=self.read(KeyRotateInput)["overlap_s"])
        return self._new(services.rotate_api_key(key=self.key(key_id), actor=self.actor, overlap=overlap))

    @extend_schema(request=None, responses=ApiKeyOutput)
    def revoke(self, request: Request, key_id: Any) -> Response:
        """End a key at once."""
        return Response(ApiKeyOutput(services.revoke_api_key(key=self.key(key_id), actor=self.actor)).data)

    def _new(self, made: NewApiKey) -> Response:
        return Response({**ApiKeyOutput(made.key).data, "key": made.raw}, status=201)


def _flow_ids(actor: Actor, slugs: list[str]) -> list[Any]:
    known = dict(Flow.objects.visible_to(actor).filter(slug__in=slugs).values_list("slug", "id"))
    missing = sorted(set(slugs) - set(known))
    if missing:
        message = f"there is no flow {missing[0]!r}"
        raise InvalidInput([{"path": "/flows", "code": "flow.unknown", "message": message}])
    return sorted(known.values())
