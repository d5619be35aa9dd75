"""Deeds on webhooks: permission, guard, change, audit, in one transaction."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas import audit
from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import SYSTEM, Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.ids import uuid7, uuid7_at
from ipaas.core.page_address import page_address
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.core.state_names import state_name
from ipaas.notices.admins import mail_admins
from ipaas.notices.checks import check
from ipaas.notices.errors import DeliveryUnderWay, WebhookState
from ipaas.notices.event_types import TEST
from ipaas.notices.models import Webhook, WebhookDelivery
from ipaas.notices.queueing import wake
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime import writing
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret, delete_secret, put_version

FIELD = "signing_secret"
SECRET_BYTES = 32
LONGEST_OVERLAP = timedelta(days=7)
OVERLAP = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 2000, 2200
CHANGEABLE = frozenset({"title", "url", "events", "environment"})


class WithSecret(NamedTuple):
    """A webhook with the signing secret that was just made for it, to be shown once."""

    webhook: Webhook
    secret: str


@transaction.atomic
def create_webhook(
    *,
    actor: Actor,
    workspace: Workspace,
    slug: str,
    title: str,
    url: str,
    events: Sequence[str],
    environment: Environment | None = None,
) -> WithSecret:
    """Add an address that is told of events, with a signing secret of its own in the vault.

    Events that happen from now on are told (by workers within two seconds), none of before.
    """
    require_permission(actor, "webhooks.edit", workspace)
    webhook = Webhook(
        workspace=workspace,
        environment=environment,
        slug=slug,
        title=title.strip(),
        url=url.strip(),
        events=sorted(set(events)),
        secret_slug=f"webhook-{slug}"[:80],
    )
    check(webhook)
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
    except IntegrityError:
        raise Conflict(what=said("There is a webhook {slug!r} already.", slug=slug)) from None
    value = _new_secret()
    create_secret(
        workspace=workspace,
        slug=webhook.secret_slug,
        fields={FIELD: value},
        actor=_with_vault(actor),
        kind=Secret.Kind.SIGNING,
        description=f"Signs what the webhook {slug} is told.",
        made_here=True,
    )
    _record("webhook.created", webhook, actor, _facts(webhook))
    return WithSecret(webhook, value)


@transaction.atomic
def update_webhook(*, actor: Actor, webhook: Webhook, changes: Mapping[str, Any]) -> Webhook:
    """Change fields of a webhook; its slug stays. Deliveries that wait go to the new address."""
    require_permission(actor, "webhooks.edit", webhook)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise InvalidInput(
            [{"path": name, "code": "field.unknown", "message": said("can not be set")} for name in unknown]
        )
    row = _locked(webhook)
    for name, value in changes.items():
        setattr(row, name, sorted(set(value)) if name == "events" else value)
    check(row)
    row.save()
    _record("webhook.changed", row, actor, {"fields": sorted(changes), **_facts(row)})
    return row


@transaction.atomic
def pause_webhook(*, actor: Actor, webhook: Webhook, reason: str) -> Webhook:
    """Send nothing for a while; what happens meanwhile waits as long as deliveries are kept."""
    require_permission(actor, "webhooks.edit", webhook)
    row = _locked(webhook)
    if row.state != Webhook.State.ACTIVE:
        raise WebhookState(webhook=row.slug, state=state_name(row.state))
    row.state, row.state_reason = Webhook.State.PAUSED, _given(reason)
    row.save(update_fields=["state", "state_reason", "updated_at"])
    _record("webhook.paused", row, actor, {"reason": row.state_reason})
    return row


@transaction.atomic
def resume_webhook(*, actor: Actor, webhook: Webhook, reason: str = "") -> Webhook:
    """Take a paused or disabled webhook up again: what waited is sent at once."""
    require_permission(actor, "webhooks.edit", webhook)
    row = _locked(webhook)
    if row.state == Webhook.State.ACTIVE:
        raise WebhookState(webhook=row.slug, state=state_name(row.state))
    row.state, row.state_reason, row.failing_since = Webhook.State.ACTIVE, "", None
    row.save(update_fields=["state", "state_reason", "failing_since", "updated_at"])
    waiting = row.deliveries.waiting().update(step=0, due_at=now())
    wake(row)
    _record("webhook.resumed", row, actor, {"reason": reason, "waiting": waiting})
    return row


def disable_webhook(webhook: Webhook, reason: str) -> None:
    """Give a webhook up and tell the admins; only of an active one, in the caller's transaction."""
    if webhook.state != Webhook.State.ACTIVE:
        return
    webhook.state, webhook.state_reason = Webhook.State.DISABLED, reason
    webhook.save(update_fields=["state", "state_reason", "updated_at"])
    _record("webhook.disabled", webhook, SYSTEM, {"reason": reason})
    url = page_address(reverse("notices:webhook_detail", args=[webhook.workspace.slug, webhook.slug]))

    def words() -> tuple[str, str]:
        subject = _("Webhook disabled: {title}").format(title=webhook.title)
        told = _("{title} is tried no more: {reason}.").format(title=webhook.title, reason=reason)
        waits = _("What happens from now on waits there.")
        return subject, f"{told}\n\n{waits}\n\n{url}\n"

    mail_admins(webhook.workspace_id, words)


@transaction.atomic
def rotate_webhook_secret(
    *, actor: Actor, webhook: Webhook, overlap: timedelta = OVERLAP, after: int | None = None
) -> WithSecret:
    """Make a new signing secret; for ``overlap`` deliveries bear a signature of each. ``after``: as of a version."""
    require_permission(actor, "webhooks.edit", webhook)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        message = said("is 0 to {most} hours", most=LONGEST_OVERLAP.days * 24)
        raise InvalidInput([{"path": "overlap_hours", "code": "overlap.range", "message": message}])
    row, value = _locked(webhook), _new_secret()
    put_version(secret=_secret(row), fields={FIELD: value}, actor=_with_vault(actor), overlap=overlap, after=after)
    _record("webhook.secret_rotated", row, actor, {"overlap_s": int(overlap.total_seconds())})
    return WithSecret(row, value)


@transaction.atomic
def send_test_event(*, actor: Actor, webhook: Webhook) -> WebhookDelivery:
    """Send an event of the type ``ipaas.webhook.test`` as any other is sent."""
    require_permission(actor, "webhooks.redeliver", webhook)
    row = _locked(webhook)
    if row.state != Webhook.State.ACTIVE:
        raise WebhookState(webhook=row.slug, state=state_name(row.state))
    event = OutboxEvent.objects.create(
        id=uuid7(),
        workspace_id=row.workspace_id,
        type=TEST,
        subject=row.slug,
        source=f"webhook/{row.slug}",
        trace_id="",
        data={"webhook_id": str(row.id), "webhook": row.slug, "by": actor.label},
    )
    delivery = row.deliveries.create(
        workspace_id=row.workspace_id, event_id=event.id, event_type=event.type, due_at=now()
    )
    wake(row)
    _record("webhook.tested", row, actor, {"event": event.id})
    return delivery


@transaction.atomic
def redeliver(*, actor: Actor, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send an ended delivery again, with the same ``webhook-id``: a receiver that has it already can tell."""
    require_permission(actor, "webhooks.redeliver", delivery)
    row = _locked(delivery.webhook)
    found: WebhookDelivery = locked_row(WebhookDelivery.objects.all(), delivery, "delivery")
    if found.state == WebhookDelivery.State.WAITING:
        raise DeliveryUnderWay
    _requeue(row.deliveries.filter(id=found.id))
    wake(row)
    _record("webhook.redelivered", row, actor, {"delivery": found.id, "count": 1})
    found.refresh_from_db()
    return found


@transaction.atomic
def redeliver_failed(*, actor: Actor, webhook: Webhook, since: datetime) -> int:
    """Send every failed delivery of an event since a moment again; returns how many."""
    require_permission(actor, "webhooks.redeliver", webhook)
    if not FIRST_YEAR <= since.year < LAST_YEAR:
        raise InvalidInput([{"path": "since", "code": "time.range", "message": said("give a time of these years")}])
    row = _locked(webhook)
    count = _requeue(row.deliveries.failed().filter(id__gte=uuid7_at(since)))
    wake(row)
    _record("webhook.redelivered", row, actor, {"since": since, "count": count})
    return count


@transaction.atomic
def delete_webhook(*, actor: Actor, webhook: Webhook) -> None:
    """Delete a webhook with its deliveries and its signing secret."""
    require_permission(actor, "webhooks.edit", webhook)
    row = locked_row(Webhook.objects.all(), webhook, "webhook")
    secret = Secret.objects.in_workspace(row.workspace_id).filter(slug=row.secret_slug).first()
    _record("webhook.deleted", row, actor, {"url": _origin(row)})
    row.delete()
    if secret is not None:
        delete_secret(secret=secret, actor=_with_vault(actor))


def _requeue(deliveries: Any) -> int:
    return int(deliveries.update(state=WebhookDelivery.State.WAITING, step=0, due_at=now(), ended_at=None))


def _locked(webhook: Webhook) -> Webhook:
    """The webhook, locked after its work: in the order in which a worker locks them."""
    writing.execute("SELECT 1 FROM runtime_work WHERE id = %s FOR UPDATE", [webhook.id])
    rows = Webhook.objects.select_related("workspace", "environment").select_for_update(no_key=True, of=("self",))
    found: Webhook | None = rows.filter(id=webhook.id).first()
    if found is None:
        raise NotFound(what="webhook")
    return found


def _secret(webhook: Webhook) -> Secret:
    found = Secret.objects.in_workspace(webhook.workspace_id).filter(slug=webhook.secret_slug).first()
    if found is None:
        raise Conflict(
            what=said(
                "The signing secret {slug!r} is gone; delete the webhook and make it anew.", slug=webhook.secret_slug
            )
        )
    return found


def _with_vault(actor: Actor) -> Actor:
    """The actor with what the deed on the webhook's own secret needs: it follows from the deed on the webhook."""
    return replace(actor, permissions=actor.permissions | {"secrets.write", "secrets.rotate"})


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    return reason.strip()


def shown_url(webhook: Webhook, actor: Actor) -> str:
    """The address for those who may change it; others see where it leads, since the rest may be the receiver's key."""
    return webhook.url if actor.may("webhooks.edit") else f"{_origin(webhook)}/…"


def _origin(webhook: Webhook) -> str:
    """Scheme and host of the address."""
    scheme, _sep, rest = webhook.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _facts(webhook: Webhook) -> dict[str, Any]:
    place = webhook.environment.slug if webhook.environment is not None else ""
    return {"url": _origin(webhook), "events": webhook.events, "environment": place}


def _record(action: str, webhook: Webhook, actor: Actor, details: Mapping[str, Any]) -> None:
    subject = ("webhook", webhook.id, webhook.slug)
    audit.record(action, actor=actor, workspace_id=webhook.workspace_id, subject=subject, details=details)
