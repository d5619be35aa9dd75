"""What must hold for an endpoint before it is stored."""

import json
import re
from functools import cache
from importlib import resources
from uuid import UUID

import jsonschema_rs

from ipaas.core.drafts import valid_slug
from ipaas.core.errors import InvalidInput
from ipaas.events.models import Endpoint
from ipaas.vault.models import Secret, SecretVersion

FIELD = "signing_secret"
"""The field of a signing secret that signatures are made with."""
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}\Z")


def check(endpoint: Endpoint) -> None:
    """Raise InvalidInput with every fault."""
    errors = [*_text_faults(endpoint), *_signature_faults(endpoint), *_secret_faults(endpoint)]
    if errors:
        raise InvalidInput([{"path": f"/{path}", "code": code, "message": message} for path, code, message in errors])


Fault = tuple[str, str, str]


def _text_faults(endpoint: Endpoint) -> list[Fault]:
    faults = []
    if not valid_slug(endpoint.slug):
        faults.append(("slug", "slug.invalid", "a slug is 1 to 80 small letters, digits and hyphens"))
    if not 0 < len(endpoint.title) <= 200:
        faults.append(("title", "title.length", "1 to 200 characters"))
    if not _HEADER.match(endpoint.delivery_header):
        faults.append(("delivery_header", "header.name", "name the header that holds the delivery's id"))
    if endpoint.event_header and not _HEADER.match(endpoint.event_header):
        faults.append(("event_header", "header.name", "is the name of a header, or empty"))
    return faults


def _signature_faults(endpoint: Endpoint) -> list[Fault]:
    faults = [("signature", "signature.form", error.message[:300]) for error in _form().iter_errors(endpoint.signature)]
    if not faults and endpoint.signature_required and endpoint.signature["scheme"] == "none":
        faults.append(("signature", "signature.none", "a required signature needs a scheme that signs"))
    return faults


def _secret_faults(endpoint: Endpoint) -> list[Fault]:
    slug = endpoint.secret_slug
    if not slug:
        message = "name the signing secret that the sender shares"
        return [("secret_slug", "secret.missing", message)] if endpoint.signature_required else []
    secret = Secret.objects.in_workspace(endpoint.workspace_id).filter(kind=Secret.Kind.SIGNING, slug=slug).first()
    if secret is None:
        return [("secret_slug", "secret.unknown", f"there is no signing secret {slug!r}")]
    live = secret.versions.filter(state=SecretVersion.State.LIVE).first()
    if live is None or FIELD not in live.field_names:
        return [("secret_slug", "secret.unusable", f"the secret has no live version with a field {FIELD!r}")]
    return []


def endpoints_using(workspace_id: UUID, slug: str) -> list[str]:
    """Labels of the endpoints that check signatures with a secret."""
    rows = Endpoint.objects.filter(workspace_id=workspace_id, secret_slug=slug).select_related("environment")
    return [f"endpoint {row.slug} ({row.environment.slug})" for row in rows]


@cache
def _form() -> jsonschema_rs.Draft202012Validator:
    """The manifest's form of a signature."""
    text = resources.files("ipaas.sdk").joinpath("manifest_schema.json").read_text()
    schema = json.loads(text)
    return jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/signature", "$defs": schema["$defs"]})
