"""What vendors let end, on the pages of the catalog, of connections and of flows; who looks after a connection."""

from datetime import timedelta

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog.endings import near_sunset
from ipaas.catalog.models import Connection, OperationUse
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.vault.models import Secret
from tests.factories.people import make_member
from tests.integration.catalog.test_releases import update
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import published

ONE = "/w/acme/connections/in/production/payments/"
VALUES = {"amount_minor": 500, "currency": "EUR", "reference": "SO-1", "payment_token": "tok_1"}
CHARGE = {"id": "charge", "call": {"connection": "payments", "action": "create_charge", "with": VALUES}}
AGES = [(-1, True, True), (0, True, False), (90, True, False), (91, False, None)]


@pytest.fixture
def admin(as_role: Browsers, connection: Connection) -> Client:
    return as_role("admin")


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


@pytest.mark.parametrize(("days", "near", "over"), AGES)
def test_an_end_is_near_ninety_days_before(days: int, near: bool, over: bool | None) -> None:
    found = near_sunset((now().date() + timedelta(days=days)).isoformat())
    assert (found is not None, found.over if found else None) == (near, over)
    assert near_sunset("") is None


def test_an_end_of_the_api_is_warned_of(
    admin: Client, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the catalog, at the connector, and among the warnings of its connections."""
    day = now().date() + timedelta(days=30)
    update(monkeypatch, api_sunset=day.isoformat(), api_version="2026-01")
    create_connection(environment=environment, slug="shop", connector="loyalty", actor=SYSTEM)
    assert "API ends" in text(admin, "/w/acme/catalog/")
    assert "2026-01 ends on" in text(admin, "/w/acme/catalog/of/loyalty/")
    assert f"2026-01 ends on {day.isoformat()}" in text(admin, "/w/acme/connections/in/production/shop/")
    update(monkeypatch, api_sunset=(now().date() - timedelta(days=3)).isoformat(), api_version="2026-01")
    assert "2026-01 ended on" in text(admin, "/w/acme/catalog/of/loyalty/")


def test_an_announced_end_is_shown_at_the_connector_and_its_flows(
    admin: Client, workspace: Workspace, connection: Connection
) -> None:
    published(workspace, "flows", slug="orders", steps=[CHARGE])
    published(workspace, "flows", slug="others")
    places = ("/w/acme/catalog/of/payments/", "/w/acme/flows/orders/", "/w/acme/flows/others/")
    assert not any("announces the end" in text(admin, place) for place in places)
    OperationUse.objects.create(
        connection=connection,
        operation="create_charge",
        last_called_at=now(),
        sunset_at=now() + timedelta(days=30),
        notice_url="https://docs.vendor.example/end",
    )
    shown = [text(admin, place) for place in places]
    assert ["announces the end of create_charge" in page for page in shown] == [True, True, False]
    assert ["https://docs.vendor.example/end" in page for page in shown] == [True, True, False]


def test_a_connection_is_handed_to_another_member(admin: Client, workspace: Workspace, connection: Connection) -> None:
    bob = make_member(workspace, "bob@example.org", "builder").user
    assert "bob@example.org" in text(admin, f"{ONE}edit/")
    form = {name: getattr(connection, name) for name in ("title", "base_url", "auth_scheme", "secret")}
    assert admin.post(f"{ONE}edit/", {**form, "owner": "bob@example.org"}).status_code == 302
    connection.refresh_from_db()
    assert connection.owner == bob
    assert "bob@example.org" in text(admin, ONE)
    assert admin.post(f"{ONE}edit/", {**form, "owner": "charlie@example.org"}).status_code == 422
    assert admin.post(f"{ONE}edit/", {**form, "owner": ""}).status_code == 302
    connection.refresh_from_db()
    assert connection.owner is None


def test_a_connection_is_copied_from_its_page(admin: Client, workspace: Workspace, connection: Connection) -> None:
    assert f"{ONE}clone/" not in text(admin, ONE)  # there is nowhere to copy it to
    Environment.objects.create(workspace=workspace, slug="staging", name="Staging", position=9)
    page = text(admin, ONE)
    assert (f"{ONE}clone/" in page, 'value="staging"' in page) == (True, True)
    answer = admin.post(f"{ONE}clone/", {"to": "staging"})
    made = Connection.objects.get(environment__slug="staging")
    assert answer["Location"] == "/w/acme/connections/in/staging/payments/"
    assert (made.title, made.config, made.secret) == (connection.title, connection.config, "")
    assert Secret.objects.filter(slug=connection.secret).exists()
    assert "already" in admin.post(f"{ONE}clone/", {"to": "staging"}, follow=True).content.decode()
    assert admin.post(f"{ONE}clone/", {"to": "mars"}).status_code == 404
