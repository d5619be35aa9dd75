"""Commands that connect connections, share, copy and hold them."""

import json

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog.endings import SOON
from ipaas.catalog.models import Connection, OAuthToken, OperationUse, ShareLink
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.vault.opening import open_secret
from tests.factories.people import make_member
from tests.integration.cli.conftest import Run, told

pytestmark = pytest.mark.django_db(transaction=True)
VALUE = "pk_live_never_in_an_argument"


@pytest.fixture
def payments(production: Environment) -> Connection:
    return create_connection(environment=production, slug="payments", connector="payments", actor=SYSTEM)


def test_a_credential_is_read_from_standard_input_and_never_shown(run: Run, payments: Connection) -> None:
    field = "token"
    assert run("connections", "connect", "payments").exit_code == 2
    assert run("connections", "connect", "payments", "--stdin-json", stdin="no").exit_code == 2
    done = run("connections", "connect", "payments", "--stdin-json", stdin=json.dumps({field: VALUE}))
    assert (done.exit_code, VALUE in done.output) == (0, False), done.output
    payments.refresh_from_db()
    assert open_secret(payments.workspace_id, payments.secret, purpose="test")[field] == VALUE
    again = run("connections", "connect", "payments", "--field", field, stdin=f"{VALUE}2\n")
    assert (again.exit_code, VALUE in again.output) == (0, False), again.output
    assert run("connections", "connect", "payments", "--stdin-json", stdin='{"no_such": "x"}').exit_code == 1


def test_a_link_is_shared_listed_and_revoked(run: Run, payments: Connection) -> None:
    shared = run("connections", "share", "payments", "--note", "for Bob", "--hours", "2")
    assert shared.stdout.startswith("http"), shared.output
    link = ShareLink.objects.get()
    listed = run("connections", "shares", "payments")
    assert (str(link.id) in listed.stdout, "for Bob" in listed.stdout, "open" in listed.stdout) == (True, True, True)
    assert run("connections", "shares", "payments", "--revoke", str(link.id)).stdout == "the link is revoked\n"
    assert run("connections", "shares", "payments", "--revoke", str(link.id)).exit_code == 1
    assert told(run("connections", "shares", "payments", "--json"))[0]["state"] == "revoked"
    assert run("connections", "share", "payments", "--hours", "0").exit_code == 2


def test_a_connection_is_copied_without_its_secret(run: Run, payments: Connection, acme: Workspace) -> None:
    Environment.objects.create(workspace=acme, slug="staging", name="Staging")
    Connection.objects.update(secret="pay-key", secret_origin="https://api.kestrelpay.example")
    done = run("connections", "clone", "payments", "--to", "staging", "--as", "pay-too")
    assert done.stdout == "connection pay-too in staging is made; connect it next\n"
    made = Connection.objects.get(slug="pay-too")
    assert (made.environment.slug, made.secret, made.config) == ("staging", "", payments.config)
    assert run("connections", "clone", "payments", "--to", "staging", "--as", "pay-too").exit_code == 1
    assert run("connections", "clone", "payments", "--to", "mars").exit_code == 4


def test_access_tells_scopes_ends_and_warnings(run: Run, payments: Connection) -> None:
    Connection.objects.update(auth_scheme="sign-in")
    OAuthToken.objects.create(connection=payments, granted=["admin"], sealed=b"x", connected_by="Alice")
    OperationUse.objects.create(
        connection=payments, operation="create_charge", last_called_at=now(), sunset_at=now() + SOON
    )
    shown = run("connections", "access", "payments")
    assert shown.exit_code == 0, shown.output
    for wanted in ("Alice", "admin (granted)", "create_charge", "WARNING", "It may administer the other side"):
        assert wanted in shown.output, wanted
    found = told(run("connections", "access", "payments", "--json"))
    assert (found["connected"], found["endings"][0]["operation"]) == (True, "create_charge")


def test_a_connection_is_paused_and_resumed_with_a_reason(run: Run, payments: Connection) -> None:
    assert run("connections", "pause", "payments").exit_code == 2
    assert run("connections", "pause", "payments", "--reason", "sale").stdout.endswith("is paused: calls wait\n")
    payments.refresh_from_db()
    assert (payments.forced_breaker, payments.forced_reason) == ("open", "sale")
    assert run("connections", "resume", "payments", "--reason", "over").stdout.endswith("is resumed\n")
    payments.refresh_from_db()
    assert payments.forced_breaker == ""
    assert AuditEntry.objects.filter(action="connection.breaker_forced").count() == 2


def test_a_connection_is_handed_to_another_member(run: Run, payments: Connection, acme: Workspace) -> None:
    make_member(acme, "bob@example.org", "builder")
    changed = told(run("connections", "update", "payments", "--owner", "Bob@example.org", "--json"))
    assert changed["owner"] == "bob@example.org"
    assert "bob@example.org" in run("connections", "show", "payments").stdout
    assert AuditEntry.objects.get(action="connection.changed").details["owner"] == "bob@example.org"
    refused = run("connections", "update", "payments", "--owner", "charlie@example.org")
    assert (refused.exit_code, "invite the person first" in refused.output) == (1, True)
    assert told(run("connections", "update", "payments", "--owner", "", "--json"))["owner"] == ""
