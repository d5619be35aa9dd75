"""Sending deliveries: the due ones of a webhook a few at once, signed, through the one door out."""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ipaas.catalog.resolution import egress_of
from ipaas.core import clock
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import PUBLIC_ONLY, EgressPolicy, client_for_loop
from ipaas.notices.envelope import CONTENT_TYPE, envelope
from ipaas.notices.models import DeliveryAttempt, Webhook, WebhookDelivery
from ipaas.notices.schedule import DISABLE_AFTER, GONE, next_try
from ipaas.notices.services import FIELD, disable_webhook
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime import writing
from ipaas.runtime.endings import storable
from ipaas.runtime.engine import Engine
from ipaas.runtime.rows import Suspension, Unit
from ipaas.runtime.showing import shown_text
from ipaas.runtime.store import Claimed
from ipaas.sdk.errors import retry_after
from ipaas.sdk.signatures import STANDARD_WEBHOOKS, sign
from ipaas.vault.inbound import open_versions

log = get_logger(__name__)

AT_ONCE = 16
TIMEOUT_S = 15.0
MOST_ANSWER = 64 * 1024
KEPT_ANSWER = 500


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery about to be tried."""

    delivery_id: UUID
    event_id: UUID
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What is due of a webhook; ``problem`` is why nothing can be sent at all."""

    url: str = ""
    egress: EgressPolicy = PUBLIC_ONLY
    secrets: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try."""

    at: datetime
    duration_ms: float = 0.0
    status: int | None = None
    error: str = ""
    answer: str = ""
    retry_after_s: float | None = None
    lost: bool = False

    @property
    def delivered(self) -> bool:
        return not self.error


async def webhook_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Try what is due of a webhook and give its work back until the next is; never sleeps.

    A worker that dies after sending leaves the delivery waiting: it is sent again with the same ``webhook-id``.
    """
    del unit
    batch = await engine.in_thread(take_batch, claim.id)
    tried = await asyncio.gather(*(_try(batch, message) for message in batch.messages))
    await engine.in_thread(record_batch, claim, dict(zip(batch.messages, tried, strict=True)))


def abandon_webhook(claim: Claimed, message: str) -> None:
    """A webhook whose deliveries took workers down again and again waits for a person."""
    Webhook.objects.filter(id=claim.id).update(state=Webhook.State.PAUSED, state_reason=message)


def take_batch(webhook_id: UUID) -> Batch:
    """The due deliveries of an active webhook with everything that sending them needs."""
    webhook = Webhook.objects.select_related("workspace").filter(id=webhook_id, state=Webhook.State.ACTIVE).first()
    if webhook is None:
        return Batch()
    due = list(webhook.deliveries.waiting().filter(due_at__lte=clock.now()).order_by("due_at")[:AT_ONCE])
    if not due:
        return Batch()
    events = {event.id: event for event in OutboxEvent.objects.filter(id__in=[one.event_id for one in due])}
    bodies = {key: envelope(event, webhook.workspace.slug) for key, event in events.items()}
    messages = tuple(Message(one.id, one.event_id, bodies.get(one.event_id)) for one in due)
    try:
        opened = open_versions(webhook.workspace_id, webhook.secret_slug, purpose=f"webhook/{webhook.slug}")
    except IpaasError as error:
        return Batch(messages=messages, problem=error.detail)
    secrets = tuple(fields[FIELD] for fields in opened if FIELD in fields)
    problem = "" if secrets else "the signing secret has no live version"
    return Batch(webhook.url, egress_of(webhook.workspace.settings), secrets, messages, problem)


async def _try(batch: Batch, message: Message) -> Tried:
    moment = clock.now()
    if message.body is None:
        return Tried(moment, error="the event is no longer kept", lost=True)
    if batch.problem:
        return Tried(moment, error=batch.problem)
    started = time.perf_counter()
    try:
        signed = sign(
            STANDARD_WEBHOOKS, body=message.body, secrets=batch.secrets, now=moment, delivery_id=str(message.event_id)
        )
        headers = {"content-type": CONTENT_TYPE, "user-agent": "ipaas-webhooks/1", **signed}
        answer = await client_for_loop().call(
            "POST",
            batch.url,
            [(name.encode(), value.encode()) for name, value in headers.items()],
            message.body,
            egress=batch.egress,
            deadline_s=TIMEOUT_S,
            max_body=MOST_ANSWER,
        )
    except IpaasError as error:
        return Tried(moment, (time.perf_counter() - started) * 1000, error=error.detail)
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    return Tried(
        moment,
        (time.perf_counter() - started) * 1000,
        answer.status,
        "" if 200 <= answer.status < 300 else f"the receiver answered {answer.status}",
        answer.body.decode("utf-8", "replace"),
        retry_after(named, now=moment),
    )


@transaction.atomic
def record_batch(claim: Claimed, tried: dict[Message, Tried]) -> None:
    """Write what came of the tries under the claim, and when the webhook is due again."""
    writing.own(claim)
    webhook = Webhook.objects.select_for_update(no_key=True).filter(id=claim.id).first()
    if webhook is not None and tried:
        _record_all(webhook, tried)
    waiting = webhook.deliveries.waiting().order_by("due_at").values_list("due_at", flat=True) if webhook else ()
    due_at = next(iter(waiting[:1]), None) if webhook and webhook.state == Webhook.State.ACTIVE else None
    if due_at is None:
        writing.write_rows({"done": [(claim.id,)]})
    else:
        writing.write_rows({"suspend": [Suspension(claim.id, due_at, claim.wakes)]})


def _record_all(webhook: Webhook, tried: dict[Message, Tried]) -> None:
    rows = webhook.deliveries.waiting().select_for_update().in_bulk([message.delivery_id for message in tried])
    attempts = []
    for message, outcome in tried.items():
        delivery = rows.get(message.delivery_id)
        if delivery is not None:
            attempts.append(_record(delivery, outcome))
    DeliveryAttempt.objects.bulk_create(attempts)
    fields = ["state", "step", "attempts", "due_at", "last_status", "last_error", "ended_at"]
    WebhookDelivery.objects.bulk_update(rows.values(), fields)
    _judge(webhook, list(tried.values()))


def _record(delivery: WebhookDelivery, outcome: Tried) -> DeliveryAttempt:
    delivery.attempts += 1
    delivery.step += 1
    delivery.last_status, delivery.last_error = outcome.status, storable(outcome.error)[:1000]
    share = random.random()  # noqa: S311 - spreads load
    again = next_try(delivery.step, outcome.at, share=share, retry_after_s=outcome.retry_after_s)
    if outcome.delivered:
        delivery.state, delivery.due_at, delivery.ended_at = WebhookDelivery.State.DELIVERED, None, clock.now()
    elif again is None or outcome.lost:
        delivery.state, delivery.due_at, delivery.ended_at = WebhookDelivery.State.FAILED, None, clock.now()
    else:
        delivery.due_at = again
    return DeliveryAttempt(
        delivery=delivery,
        number=delivery.attempts,
        at=outcome.at,
        duration_ms=outcome.duration_ms,
        status=outcome.status,
        error=delivery.last_error,
        answer=shown_text(delivery.workspace_id, storable(outcome.answer))[:KEPT_ANSWER],
    )


def _judge(webhook: Webhook, tried: list[Tried]) -> None:
    """Since when a webhook fails, and whether it is given up."""
    moment = clock.now()
    if any(outcome.delivered for outcome in tried):
        webhook.failing_since, webhook.delivered_at = None, moment
    else:
        webhook.failing_since = webhook.failing_since or moment
    webhook.save(update_fields=["failing_since", "delivered_at"])
    if any(outcome.status == GONE for outcome in tried):
        disable_webhook(webhook, "the receiver says that the address is gone (410)")
    elif webhook.failing_since is not None and moment - webhook.failing_since >= DISABLE_AFTER:
        disable_webhook(webhook, f"no delivery succeeded for {DISABLE_AFTER.days} days")
