"""Connecting in the browser, against a vendor that checks codes, verifiers and addresses; and what attackers try."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import credentials, oauth, services
from ipaas.catalog.connecting import create_share_link
from ipaas.catalog.models import Authorization, Connection, OAuthToken, ShareLink
from ipaas.catalog.threads import close_thread_connections
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import Conflict
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_all, open_secret
from tests.factories.stub_server import Running
from tests.integration.web.conftest import Browsers

ONE = "/w/acme/connections/in/production/payments/"
CONNECT, GO = f"{ONE}connect/", f"{ONE}connect/go/"
CLIENT_SECRET = "client-secret-9c1f-never-shown"
CALLBACK = "http://testserver/connect/callback/"


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


@pytest.fixture
def row(
    transactional_db: None, vendor: Running, workspace: Workspace, environment: Environment
) -> Iterator[Connection]:
    workspace.settings = {"egress_allow": [f"127.0.0.1:{vendor.port}"]}
    workspace.save()
    yield services.create_connection(
        environment=Environment.objects.select_related("workspace").get(id=environment.id),
        slug="payments",
        connector="payments",
        auth_scheme="sign-in",
        base_url=f"http://127.0.0.1:{vendor.port}/payments",
        actor=SYSTEM,
    )
    close_thread_connections()
    credentials.forget_all()
    forget_all()
    oauth._held.clear()


@pytest.fixture
def alice(as_role: Browsers, row: Connection) -> Client:
    """A builder who has entered the client's id and secret."""
    browser = as_role("builder")
    fields = {"field__client_id": "client-1", "field__client_secret": CLIENT_SECRET}
    assert browser.post(CONNECT, fields).status_code == 302
    return browser


def leave(browser: Client, where: str = GO) -> str:
    """The vendor's address that the page leads to."""
    answer = browser.post(where)
    assert answer.status_code == 200
    found = re.search(r'href="(http://127[^"]+)"', answer.content.decode())
    assert found is not None
    return html.unescape(found[1])


def come_back(vendor: Running, address: str, decision: str = "allow") -> str:
    """The path that the vendor sends the browser to."""
    status, headers, _ = vendor.get(f"{address}&decision={decision}")
    assert status == 302
    assert headers["location"].startswith(CALLBACK)
    return headers["location"].removeprefix("http://testserver")


def stored(row: Connection) -> OAuthToken:
    return OAuthToken.objects.get(connection=row)


def everything_stored() -> str:
    """Every row of every table as text."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - names of our own tables
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_somebody_says_yes_and_calls_go_out_with_the_token(alice: Client, vendor: Running, row: Connection) -> None:
    shown = alice.get(CONNECT).content.decode()
    assert CALLBACK in shown
    address = leave(alice)
    asked = parse_qs(urlsplit(address).query)
    assert asked["redirect_uri"] == [CALLBACK]
    assert asked["code_challenge_method"] == ["S256"]
    assert b"Allow" in vendor.get(address)[2]

    answer = alice.get(come_back(vendor, address))

    assert (answer.status_code, answer["location"]) == (302, ONE)
    token = stored(row)
    assert (token.number, token.renewable, token.granted) == (1, True, ["charges.read", "charges.write"])
    assert services.test_connection(connection=Connection.objects.get(id=row.id), actor=SYSTEM).kind == "ok"
    OAuthToken.objects.update(expires_at=now())
    oauth.forget_token(row.id)
    assert services.test_connection(connection=Connection.objects.get(id=row.id), actor=SYSTEM).kind == "ok"
    assert stored(row).number == 2
    assert vendor.authority("payments").requests == ["authorization_code", "refresh_token"]
    rows = everything_stored()
    assert b"client-1".hex() not in rows
    assert "charges.read" in rows  # the sweep finds what is there
    pages = alice.get(ONE).content.decode() + alice.get(CONNECT).content.decode()
    for secret in (CLIENT_SECRET, *vendor.authority("payments").refresh_tokens):
        assert secret not in pages
        assert secret not in rows
        assert secret.encode().hex() not in rows


def test_a_state_counts_once(alice: Client, vendor: Running, row: Connection) -> None:
    back = come_back(vendor, leave(alice))
    alice.get(back)
    before = bytes(stored(row).sealed or b"")
    assert alice.get(back).status_code == 400
    assert bytes(stored(row).sealed or b"") == before


def test_a_state_counts_in_the_browser_that_left_only(
    alice: Client, as_role: Browsers, vendor: Running, row: Connection
) -> None:
    back = come_back(vendor, leave(alice))
    other = as_role("admin")
    other.get(CONNECT)
    for browser in (other, Client()):
        assert browser.get(back).status_code == 400
    assert not OAuthToken.objects.exclude(sealed=None).exists()
    assert alice.get(back).status_code == 302


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?state=%00&code=%ff", "?state=" + "s" * 5000])
def test_an_answer_that_nobody_waits_for_is_refused(alice: Client, row: Connection, query: str) -> None:
    assert alice.get(f"/connect/callback/{query}").status_code == 400


def test_a_state_ends_after_ten_minutes(alice: Client, vendor: Running, row: Connection) -> None:
    back = come_back(vendor, leave(alice))
    Authorization.objects.update(expires_at=now() - timedelta(seconds=1))
    assert alice.get(back).status_code == 400


def test_a_foreign_code_is_of_no_use(alice: Client, vendor: Running, row: Connection) -> None:
    """Code injection: the verifier of this browser does not fit the code of another."""
    mine, theirs = come_back(vendor, leave(alice)), come_back(vendor, leave(alice))
    code, state = (parse_qs(urlsplit(one).query)[name][0] for one, name in ((theirs, "code"), (mine, "state")))
    answer = alice.get("/connect/callback/", {"code": code, "state": state})
    assert answer.status_code == 422
    assert "invalid_grant" in answer.content.decode()
    assert not OAuthToken.objects.exclude(sealed=None).exists()


def test_a_no_keeps_what_was_connected_before(alice: Client, vendor: Running, row: Connection) -> None:
    alice.get(come_back(vendor, leave(alice)))
    before = bytes(stored(row).sealed or b"")
    answer = alice.get(come_back(vendor, leave(alice), "deny"))
    assert answer.status_code == 422
    assert "access_denied" in answer.content.decode()
    evil = parse_qs(urlsplit(leave(alice)).query)["state"][0]
    answer = alice.get(
        "/connect/callback/", {"state": evil, "error": "<script>x</script>", "next": "https://evil.test"}
    )
    assert answer.status_code == 422
    assert "<script>x" not in answer.content.decode()
    assert bytes(stored(row).sealed or b"") == before


def test_a_connection_that_was_changed_meanwhile_takes_no_code(
    alice: Client, vendor: Running, row: Connection, workspace: Workspace
) -> None:
    back = come_back(vendor, leave(alice))
    changes = {"base_url": f"http://127.0.0.1:{vendor.port}/inventory"}
    services.update_connection(connection=row, changes={**changes, "secret": "payments-production"}, actor=SYSTEM)
    assert alice.get(back).status_code == 400


def test_fields_of_a_scheme_are_entered_kept_and_never_shown(as_role: Browsers, row: Connection) -> None:
    services.update_connection(connection=row, changes={"auth_scheme": "api-key"}, actor=SYSTEM)
    browser = as_role("builder")
    assert browser.post(CONNECT, {"field__token": ""}).status_code == 422
    assert browser.post(CONNECT, {"field__token": "tok-1-never-shown", "field__tls_ca": "no pem"}).status_code == 422
    assert not Secret.objects.exists()
    assert browser.post(CONNECT, {"field__token": "tok-1-never-shown"}).status_code == 302
    made = Connection.objects.get(id=row.id)
    assert (made.secret, made.secret_origin) == ("payments-production", made.base_url.removesuffix("/payments"))
    assert "tok-1-never-shown" not in browser.get(CONNECT).content.decode()
    assert browser.post(CONNECT, {"field__token": "tok-2-never-shown"}).status_code == 302
    assert Secret.objects.get().current_version == 2
    assert open_secret(made.workspace_id, made.secret, purpose="test") == {"token": "tok-2-never-shown"}


def share(browser: Client) -> str:
    """The path of a new link."""
    found = re.search(
        r"http://testserver(/connect/link/[^<\"]+)", browser.post(f"{ONE}share/", {"note": "Bob"}).content.decode()
    )
    assert found is not None
    return html.unescape(found[1])


def test_a_partner_connects_by_a_link_without_an_account(alice: Client, vendor: Running, row: Connection) -> None:
    link, partner = share(alice), Client()
    shown = partner.get(link, follow=True)
    assert shown.status_code == 200
    assert CLIENT_SECRET not in shown.content.decode()
    back = come_back(vendor, leave(partner, "/connect/go/"))
    assert Client().get(back).status_code == 400
    assert partner.get(back, follow=True).status_code == 200
    assert stored(row).number == 1
    assert AuditEntry.objects.filter(action="connection.connected", actor_label__contains="share link of").exists()
    assert partner.get(link, follow=True).status_code == 410
    assert alice.get(CONNECT).status_code == 200


def test_a_partner_enters_a_whole_credential_and_nothing_else(as_role: Browsers, row: Connection) -> None:
    services.update_connection(connection=row, changes={"auth_scheme": "api-key"}, actor=SYSTEM)
    alice, partner = as_role("builder"), Client()
    partner.get(share(alice))
    assert partner.post("/connect/", {}).status_code == 422
    assert partner.post("/connect/", {"field__token": "theirs-never-shown", "field__tls_ca": "x"}).status_code == 302
    assert partner.post("/connect/", {"field__token": "again"}).status_code == 410
    made = Connection.objects.get(id=row.id)
    assert open_secret(made.workspace_id, made.secret, purpose="test") == {"token": "theirs-never-shown"}
    assert "theirs-never-shown" not in alice.get(CONNECT).content.decode()


def test_a_link_that_ended_opens_nothing(alice: Client, vendor: Running, row: Connection) -> None:
    first, second = share(alice), share(alice)
    Client().get(first)
    link = ShareLink.objects.order_by("created_at").first()
    assert link is not None
    assert alice.post(f"{ONE}share/{link.id}/revoke/").status_code == 302
    ShareLink.objects.exclude(id=link.id).update(expires_at=now())
    tampered = second[:-2] + ("a" if second[-2] != "a" else "b") + second[-1]
    for path in (first, second, tampered, "/connect/link/x/", "/connect/link/%00/"):
        browser = Client()
        assert browser.get(path, follow=True).status_code == 410, path
        assert browser.post("/connect/go/").status_code == 410


def test_a_link_revoked_while_somebody_is_away_connects_nothing(
    alice: Client, vendor: Running, row: Connection
) -> None:
    partner = Client()
    partner.get(share(alice))
    back = come_back(vendor, leave(partner, "/connect/go/"))
    ShareLink.objects.update(revoked_at=now())
    assert partner.get(back).status_code == 400
    assert not OAuthToken.objects.exclude(sealed=None).exists()


def test_who_may_not_enter_secrets_makes_no_link(as_role: Browsers, row: Connection) -> None:
    viewer = as_role("viewer")
    assert [viewer.post(path).status_code for path in (f"{ONE}share/", GO, CONNECT)] == [403, 403, 403]
    services.update_connection(connection=row, changes={"connector": "http", "auth_scheme": "none"}, actor=SYSTEM)
    with pytest.raises(Conflict):
        create_share_link(connection=Connection.objects.get(id=row.id), actor=SYSTEM)
