"""From an event to the receiver: what is sent, how it is signed, when it is tried again, and that nothing is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core import mail
from django.db import connection, transaction

from ipaas.accounts.services import create_environment
from ipaas.catalog.services import create_connection
from ipaas.catalog.state import connection_health
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.flows.services import pause_flow
from ipaas.notices import breakers, fanout, sending
from ipaas.notices.expiry import tell_expiring
from ipaas.notices.models import DeliveryAttempt, Webhook, WebhookDelivery
from ipaas.notices.retention import delete_ended
from ipaas.notices.schedule import DELAYS_S, DISABLE_AFTER
from ipaas.notices.services import (
    WithSecret,
    pause_webhook,
    redeliver,
    redeliver_failed,
    resume_webhook,
    rotate_webhook_secret,
    send_test_event,
    update_webhook,
)
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.models import Work
from ipaas.runtime.retention import apply_retention
from ipaas.sdk.signatures import STANDARD_WEBHOOKS, SignatureInvalid, verify
from ipaas.vault.services import create_secret
from tests.architecture.sources import ROOT
from tests.integration.notices.conftest import Came, Receiver, make_due
from tests.integration.runtime.conftest import World, call, conninfo, sql
from tests.integration.runtime.gateway import failed

SECRET_OF_THE_ORDER = "card-4111111111111111"


def signed_by(came: Came, *secrets: str) -> int:
    """Which of the secrets signed."""
    return verify(STANDARD_WEBHOOKS, headers=came.headers, body=came.body, secrets=secrets, now=now()).secret_index


def the(webhook: Webhook) -> WebhookDelivery:
    return WebhookDelivery.objects.get(webhook=webhook)


@pytest.mark.parametrize("title", ["", " ", "x" * 201, "Pager\r\nBcc: eve@example.com", "Pager\x1b[2J"])
def test_a_title_is_one_line(webhook: Webhook, title: str) -> None:
    with pytest.raises(InvalidInput):
        update_webhook(actor=SYSTEM, webhook=webhook, changes={"title": title})


def test_a_failed_run_is_told_as_a_signed_cloudevent_without_what_it_carried(
    world: World, receiver: Receiver, made: WithSecret
) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge")), {"id": "o-1", "card": SECRET_OF_THE_ORDER})
    (came,) = receiver.came
    event = came.event
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "ipaas.run.dead_lettered", "o-1")
    assert event["source"] == f"/w/{world.workspace.slug}/flow/{run_slug(run.id)}"
    assert event["data"]["run_id"] == str(run.id)
    assert (event["data"]["environment"], event["data"]["step"]) == ("production", "charge")
    assert came.headers["content-type"].startswith("application/cloudevents+json")
    assert came.headers["webhook-id"] == event["id"]
    assert signed_by(came, made.secret) == 0
    assert SECRET_OF_THE_ORDER.encode() not in came.body
    delivery = the(made.webhook)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 204)
    assert not Work.objects.exists()


def run_slug(run_id: Any) -> str:
    return str(
        sql("SELECT f.slug FROM flows_flow f JOIN runtime_run r ON r.flow_id = f.id WHERE r.id = %s", [run_id])[0][0]
    )


@pytest.mark.parametrize(
    ("gateway_fails", "failure", "event"),
    [
        (False, {}, "ipaas.run.succeeded"),
        (True, {}, "ipaas.run.dead_lettered"),
        (True, {"business_rejection": "compensate"}, "ipaas.run.compensated"),
    ],
)
def test_each_end_of_a_run_has_its_event(
    world: World, receiver: Receiver, webhook: Webhook, gateway_fails: bool, failure: dict[str, str], event: str
) -> None:
    changes = {"events": ["ipaas.run.succeeded", "ipaas.run.dead_lettered", "ipaas.run.compensated"]}
    update_webhook(actor=SYSTEM, webhook=webhook, changes=changes)
    if gateway_fails:
        world.gateway.on("charge", failed())
    world.play(world.flow(call("charge"), **({"failure": failure} if failure else {})))
    assert receiver.types == [event]


def test_what_nobody_listens_to_is_not_even_written(world: World) -> None:
    world.play(world.flow(call("charge")))
    assert not OutboxEvent.objects.exists()


def test_an_audited_deed_is_told_with_its_labels_and_not_its_reason(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    flow = world.flow(call("charge"))
    pause_flow(flow=flow, actor=SYSTEM, reason="the customer is furious")
    world.work()
    assert receiver.types == ["ipaas.flow.paused"]
    assert receiver.came[0].event["data"] == {"flow_id": str(flow.id), "flow": flow.slug, "by": "system"}


def test_a_deed_that_is_rolled_back_is_never_told(world: World, receiver: Receiver, webhook: Webhook) -> None:
    flow = world.flow(call("charge"))
    with transaction.atomic():
        pause_flow(flow=flow, actor=SYSTEM, reason="x")
        transaction.set_rollback(True)
    world.work()
    assert (receiver.came, OutboxEvent.objects.count()) == ([], 0)


def test_a_webhook_of_one_environment_hears_nothing_of_others(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    other = create_environment(workspace=world.workspace, slug="staging", name="Staging", actor=SYSTEM)
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"environment": other})
    world.play(world.flow(call("charge")))
    assert receiver.came == []
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"environment": world.environment})
    world.play(world.flow(call("charge"), slug="other"))
    assert receiver.types == ["ipaas.run.succeeded"]


def test_a_receiver_that_fails_is_tried_again_with_the_same_id_and_bytes(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answers = [500, (503, {"retry-after": "600"}, b"busy")]
    send_test_event(actor=SYSTEM, webhook=webhook)
    before = now()
    world.work()
    first = the(webhook)
    assert (first.state, first.attempts, first.last_error) == ("waiting", 1, "the receiver answered 500")
    assert first.due_at is not None
    assert DELAYS_S[0] <= (first.due_at - before).total_seconds() <= DELAYS_S[0] * 1.1 + 30
    work = Work.objects.get()
    assert (work.id, work.due_at, work.leased) == (webhook.id, first.due_at, False)
    make_due(webhook)
    before = now()
    world.work()
    second = the(webhook)
    assert second.due_at is not None
    assert (second.due_at - before).total_seconds() >= 600
    make_due(webhook)
    world.work()
    last = the(webhook)
    assert (last.state, last.attempts, last.due_at) == ("delivered", 3, None)
    assert len({one.headers["webhook-id"] for one in receiver.came}) == 1
    assert len({one.body for one in receiver.came}) == 1
    tries = [(one.number, one.status, one.answer) for one in last.tries.all()]
    assert tries == [(1, 500, ""), (2, 503, "busy"), (3, 204, "")]


def test_after_the_whole_schedule_a_delivery_has_failed_and_can_be_sent_again(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answers = [500] * (len(DELAYS_S) + 1)
    send_test_event(actor=SYSTEM, webhook=webhook)
    for _ in range(len(DELAYS_S) + 1):
        make_due(webhook)
        world.work()
    delivery = the(webhook)
    assert (delivery.state, delivery.attempts, delivery.due_at) == ("failed", len(DELAYS_S) + 1, None)
    assert not Work.objects.exists()
    redeliver(actor=SYSTEM, delivery=delivery)
    world.work()
    assert the(webhook).state == "delivered"
    assert len({one.headers["webhook-id"] for one in receiver.came}) == 1


def test_a_worker_that_dies_after_sending_sends_again_with_the_same_id(
    world: World, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came of the try is never written, as when the process is killed: the lease ends and the next one sends."""

    def dies(*_: object) -> None:
        raise SystemError

    send_test_event(actor=SYSTEM, webhook=webhook)
    with monkeypatch.context() as patched:
        patched.setattr(sending, "record_batch", dies)
        world.work()
    assert (len(receiver.came), the(webhook).state, the(webhook).attempts) == (1, "waiting", 0)
    assert Work.objects.filter(id=webhook.id).exists()
    make_due(webhook)
    world.work()
    assert the(webhook).state == "delivered"
    assert [one.headers["webhook-id"] for one in receiver.came] == [str(the(webhook).event_id)] * 2


_WORKER = """
import asyncio, sys, django
django.setup()
from ipaas.runtime.pump import Pump
from ipaas.runtime.tasks import HANDLERS

async def main():
    pump = Pump(sys.argv[1], handlers=HANDLERS)
    await pump.open()
    await pump.run_until_idle()

asyncio.run(main())
"""


def test_a_worker_killed_while_the_receiver_has_the_event_loses_nothing(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    """A process of its own gets SIGKILL in the moment in which the receiver has read what it sent."""
    given = connection.settings_dict
    address = f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    worker: list[subprocess.Popen[bytes]] = []
    receiver.on_request = lambda: worker[0].send_signal(signal.SIGKILL)
    send_test_event(actor=SYSTEM, webhook=webhook)
    environment = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "ipaas.settings"}
    worker.append(subprocess.Popen([sys.executable, "-c", _WORKER, conninfo()], env=environment, cwd=ROOT))
    assert worker[0].wait(timeout=60) == -signal.SIGKILL
    assert (len(receiver.came), the(webhook).state, the(webhook).attempts) == (1, "waiting", 0)
    receiver.on_request = lambda: None
    make_due(webhook)
    world.work()
    assert (the(webhook).state, the(webhook).attempts) == ("delivered", 1)
    assert [one.headers["webhook-id"] for one in receiver.came] == [str(the(webhook).event_id)] * 2


def test_a_worker_that_dies_while_it_spreads_an_event_makes_each_delivery_once(
    world: World, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_flow = world.flow(call("charge"))
    deliver = fanout.deliver

    def dies(*given: Any) -> None:
        deliver(*given)
        raise SystemError

    with monkeypatch.context() as patched:
        patched.setattr(fanout, "deliver", dies)
        world.play(run_flow)
    assert (WebhookDelivery.objects.count(), OutboxEvent.objects.count()) == (0, 1)
    world.make_due()
    world.work()
    assert (receiver.types, the(webhook).state) == (["ipaas.run.succeeded"], "delivered")


def test_a_claim_that_was_lost_records_nothing(world: World, receiver: Receiver, webhook: Webhook) -> None:
    """Another worker took over while this one waited for the answer: only the new one writes."""

    def take_over() -> None:
        with psycopg.connect(conninfo(), autocommit=True) as other:
            other.execute("UPDATE runtime_work SET fence = fence + 1 WHERE id = %s", [webhook.id])

    receiver.on_request = take_over
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    assert (the(webhook).state, the(webhook).attempts) == ("waiting", 0)


def test_both_secrets_sign_while_one_follows_the_other(world: World, receiver: Receiver, made: WithSecret) -> None:
    fresh = rotate_webhook_secret(actor=SYSTEM, webhook=made.webhook, overlap=timedelta(hours=1))
    send_test_event(actor=SYSTEM, webhook=made.webhook)
    world.work()
    assert signed_by(receiver.came[0], made.secret) == signed_by(receiver.came[0], fresh.secret) == 0
    last = rotate_webhook_secret(actor=SYSTEM, webhook=made.webhook, overlap=timedelta(0))
    send_test_event(actor=SYSTEM, webhook=made.webhook)
    world.work()
    assert signed_by(receiver.came[1], last.secret) == 0
    for old in (made.secret, fresh.secret):
        with pytest.raises(SignatureInvalid):
            signed_by(receiver.came[1], old)


def test_what_happens_while_paused_waits_and_is_sent_afterwards(
    world: World, receiver: Receiver, webhook: Webhook
) -> None:
    pause_webhook(actor=SYSTEM, webhook=webhook, reason="moving house")
    world.play(world.flow(call("charge")))
    assert (receiver.came, the(webhook).state) == ([], "waiting")
    resume_webhook(actor=SYSTEM, webhook=webhook)
    world.work()
    assert receiver.types == ["ipaas.run.succeeded"]


@pytest.mark.parametrize("gone", [False, True])
def test_a_webhook_that_fails_for_days_or_is_gone_is_disabled_and_the_admins_are_told(
    world: World, receiver: Receiver, webhook: Webhook, join: Callable[..., Actor], gone: bool
) -> None:
    join("anna", "admin"), join("olga", "operator")
    receiver.answers = [410 if gone else 500]
    if not gone:
        Webhook.objects.filter(id=webhook.id).update(failing_since=now() - DISABLE_AFTER)
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    webhook.refresh_from_db()
    assert webhook.state == Webhook.State.DISABLED
    assert ("410" if gone else "5 days") in webhook.state_reason
    assert [(one.to, one.subject) for one in mail.outbox] == [(["anna@example.com"], "Webhook disabled: Pager")]
    assert not Work.objects.exists()
    resume_webhook(actor=SYSTEM, webhook=webhook)
    world.work()
    assert the(webhook).state == "delivered"


def test_one_success_ends_a_row_of_failures(world: World, receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [500]
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    webhook.refresh_from_db()
    assert webhook.failing_since is not None
    make_due(webhook)
    world.work()
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.delivered_at is not None) == (None, True)


def test_failed_deliveries_since_a_moment_are_sent_again(world: World, receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [500, 500, 500]
    for _ in range(3):
        send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    sql("UPDATE notices_webhookdelivery SET state = 'failed', due_at = NULL")
    sql("DELETE FROM runtime_work")
    assert redeliver_failed(actor=SYSTEM, webhook=webhook, since=now() + timedelta(minutes=1)) == 0
    assert redeliver_failed(actor=SYSTEM, webhook=webhook, since=now() - timedelta(minutes=1)) == 3
    world.work()
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_secret_in_an_answer_is_masked_before_it_is_kept(world: World, receiver: Receiver, webhook: Webhook) -> None:
    create_secret(workspace=world.workspace, slug="k", fields={"token": "s3cr3t-token-value"}, actor=SYSTEM)
    receiver.answers = [(200, {}, b"you sent s3cr3t-token-value " + b"x" * 2000)]
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    answer = the(webhook).tries.get().answer
    assert answer.startswith("you sent ‹redacted:")
    assert ("s3cr3t" in answer, len(answer)) == (False, sending.KEPT_ANSWER)


def test_a_target_that_is_no_longer_allowed_is_not_called(world: World, receiver: Receiver, webhook: Webhook) -> None:
    world.workspace.settings = {}
    world.workspace.save()
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    assert (receiver.came, the(webhook).state) == ([], "waiting")
    assert "refused" in the(webhook).last_error


def test_a_redirect_is_a_failure_and_is_not_followed(world: World, receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [(302, {"location": receiver.url}, b"")]
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    assert (len(receiver.came), the(webhook).last_error) == (1, "the receiver answered 302")


def test_many_events_are_all_delivered(world: World, receiver: Receiver, webhook: Webhook) -> None:
    flow = world.flow(call("charge"))
    for number in range(sending.AT_ONCE * 2 + 3):
        world.start(flow, {"id": f"o-{number}"})
    world.work()
    subjects = {one.event["subject"] for one in receiver.came}
    assert len(receiver.came) == len(subjects) == sending.AT_ONCE * 2 + 3


def test_old_deliveries_are_deleted_with_their_attempts(world: World, receiver: Receiver, webhook: Webhook) -> None:
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    assert apply_retention().deleted["notices_webhookdelivery"] == 0
    assert delete_ended(now() - timedelta(minutes=1)) == 0
    assert (WebhookDelivery.objects.count(), DeliveryAttempt.objects.count()) == (1, 1)
    assert delete_ended(now() + timedelta(minutes=1)) == 1
    assert (WebhookDelivery.objects.count(), DeliveryAttempt.objects.count()) == (0, 0)


def test_an_error_names_no_path_of_the_address(world: World, receiver: Receiver, webhook: Webhook) -> None:
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"title": "Other"})
    sql("UPDATE notices_webhook SET url = 'http://127.0.0.1:1/k3y'")
    send_test_event(actor=SYSTEM, webhook=webhook)
    world.work()
    assert the(webhook).last_error
    assert "k3y" not in the(webhook).last_error


@pytest.mark.parametrize("deed", [pause_webhook, resume_webhook])
def test_a_deed_of_a_state_that_holds_already_is_refused(
    world: World, webhook: Webhook, deed: Callable[..., Webhook]
) -> None:
    if deed is pause_webhook:
        pause_webhook(actor=SYSTEM, webhook=webhook, reason="x")
    with pytest.raises(IpaasError, match="already"):
        deed(actor=SYSTEM, webhook=webhook, reason="x")


def test_a_secret_that_ends_soon_is_told_once_for_each_date(world: World, receiver: Receiver, webhook: Webhook) -> None:
    soon = now() + timedelta(days=3)
    create_secret(workspace=world.workspace, slug="k", fields={"token": "s3cr3t-token"}, actor=SYSTEM, expires_at=soon)
    later = now() + timedelta(days=60)
    create_secret(workspace=world.workspace, slug="l", fields={"token": "s3cr3t-token"}, actor=SYSTEM, expires_at=later)
    assert tell_expiring() == 0  # nobody listens: it stays to be told
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"events": ["ipaas.secret.expiring"]})
    assert (tell_expiring(), tell_expiring()) == (1, 0)
    world.work()
    (came,) = receiver.came
    assert (came.event["data"]["secret"], came.event["data"]["expires_at"]) == ("k", soon.isoformat())
    assert b"s3cr3t" not in came.body


def test_a_breaker_that_opens_and_closes_is_told_once_each(
    world: World, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = create_connection(
        environment=world.environment, slug="pay", connector="payments", actor=SYSTEM, base_url="https://pay.example"
    )
    health = connection_health(connection)
    shown = ["closed"]
    monkeypatch.setattr(
        breakers, "connections_health", lambda rows: [replace(health, known=True, breaker=shown[0]) for _ in rows]
    )
    shown[0] = "open"
    assert breakers.tell_breakers() == 0  # nobody listens
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"events": [breakers.OPENED, breakers.CLOSED]})
    assert [breakers.tell_breakers() for _ in range(2)] == [1, 0]
    shown[0] = "half open"
    assert breakers.tell_breakers() == 0
    shown[0] = "recovering"
    assert [breakers.tell_breakers() for _ in range(2)] == [1, 0]
    world.work()
    assert sorted(receiver.types) == [breakers.CLOSED, breakers.OPENED]
    assert {one.event["data"]["connection"] for one in receiver.came} == {"pay"}
