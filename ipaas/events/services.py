"""Deeds on endpoints: permission, guard, change, audit, in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from ipaas import audit
from ipaas.accounts.models import Environment
from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.registry import connector_in
from ipaas.core import providers
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.events.checks import check
from ipaas.events.errors import EndpointInUse, EndpointSubscribed
from ipaas.events.models import Endpoint, Subscription
from ipaas.sdk.handshakes import HANDSHAKES
from ipaas.sdk.signatures import PLACES, Places

PUBLIC_ID_BYTES = 24
USES = "events.endpoint_uses"
PLACED = ("delivery_header", "delivery_path", "event_header", "event_path")
LIMITS = ("sources", "max_body", "rate_per_minute", "answer_status")
CHANGEABLE = frozenset(
    {"title", "connector", "signature", "signature_required", "secret_slug", "handshake", *PLACED, *LIMITS}
)


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
    delivery_header: str = "",
    delivery_path: str = "",
    event_header: str = "",
    event_path: str = "",
    handshake: Mapping[str, Any] | None = None,
    sources: Sequence[str] = (),
    max_body: int | None = None,
    rate_per_minute: int | None = None,
    answer_status: int | None = None,
) -> Endpoint:
    """Make an address that a sender posts to; its unguessable part is chosen here.

    ``signature`` is how the sender signs, as in a connector's manifest; Standard Webhooks when left out. Without a
    place for the delivery's id, that of the scheme's vendor holds, and so does its ``handshake`` when that is None;
    ``sources`` are the networks that may send, all when empty. Accepted deliveries are answered with
    ``answer_status``, else with ``usual_status``. One that takes unsigned deliveries needs ``settings.edit`` too.
    """
    require_permission(actor, "connections.edit", environment)
    if not signature_required:
        require_permission(actor, "settings.edit", environment)
    scheme = dict(signature or {"scheme": "standard-webhooks" if signature_required else "none"})
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
        handshake=dict(HANDSHAKES.get(scheme["scheme"], {}) if handshake is None else handshake),
        sources=list(sources),
        max_body=max_body,
        rate_per_minute=rate_per_minute,
        answer_status=answer_status or usual_status(environment.workspace_id, connector),
        **_places(scheme, delivery_header, delivery_path, event_header, event_path),
    )
    check(endpoint)
    try:
        with transaction.atomic():
            endpoint.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            what=said(
                "There is an endpoint {slug!r} in {environment} already.", slug=slug, environment=environment.slug
            )
        ) from None
    details = {"environment": environment.slug, "scheme": scheme["scheme"], "signed": signature_required}
    return _record("endpoint.created", endpoint, actor, details)


@transaction.atomic
def update_endpoint(*, actor: Actor, endpoint: Endpoint, changes: Mapping[str, Any]) -> Endpoint:
    """Change fields of an endpoint; its slug and address stay.

    Taking unsigned deliveries from now on needs ``settings.edit`` as well. Deliveries under way are judged by what
    held when they came; the ingress follows within seconds.
    """
    require_permission(actor, "connections.edit", endpoint)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise InvalidInput(
            [{"path": name, "code": "field.unknown", "message": said("can not be set")} for name in unknown]
        )
    row = _locked(endpoint)
    if row.signature_required and changes.get("signature_required") is False:
        require_permission(actor, "settings.edit", endpoint)
    before = row.signature
    for name, value in changes.items():
        setattr(row, name, dict(value) if name in {"signature", "handshake"} else value)
    for name, place in _places(row.signature, *(getattr(row, name) for name in PLACED)).items():
        if row.signature != before or name.startswith("delivery"):
            setattr(row, name, place)
    check(row)
    row.save()
    details = {"fields": sorted(changes), "scheme": row.signature["scheme"], "signed": row.signature_required}
    _record("endpoint.changed", row, actor, details)
    return row


@transaction.atomic
def pause_endpoint(*, actor: Actor, endpoint: Endpoint, reason: str) -> Endpoint:
    """Take nothing more: senders are told to come back later (503)."""
    return _turn(actor, endpoint, Endpoint.State.PAUSED, "endpoint.paused", reason)


@transaction.atomic
def resume_endpoint(*, actor: Actor, endpoint: Endpoint, reason: str = "") -> Endpoint:
    """Take deliveries again."""
    return _turn(actor, endpoint, Endpoint.State.ACTIVE, "endpoint.resumed", reason)


@transaction.atomic
def rotate_endpoint(*, actor: Actor, endpoint: Endpoint, reason: str) -> Endpoint:
    """Give an endpoint a new address; the old one answers 404 from then on, until the sender is told the new one."""
    require_permission(actor, "connections.edit", endpoint)
    row = _locked(endpoint)
    row.public_id = secrets.token_urlsafe(PUBLIC_ID_BYTES)
    row.greeted_at = None
    row.save(update_fields=["public_id", "greeted_at", "updated_at"])
    Subscription.objects.filter(endpoint=row).update(state=Subscription.State.OUTDATED)
    _record("endpoint.rotated", row, actor, {"reason": _given(reason)})
    return row


@transaction.atomic
def delete_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Delete an endpoint that starts no deployed flow; raises EndpointInUse.

    Its address answers 404 within seconds. What came before stays readable among the receipts.
    """
    require_permission(actor, "connections.edit", endpoint)
    row = _locked(endpoint)
    users = providers.get(USES)(row.workspace_id, row.environment_id, row.slug)
    if users:
        raise EndpointInUse(endpoint=row.slug, users=", ".join(users))
    subscription = Subscription.objects.filter(endpoint=row).first()
    if subscription is not None:
        raise EndpointSubscribed(endpoint=row.slug, state=state_name(subscription.state))
    _record("endpoint.deleted", row, actor, {"environment": row.environment.slug})
    row.delete()


def usual_status(workspace_id: UUID, connector: str) -> int:
    """What the vendor of a connector wants an accepted delivery answered with; 202 where it does not say."""
    try:
        triggers = connector_in(workspace_id, connector).manifest.triggers.values() if connector else ()
    except ConnectorMissing:
        triggers = ()
    return next((one.answer_status for one in triggers if one.answer_status), 202)


def _places(scheme: Mapping[str, Any], *given: str) -> dict[str, str]:
    """Where id and type of deliveries are told: as given, else as the scheme's vendor does it."""
    places = dict(zip(PLACED, given, strict=True))
    usual = PLACES.get(str(scheme.get("scheme")), Places())
    if not places["delivery_header"] and not places["delivery_path"]:
        places |= {"delivery_header": usual.delivery_header, "delivery_path": usual.delivery_path}
    if not places["delivery_header"] and not places["delivery_path"]:
        places["delivery_header"] = "webhook-id"
    if not places["event_header"] and not places["event_path"]:
        places |= {"event_header": usual.event_header, "event_path": usual.event_path}
    return places


def _turn(actor: Actor, endpoint: Endpoint, state: str, action: str, reason: str) -> Endpoint:
    require_permission(actor, "connections.edit", endpoint)
    row = _locked(endpoint)
    if row.state == state:
        raise Conflict(what=said("The endpoint {slug!r} is {state} already.", slug=row.slug, state=state_name(state)))
    row.state = state
    row.save(update_fields=["state", "updated_at"])
    _record(action, row, actor, {"reason": _given(reason) if state == Endpoint.State.PAUSED else reason})
    return row


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    return reason.strip()


def _locked(endpoint: Endpoint) -> Endpoint:
    rows = Endpoint.objects.select_for_update(of=("self",)).select_related("environment")
    return rows.get(id=endpoint.id)


def _record(action: str, endpoint: Endpoint, actor: Actor, details: Mapping[str, Any]) -> Endpoint:
    audit.record(
        action,
        actor=actor,
        workspace_id=endpoint.workspace_id,
        subject=("endpoint", endpoint.id, endpoint.slug),
        details=details,
    )
    return endpoint
