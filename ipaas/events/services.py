"""Deeds on endpoints: permission, guard, change, audit, in one transaction."""

import json
import secrets
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
from django.db import IntegrityError, transaction

from ipaas import audit
from ipaas.accounts.models import Environment
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.events.models import Endpoint
from ipaas.vault.models import Secret

PUBLIC_ID_BYTES = 24


@transaction.atomic
def create_endpoint(
    *,
    actor: Actor,
    environment: Environment,
    slug: str,
    title: str,
    connector: str = "",
    signature: Mapping[str, Any] | None = None,
    signature_required: bool = True,
    secret_slug: str = "",
    delivery_header: str = "webhook-id",
    event_header: str = "",
) -> Endpoint:
    """Make an address that a sender posts to; its unguessable part is chosen here.

    ``signature`` is how the sender signs, as in a connector's manifest; Standard Webhooks when left out. An endpoint
    that takes unsigned deliveries needs ``settings.edit`` as well.
    """
    require_permission(actor, "connections.edit", environment)
    if not signature_required:
        require_permission(actor, "settings.edit", environment)
    scheme = dict(signature or {"scheme": "standard-webhooks" if signature_required else "none"})
    _check(environment, scheme, signature_required, secret_slug)
    endpoint = Endpoint(
        workspace_id=environment.workspace_id,
        environment=environment,
        slug=slug,
        title=title,
        public_id=secrets.token_urlsafe(PUBLIC_ID_BYTES),
        connector=connector,
        signature=scheme,
        signature_required=signature_required,
        secret_slug=secret_slug,
        delivery_header=delivery_header,
        event_header=event_header,
    )
    try:
        with transaction.atomic():
            endpoint.save(force_insert=True)
    except IntegrityError:
        raise Conflict(what=f"There is an endpoint {slug!r} in {environment.slug} already.") from None
    audit.record(
        "endpoint.created",
        actor=actor,
        workspace_id=endpoint.workspace_id,
        subject=("endpoint", endpoint.id, slug),
        details={"environment": environment.slug, "scheme": scheme["scheme"], "signed": signature_required},
    )
    return endpoint


def _check(environment: Environment, scheme: dict[str, Any], required: bool, secret_slug: str) -> None:
    errors = [
        {"path": "/signature", "code": "signature.form", "message": error.message[:300]}
        for error in _form().iter_errors(scheme)
    ]
    if not errors and required and scheme["scheme"] == "none":
        message = "a required signature needs a scheme that signs"
        errors.append({"path": "/signature", "code": "signature.none", "message": message})
    if required and not secret_slug:
        message = "name the signing secret that the sender shares"
        errors.append({"path": "/secret_slug", "code": "secret.missing", "message": message})
    if secret_slug and not _is_signing_secret(environment, secret_slug):
        message = f"there is no signing secret {secret_slug!r}"
        errors.append({"path": "/secret_slug", "code": "secret.unknown", "message": message})
    if errors:
        raise InvalidInput(errors)


def _is_signing_secret(environment: Environment, slug: str) -> bool:
    signing = Secret.objects.in_workspace(environment.workspace_id).filter(kind=Secret.Kind.SIGNING)
    return signing.filter(slug=slug).exists()


@cache
def _form() -> jsonschema_rs.Draft202012Validator:
    """The manifest's form of a signature."""
    text = resources.files("ipaas.sdk").joinpath("manifest_schema.json").read_text()
    schema = json.loads(text)
    return jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/signature", "$defs": schema["$defs"]})
