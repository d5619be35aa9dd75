"""Webhooks and approvals on the command line."""

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.ids import uuid7
from ipaas.notices.models import Webhook, WebhookDelivery
from tests.integration.cli.conftest import Run, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def webhook(run: Run, acme: Workspace, production: Environment) -> Webhook:
    made = told(
        run(
            "webhooks", "create", "pager", "--url", "https://example.com/in",
            "--event", "ipaas.run.dead_lettered", "--event", "ipaas.flow.paused", "--json",
        )
    )  # fmt: skip
    assert made["secret"].startswith("whsec_")
    return Webhook.objects.get(id=made["id"])


def test_webhooks_are_listed_changed_paused_rotated_deleted(run: Run, webhook: Webhook) -> None:
    assert "ipaas.run.needs_operator" in run("webhooks", "types").stdout
    assert "https://example.com/in" in run("webhooks", "list").stdout
    shown = told(run("webhooks", "show", "pager", "--json"))
    assert shown["events"] == ["ipaas.flow.paused", "ipaas.run.dead_lettered"]
    assert run("webhooks", "edit", "pager").exit_code == 2
    assert told(run("webhooks", "edit", "pager", "-e", "production", "--json"))["environment"] == "production"
    assert told(run("webhooks", "pause", "pager", "--reason", "x", "--json"))["state"] == "paused"
    assert told(run("webhooks", "resume", "pager", "--json"))["state"] == "active"
    assert told(run("webhooks", "rotate", "pager", "--overlap-hours", "1", "--json"))["secret"].startswith("whsec_")
    assert run("webhooks", "delete", "pager", "--yes").exit_code == 0
    assert not Webhook.objects.exists()


def test_deliveries_are_shown_and_sent_again(run: Run, webhook: Webhook) -> None:
    made = told(run("webhooks", "test", "pager", "--json"))
    assert [one["id"] for one in told(run("webhooks", "deliveries", "pager", "--json"))] == [made["id"]]
    assert told(run("webhooks", "delivery", made["id"], "--json"))["tries"] == []
    assert run("webhooks", "redeliver", "--delivery", made["id"]).exit_code == 1
    WebhookDelivery.objects.update(state="failed")
    assert told(run("webhooks", "redeliver", "--delivery", made["id"], "--json"))["state"] == "waiting"
    WebhookDelivery.objects.update(state="failed")
    done = told(run("webhooks", "redeliver", "pager", "--failed-since", "2026-01-01T00:00:00Z", "--json"))
    assert done == {"count": 1}
    assert run("webhooks", "redeliver", "pager").exit_code == 2
    assert run("webhooks", "delivery", str(uuid7())).exit_code == 4
