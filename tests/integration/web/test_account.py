"""The own password: changed with the present one, never mailed, on record in every workspace."""

from ipaddress import IPv6Address
from uuid import uuid4

import pytest
from django.test import Client

from ipaas.accounts.models import User, Workspace
from ipaas.audit.models import AuditEntry
from tests.factories.people import PASSWORD, make_member

CHANGE = "/accounts/password/change/"
NEW = "another long and good password"


@pytest.fixture
def dora(workspace: Workspace) -> User:
    return make_member(workspace, "dora@example.org", "operator", password=PASSWORD).user


@pytest.fixture
def browser(dora: User) -> Client:
    client = Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))
    client.force_login(dora)
    return client


def test_the_password_is_changed_and_other_sessions_end(browser: Client, dora: User, workspace: Workspace) -> None:
    elsewhere = Client()
    elsewhere.force_login(dora)
    answer = browser.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    dora.refresh_from_db()

    assert answer.headers["Location"] == "/profile/"
    assert dora.check_password(NEW)
    assert browser.get("/w/acme/connections/").status_code == 200
    assert elsewhere.get("/w/acme/connections/").status_code == 302
    entry = AuditEntry.objects.get(action="user.password_set")
    assert (entry.actor_label, entry.workspace_id) == ("dora@example.org", workspace.id)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"oldpassword": "wrong", "password1": NEW, "password2": NEW}, "current password"),
        ({"oldpassword": PASSWORD, "password1": "short", "password2": "short"}, "too short"),
        ({"oldpassword": PASSWORD, "password1": NEW, "password2": "other"}, "same password"),
        ({}, "required"),
    ],
    ids=["present", "weak", "differ", "nothing"],
)
def test_a_bad_change_is_refused_and_echoes_nothing(
    browser: Client, dora: User, given: dict[str, str], words: str
) -> None:
    answer = browser.post(CHANGE, given)
    dora.refresh_from_db()

    assert words in answer.content.decode()
    assert NEW not in answer.content.decode()
    assert dora.check_password(PASSWORD)


def test_the_form_is_for_those_who_signed_in(db: None) -> None:
    assert Client().get(CHANGE).headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("url", [CHANGE, "/accounts/reauthenticate/"])
def test_own_pages_are_shown_in_the_product_s_look(browser: Client, url: str) -> None:
    answer = browser.get(url)

    assert answer.status_code == 200
    assert "signin-box" in answer.content.decode()


def test_a_forgotten_password_leads_to_an_administrator(db: None) -> None:
    assert "/accounts/password/reset/" in Client().get("/accounts/login/").content.decode()
    assert "Ask an administrator" in Client().get("/accounts/password/reset/").content.decode()


def test_too_many_attempts_are_answered_with_a_message(dora: User) -> None:
    client = Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))
    page = ""
    for _ in range(7):
        page = client.post("/accounts/login/", {"login": dora.email, "password": "wrong"}).content.decode()

    assert "Too many" in page
    right = client.post("/accounts/login/", {"login": dora.email, "password": PASSWORD})
    assert right.status_code != 302
