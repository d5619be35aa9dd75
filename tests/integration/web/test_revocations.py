"""The page of a connection says which old credentials are still good at the vendor, and lets people see to it."""

from datetime import timedelta

import pytest
from django.test import Client

from ipaas.audit.models import AuditEntry
from ipaas.catalog import hook_calls, revocations
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.revocations import await_revocation
from ipaas.core.clock import now
from ipaas.vault.models import Secret
from tests.integration.web.conftest import Browsers

ONE = "/w/acme/connections/in/production/payments/"
KEY = "key-00000001-of-the-vendor"


@pytest.fixture
def waiting(connection: Connection, secret: Secret) -> Revocation:
    await_revocation(connection, "find_charge", b'{"charge_id": "%s"}' % KEY.encode(), secret=secret, due_at=now())
    return Revocation.objects.get()


@pytest.fixture
def refused(waiting: Revocation, monkeypatch: pytest.MonkeyPatch) -> Revocation:
    def no(*_: object) -> None:
        raise hook_calls.ProviderRefused(connection="payments", reason=f"{KEY} may not be deleted by this key")

    monkeypatch.setattr(revocations, "called", no)
    assert revocations.revoke_due() == 0
    waiting.refresh_from_db()
    return waiting


def test_what_is_not_ended_is_shown_with_the_reason_and_what_to_do(as_role: Browsers, refused: Revocation) -> None:
    builder = as_role("builder")
    text = builder.get(ONE).content.decode()
    assert "An old credential is still good at the vendor" in text
    assert "Version 1 of pay-key was replaced" in text
    assert "‹secret› may not be deleted by this key" in text
    assert KEY not in text
    on_the_secret = builder.get("/w/acme/vault/secrets/pay-key/").content.decode()
    assert "Version 1 was replaced, and the vendor has not ended it" in on_the_secret
    assert f'href="{ONE}"' in on_the_secret
    german = builder.get(ONE, headers={"accept-language": "de"}).content.decode()
    assert "Alte Zugangsdaten gelten beim Anbieter weiterhin" in german
    reader = as_role("operator").get(ONE).content.decode()
    assert ("Version 1 of pay-key was replaced" in reader, "Try again now" in reader) == (True, False)


def test_a_person_has_it_tried_again_or_says_that_it_is_ended(as_role: Browsers, refused: Revocation) -> None:
    builder, place = as_role("builder"), f"{ONE}revocations/{refused.id}/"
    answer = builder.post(f"{place}retry/", follow=True).content.decode()
    assert "may not be deleted by this key" in answer
    assert Revocation.objects.get().tries == 2
    assert "say why" in builder.post(f"{place}settle/", follow=True).content.decode()
    assert builder.post(f"{place}settle/", {"reason": "done by hand"}).status_code == 302
    assert not Revocation.objects.exists()
    assert AuditEntry.objects.get(action="connection.revocation_settled").details["reason"] == "done by hand"
    assert builder.post(f"{place}retry/").status_code == 404


def test_before_its_time_is_over_it_is_said_when_that_is(as_role: Browsers, waiting: Revocation) -> None:
    Revocation.objects.update(due_at=now() + timedelta(days=1))
    text = as_role("builder").get(ONE).content.decode()
    assert "An old credential is good until its overlap is over" in text
    assert "End it now" in text


def test_nobody_else_deals_with_it(as_role: Browsers, stranger: Client, waiting: Revocation) -> None:
    place = f"{ONE}revocations/{waiting.id}/"
    operator = as_role("operator")
    for deed in ("retry/", "settle/"):
        assert operator.post(place + deed, {"reason": "x"}).status_code == 403
        assert stranger.post(place + deed, {"reason": "x"}).status_code == 404
        elsewhere = place.replace("acme", "globex")
        assert stranger.post(elsewhere + deed, {"reason": "x"}).status_code == 404
    assert Revocation.objects.count() == 1
