"""A vendor's document, its stub, and a connection to that: made, connected, changed and tried out in the browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import credentials, oauth
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.catalog.stand_in_place import StandIns, is_stand_in
from ipaas.catalog.threads import close_thread_connections
from ipaas.config import ROOT, settings
from ipaas.core.actor import SYSTEM
from ipaas.core.net import parse_url
from ipaas.vault.opening import forget_all
from tests.factories.descriptions import import_connector
from tests.factories.stub_server import Running
from tests.integration.web.conftest import Browsers
from tests.integration.web.test_connecting import come_back, leave

DOCUMENT = ROOT / "docs" / "how-to" / "harbour-desk.yaml"
ONE = "/w/acme/connections/in/production/harbour-desk/"
NEW = "/w/acme/connections/new/harbour-desk/"


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path))
    settings.cache_clear()
    running = Running(tmp_path)
    place = {"port": running.port, "smtp_port": 1, "token": "token", "signing_secret": "s"}
    (tmp_path / "stubs.json").write_text(json.dumps(place))
    yield running
    running.close()
    monkeypatch.undo()
    settings.cache_clear()
    close_thread_connections()
    credentials.forget_all()
    forget_all()
    oauth._held.clear()


@pytest.fixture
def builder(
    transactional_db: None, vendor: Running, workspace: Workspace, environment: Environment, as_role: Browsers
) -> Client:
    workspace.settings = {"egress_allow": [f"127.0.0.1:{vendor.port}"]}
    workspace.save()
    import_connector(workspace=workspace, slug="harbour-desk", source=DOCUMENT.read_bytes(), actor=SYSTEM)
    return as_role("builder")


def test_a_connection_to_a_stub_stays_at_the_stub(builder: Client, vendor: Running) -> None:
    stub = builder.post("/w/acme/stubs/harbour-desk/start/")["location"]
    assert f"{NEW}?to=stub" in builder.get(stub).content.decode()
    address = f"http://127.0.0.1:{vendor.port}/acme.harbour-desk"
    proposed = builder.get(f"{NEW}?to=stub").content.decode()
    assert address in proposed
    assert "account (OAuth 2, somebody says yes)" in proposed
    assert address not in builder.get(NEW).content.decode()
    made = {"slug": "harbour-desk", "base_url": address, "auth_scheme": "account"}
    assert builder.post(NEW, made)["location"] == f"{ONE}connect/"
    assert "Make a link" not in builder.get(f"{ONE}connect/").content.decode()
    assert builder.post(f"{ONE}connect/", {"field__client_id": "ipaas", "field__client_secret": "any-word-at-all"})

    consent = leave(builder, f"{ONE}connect/go/")
    assert consent.startswith(f"{address}/oauth/authorize?")  # the document names a page on another host
    assert builder.get(come_back(vendor, consent))["location"] == ONE
    assert OAuthToken.objects.get().granted == ["tickets.read", "tickets.write"]

    row = Connection.objects.get()
    changed = {**made, "secret": row.secret, "policy__rate__per_second": "50"}
    assert builder.post(f"{ONE}edit/", changed)["location"] == ONE
    row.refresh_from_db()
    assert (row.policy, row.secret) == ({"rate": {"per_second": 50.0}}, "harbour-desk-production")
    tried = builder.post(f"{ONE}try/", {"operation": "list_tickets", "params": "{}"}).content.decode()
    assert "The other side says yes" in tried


def test_only_the_address_of_the_stubs_is_theirs(vendor: Running, tmp_path: Path) -> None:
    at = f"127.0.0.1:{vendor.port}"
    assert is_stand_in(parse_url(f"http://{at}/acme.harbour-desk"))
    others = (f"http://localhost:{vendor.port}/", f"http://127.0.0.1:{vendor.port + 1}/", "https://127.0.0.1/")
    assert not any(is_stand_in(parse_url(one)) for one in others)
    (tmp_path / "stubs.json").unlink()
    assert not StandIns.chosen()
    assert not is_stand_in(parse_url(f"http://{at}/"))
