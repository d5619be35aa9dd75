"""Who calls the registry, and what they send."""

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.api_keys import authenticate_api_key
from ipaas.accounts.errors import InvalidApiKey
from ipaas.accounts.models import Workspace
from ipaas.config import settings
from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError, PermissionDenied
from ipaas.web.api.throttling import allowance
from ipaas.web.registry.answers import RegistryError, as_registry_error, refusal

MAX_BODY = 2_000_000
View = Callable[..., HttpResponse]


class RegistryRequest(HttpRequest):
    """A request whose key was recognised; the key belongs to one workspace."""

    actor: Actor
    workspace: Workspace


def registry(**permissions: str) -> Callable[[View], Callable[..., HttpResponse]]:
    """A view of the registry with the permission that each of its methods needs."""

    def decorate(view: View) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def handle(request: HttpRequest, **parts: Any) -> HttpResponse:
            try:
                return _handled(cast("RegistryRequest", request), view, permissions, parts)
            except RegistryError as error:
                return refusal(error)
            except IpaasError as error:
                return refusal(as_registry_error(error))

        vars(handle)["permissions"] = permissions
        return handle

    return decorate


def _handled(
    request: RegistryRequest, view: View, permissions: Mapping[str, str], parts: Mapping[str, Any]
) -> HttpResponse:
    request.actor = _actor(request)
    request.workspace = Workspace.objects.get(api_keys=UUID(request.actor.id))
    method = "GET" if request.method == "HEAD" else request.method or ""
    permission = permissions.get(method)
    if permission is None:
        raise RegistryError(405, f"{method} is not possible here; possible are {', '.join(sorted(permissions))}.")
    if not request.actor.may(permission):
        raise PermissionDenied(permission=permission)
    return view(request, **parts)


def _actor(request: HttpRequest) -> Actor:
    """The actor of the key in ``Authorization``: Bearer, or Basic with the key as the password."""
    try:
        actor = authenticate_api_key(_key(request.META.get("HTTP_AUTHORIZATION", "")), client_ip(request))
    except InvalidApiKey as error:
        _spend(f"address:{client_ip(request)}", None)
        message = f"{error.detail} Send a live API key as the password of basic authentication, or as Bearer."
        raise RegistryError(40101, message) from None
    _spend(f"{actor.kind}:{actor.id}", actor.rate_per_minute)
    return actor


def _spend(principal: str, own_rate: int | None) -> None:
    found = allowance(principal, settings().api_rate if own_rate is None else own_rate)
    if found is not None and not found.allowed:
        raise RegistryError(42901, f"Too many requests; try again in {found.retry_s} s.")


def _key(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The body, an object."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise RegistryError(413, f"A body has at most {MAX_BODY} bytes.")
    try:
        found = jsonio.loads(request.body or b"{}")
    except jsonio.JsonInvalid as error:
        raise RegistryError(42201, f"The body is not JSON: {error.detail}") from None
    if not isinstance(found, dict):
        raise RegistryError(42201, "The body must be an object.")
    return found


def schema_of(given: Mapping[str, Any]) -> Any:
    """The JSON Schema in a body: a text under ``schema``, of the type JSON."""
    kind, text = given.get("schemaType", "AVRO"), given.get("schema")
    if kind != "JSON":
        raise RegistryError(42201, f"Only schemas of the type JSON are registered here, not {str(kind)[:40]}.")
    if not isinstance(text, str):
        raise RegistryError(42201, "schema must be a text that holds the JSON Schema.")
    if given.get("references"):
        raise RegistryError(42201, "Write the schema with its parts under $defs: references are not followed here.")
    try:
        found = jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        raise RegistryError(42201, f"schema is not JSON: {error.detail}") from None
    if not isinstance(found, dict | bool):
        raise RegistryError(42201, "A JSON Schema is an object, true or false.")
    return found


def flag(request: HttpRequest, name: str) -> bool:
    return request.GET.get(name, "").lower() == "true"
