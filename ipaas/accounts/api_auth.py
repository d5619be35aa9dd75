"""Who calls the API: an API key, or the session of a signed-in person."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ipaas.accounts.actors import actor_in
from ipaas.accounts.addresses import client_ip
from ipaas.accounts.api_keys import authenticate_api_key
from ipaas.accounts.errors import InvalidApiKey, SecondFactorNeeded
from ipaas.accounts.models import User, Workspace
from ipaas.accounts.second_factor import lacks_second_factor
from ipaas.core import errors
from ipaas.core.actor import Actor, known_permission

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module through the settings


class ApiPrincipal:
    """Stands for ``request.user`` when a key calls: authenticated, but nobody's account."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.pk = actor.id

    def __str__(self) -> str:
        return self.actor.label


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer ipk_…``; a header that is not a live key is 401, whatever its shape."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, raw = str(header).partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed(InvalidApiKey().detail, InvalidApiKey.code)
        try:
            actor = authenticate_api_key(raw.strip(), client_ip(request))
        except InvalidApiKey as error:
            raise AuthenticationFailed(error.detail, error.code) from None
        bind(request, actor, Workspace.objects.get(api_keys=UUID(actor.id)))
        return ApiPrincipal(actor), actor

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionActorAuthentication(SessionAuthentication):
    """A signed-in person (with CSRF check); the header ``X-Workspace`` names the workspace.

    It may be left out by a person who belongs to one workspace only.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        slug = request.headers.get("X-Workspace") or _only_workspace(user)
        try:
            actor, workspace = actor_in(user, slug, client_ip(request))
        except errors.NotFound as error:
            raise NotFound(error.detail) from None
        if lacks_second_factor(request._request, user, workspace):  # noqa: SLF001 - which holds the session
            raise SecondFactorNeeded
        bind(request, actor, workspace)
        return user, actor


class HasPermission(BasePermission):
    """Deny by default: the view's ``required_permissions`` names a permission per action (or HTTP method).

    Who has it on single flows passes here; the deed itself checks whether its flow is among them.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        required: Mapping[str, str] = getattr(view, "required_permissions", {})
        name = required.get(getattr(view, "action", None) or "") or required.get((request.method or "").lower())
        actor = getattr(request, "auth", None)
        if name is None or not isinstance(actor, Actor):
            return False
        if not actor.may_somewhere(known_permission(name)):
            raise errors.PermissionDenied(permission=name)
        return True


def bind(request: Request, actor: Actor, workspace: Workspace) -> None:
    """Put the actor where pages have it as well: ``request.actor`` and ``request.workspace``."""
    for target in (request, request._request):  # noqa: SLF001 - DRF wraps the request the middleware saw
        vars(target).update(actor=actor, workspace=workspace)


def _only_workspace(user: User) -> str:
    slugs = list(Workspace.objects.of_user(user).values_list("slug", flat=True)[:2])
    if len(slugs) != 1:
        raise NotFound(detail="Name the workspace in the header X-Workspace.")
    return slugs[0]
