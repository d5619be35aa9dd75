"""Pages of webhooks: made with a secret shown once, deliveries with their tries, deeds."""

from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.notices.models import DeliveryAttempt, Webhook, WebhookDelivery
from ipaas.vault.models import Secret
from tests.integration.web.conftest import Browsers

pytestmark = pytest.mark.django_db
LIST = "/w/acme/webhooks/"
ONE = f"{LIST}to/pager/"
FORM: dict[str, Any] = {
    "slug": "pager",
    "title": "Pager",
    "url": "https://example.com/in/k3y",
    "environment": "",
    "events": ["ipaas.run.dead_lettered", "ipaas.approval.waiting"],
}


@pytest.fixture
def builder(as_role: Browsers, environment: Environment) -> Client:
    return as_role("builder")


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def make(browser: Client, **changes: Any) -> Any:
    return browser.post(f"{LIST}new/", {**FORM, **changes}, follow=True)


def delivery_of(webhook: Webhook, **changes: Any) -> WebhookDelivery:
    given = {"state": "failed", "attempts": 1, "last_status": 500, "last_error": "the receiver answered 500", **changes}
    delivery = webhook.deliveries.create(
        workspace_id=webhook.workspace_id, event_id=uuid7(), event_type="ipaas.run.dead_lettered", **given
    )
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, at=now(), duration_ms=12, status=500, answer="<b>out of order</b>"
    )
    return delivery


def test_a_webhook_is_made_and_its_secret_shown_once(builder: Client, workspace: Workspace) -> None:
    assert "Nobody outside is told of anything" in text_of(builder.get(LIST))
    answer = make(builder)
    secret = answer.context["value"]
    assert (secret[:6], answer["Cache-Control"]) == ("whsec_", "no-store")
    webhook = Webhook.objects.get()
    assert (webhook.events, webhook.environment) == (sorted(FORM["events"]), None)
    assert Secret.objects.get(slug="webhook-pager").kind == Secret.Kind.SIGNING
    for page in (LIST, ONE, f"{ONE}edit/"):
        shown = text_of(builder.get(page))
        assert "Pager" in shown
        assert secret not in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://example.com/in"}, "must begin with https"),
        ({"url": "https://10.0.0.1/in"}, "refused"),
        ({"events": []}, "This field is required"),
        ({"slug": "-pager"}, "small letters"),
        ({"title": ""}, "This field is required"),
    ],
)
def test_a_fault_stands_beside_its_field(builder: Client, changes: dict[str, Any], words: str) -> None:
    answer = make(builder, **changes)
    assert (answer.status_code, Webhook.objects.count()) == (422, 0)
    assert words in text_of(answer)


def test_who_may_only_see_sees_where_it_leads(as_role: Browsers, builder: Client) -> None:
    make(builder)
    assert "https://example.com/in/k3y" in text_of(builder.get(ONE))
    shown = text_of(as_role("auditor").get(ONE))
    assert "https://example.com/…" in shown
    assert "k3y" not in shown
    assert "Send a test event" not in shown


def test_a_webhook_is_changed_paused_taken_up_rotated_and_deleted(builder: Client) -> None:
    first = make(builder).context["value"]
    form = {**FORM, "title": "The pager", "environment": "production"}
    assert builder.post(f"{ONE}edit/", form).status_code == 302
    webhook = Webhook.objects.get()
    assert (webhook.title, str(webhook.environment)) == ("The pager", "production")
    assert "say why" in text_of(builder.post(f"{ONE}pause/", {}, follow=True))
    assert "moving house" in text_of(builder.post(f"{ONE}pause/", {"reason": "moving house"}, follow=True))
    assert "Send a test event" not in text_of(builder.get(ONE))
    assert "told of events again" in text_of(builder.post(f"{ONE}resume/", {}, follow=True))
    second = builder.post(f"{ONE}rotate/", {"overlap": "24"}).context["value"]
    assert second != first
    builder.post(f"{ONE}delete/", follow=True)
    assert (Webhook.objects.count(), Secret.objects.count()) == (0, 0)


def test_deliveries_are_shown_with_their_tries_and_sent_again(as_role: Browsers, builder: Client) -> None:
    make(builder)
    delivery = delivery_of(Webhook.objects.get())
    shown = text_of(builder.get(f"{ONE}?state=failed"))
    assert "the receiver answered 500" in shown
    assert "the receiver answered 500" not in text_of(builder.get(f"{ONE}?state=delivered"))
    place = f"{ONE}deliveries/{delivery.id}/"
    shown = text_of(builder.get(place))
    assert "&lt;b&gt;out of order" in shown
    assert "The event is no longer kept." in shown
    operator = as_role("operator")
    assert "queued again" in text_of(operator.post(f"{place}redeliver/", follow=True))
    delivery.refresh_from_db()
    assert delivery.state == "waiting"
    assert "still waits" in text_of(operator.post(f"{place}redeliver/", follow=True))


def test_all_failed_ones_since_a_moment_are_sent_again(builder: Client) -> None:
    make(builder)
    delivery = delivery_of(Webhook.objects.get())
    assert "give a date" in text_of(builder.post(f"{ONE}redeliver/", {"since": "yesterday"}, follow=True))
    assert "give a time of these years" in text_of(
        builder.post(f"{ONE}redeliver/", {"since": "0001-01-01T00:00"}, follow=True)
    )
    builder.post(f"{ONE}redeliver/", {"since": f"{now():%Y-%m-%dT00:00}"})
    delivery.refresh_from_db()
    assert delivery.state == "waiting"


def test_a_test_event_is_a_delivery_like_any_other(builder: Client) -> None:
    make(builder)
    assert "A test event is on its way" in text_of(builder.post(f"{ONE}test/", follow=True))
    delivery = WebhookDelivery.objects.get()
    assert (delivery.event_type, delivery.state) == ("ipaas.webhook.test", "waiting")
    shown = builder.get(f"{ONE}deliveries/{delivery.id}/")
    assert shown.context["event"]["data"]["webhook"] == "pager"


def test_every_event_type_is_explained(builder: Client) -> None:
    shown = text_of(builder.get(f"{LIST}events/"))
    assert "ipaas.run.needs_operator" in shown
    assert "Only a person can say how a run goes on." in shown
