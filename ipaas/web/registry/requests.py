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
from ipaas.contracts.bundling import MOST_SCHEMAS
from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError, PermissionDenied
from ipaas.governance.registry import Registered, SubjectReference, resolved
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


def schema_in(request: RegistryRequest) -> Registered:
    """The JSON Schema in the body of a request, with what its names mean."""
    given = body_of(request)
    return resolved(request.workspace, _schema_of(given), _references_of(given))


def _references_of(given: Mapping[str, Any]) -> list[SubjectReference]:
    references = given.get("references") or []
    if not isinstance(references, list) or len(references) > MOST_SCHEMAS:
        raise RegistryError(42201, f"references must be a list of at most {MOST_SCHEMAS} objects.")
    return [_reference(one) for one in references]


def _reference(given: Any) -> SubjectReference:
    one = given if isinstance(given, dict) else {}
    name, subject, version = one.get("name"), one.get("subject"), one.get("version")
    if not isinstance(name, str) or not isinstance(subject, str) or not name or "#" in name or "\0" in name + subject:
        raise RegistryError(42201, "Each reference needs a name, as $ref has it before any #, and a subject.")
    if isinstance(version, bool) or not isinstance(version, int) or not (version == -1 or 0 < version < 2**31):
        raise RegistryError(42201, f"The reference {name[:200]} needs the number of a version, or -1 for the newest.")
    return {"name": name, "subject": subject, "version": version}


def _schema_of(given: Mapping[str, Any]) -> Any:
    """A text under ``schema``, of the type JSON."""
    kind, text = given.get("schemaType", "AVRO"), given.get("schema")
    if kind != "JSON":
        raise RegistryError(42201, f"Only schemas of the type JSON are registered here, not {str(kind)[:40]}.")
    if not isinstance(text, str):
        raise RegistryError(42201, "schema must be a text that holds the JSON Schema.")
    try:
        found = jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        raise RegistryError(42201, f"schema is not JSON: {error.detail}") from None
    if not isinstance(found, dict | bool):
        raise RegistryError(42201, "A JSON Schema is an object, true or false.")
    return found


def flag(request: HttpRequest, name: str) -> bool:
    return request.GET.get(name, "").lower() == "true"
