"""From an event to those who are told of it: deliveries of webhooks, and mails to approvers and reviewers."""

from uuid import UUID

from django.db import transaction

from ipaas.core.clock import now
from ipaas.core.logging import get_logger
from ipaas.notices import reviewers
from ipaas.notices.approvers import mail_approvers
from ipaas.notices.models import Webhook, WebhookDelivery
from ipaas.notices.queueing import wake
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime import writing
from ipaas.runtime.engine import Engine
from ipaas.runtime.rows import Unit
from ipaas.runtime.store import Claimed

log = get_logger(__name__)

APPROVALS = frozenset({"ipaas.approval.waiting", "ipaas.approval.escalated", "ipaas.approval.delegated"})
MAILED = APPROVALS | reviewers.MAILED
"""Events that people are told of by mail, whoever else listens."""


def wanted(workspace_id: UUID) -> frozenset[str]:
    """The types of events that somebody listens to in a workspace."""
    chosen = Webhook.objects.in_workspace(workspace_id).values_list("events", flat=True)
    return MAILED.union(*chosen)


async def notice_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Spread one event; everything is written in one transaction, fenced there."""
    del unit
    await engine.in_thread(spread, claim)


def abandon_notice(claim: Claimed, message: str) -> None:
    """An event that can not be spread stays in the outbox for whoever reads the log."""
    log.error("event not spread", action="notice_abandoned", event_id=str(claim.id), reason=message)


@transaction.atomic
def spread(claim: Claimed) -> None:
    """Make the deliveries and mails of an event, under its claim."""
    writing.own(claim)
    event = OutboxEvent.objects.filter(id=claim.id).first()
    if event is not None:
        for webhook in Webhook.objects.for_event(event.workspace_id, event.type, event.environment_id):
            deliver(webhook, event)
        if event.type in APPROVALS:
            mail_approvers(event)
        if event.type in reviewers.MAILED:
            reviewers.mail_reviewers(event)
    writing.write_rows({"done": [(claim.id,)]})


def deliver(webhook: Webhook, event: OutboxEvent) -> WebhookDelivery:
    """The delivery of an event to a webhook, made and made due unless there is one already."""
    delivery, made = WebhookDelivery.objects.get_or_create(
        webhook=webhook,
        event_id=event.id,
        defaults={"workspace_id": webhook.workspace_id, "event_type": event.type, "due_at": now()},
    )
    if made:
        wake(webhook)
    return delivery
