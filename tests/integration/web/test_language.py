"""The language of the pages: the person's own, else the browser's; programs are answered in English."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import translation

from ipaas.accounts.models import Environment, User, Workspace
from ipaas.catalog.errors import ConnectionDisabled
from ipaas.web import rendering
from ipaas.web.pages.support import told_error
from tests.factories.people import make_member

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 29, 12, 0, 5, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=workspace, slug="production", name="Production")
    return make_member(workspace, "alice@example.org", "admin").user


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def heading(client: Client, **headers: str) -> str:
    page = client.get("/w/acme/connections/", headers=headers)
    assert page.status_code == 200
    return page.content.decode().partition("<h1>")[2].partition("</h1>")[0].strip()


def test_the_browser_decides_until_a_language_is_chosen(browser: Client, alice: User) -> None:
    assert heading(browser) == "Connections"
    assert heading(browser, accept_language="de-CH,de;q=0.9,en;q=0.5") == "Verbindungen"
    assert heading(browser, accept_language="fr") == "Connections"

    answer = browser.post("/profile/language/", {"language": "de", "next": "/w/acme/connections/"})

    alice.refresh_from_db()
    assert (answer.headers["Location"], alice.language) == ("/w/acme/connections/", "de")
    assert heading(browser, accept_language="en") == "Verbindungen"


def test_the_choice_is_remembered_before_sign_in(browser: Client) -> None:
    browser.post("/profile/language/", {"language": "de"})
    browser.post("/accounts/logout/")

    page = browser.get("/accounts/login/")

    assert '<html lang="de"' in page.content.decode()
    assert page.headers["Content-Language"] == "de"


def test_an_unknown_language_is_refused(browser: Client, alice: User) -> None:
    assert browser.post("/profile/language/", {"language": "xx"}).status_code == 404
    alice.refresh_from_db()
    assert alice.language == ""


def test_programs_are_answered_in_english(browser: Client, alice: User) -> None:
    alice.language = "de"
    alice.save()

    answer = browser.get("/api/v1/connections/nowhere/none", headers={"accept_language": "de"})

    assert answer.headers["Content-Language"] == "en"
    assert answer.json()["title"] == "Not found"


def test_no_request_leaves_its_language_behind(browser: Client) -> None:
    heading(browser, accept_language="de")

    assert translation.get_language() == "en"


def test_every_page_says_its_language_and_the_words_of_its_scripts(browser: Client) -> None:
    page = browser.get("/w/acme/stubs/", headers={"accept_language": "de"}).content.decode()

    assert '<html lang="de"' in page
    assert '"ago": "vor %(amount)s"' in page


@pytest.mark.parametrize(
    ("language", "ago", "exact", "took", "size"),
    [
        ("en", "3 d ago", "2026-11-26 12:00:05 UTC", "2.4 s", "1,240.5"),
        ("de", "vor 3 Tg.", "26.11.2026 12:00:05 UTC", "2,4 s", "1.240,5"),
    ],
)
def test_times_and_numbers_are_written_as_the_language_does(
    language: str, ago: str, exact: str, took: str, size: str
) -> None:
    moment = NOON - timedelta(days=3)
    with translation.override(language):
        assert rendering.relative_time(moment, NOON) == ago
        assert rendering.exact_time(moment) == exact
        assert rendering.duration(2400) == took
        assert rendering.number(1240.5) == size


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_form_sends_dates_as_the_browser_writes_them(browser: Client, language: str) -> None:
    browser.post("/profile/language/", {"language": language})
    form = {"slug": "token", "description": "", "expires_on": "2027-01-31", "value__token": "s3cret-value"}
    made = browser.post("/w/acme/vault/new/?for=own&names=token", form)
    assert made.status_code == 302, made.content.decode()

    assert 'value="2027-01-31"' in browser.get("/w/acme/vault/secrets/token/").content.decode()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/w/acme/settings/", "Alles, auch Mitglieder, Einstellungen und API-Schlüssel."),
        ("/w/acme/settings/keys/", "Das Prüfprotokoll lesen."),
        ("/w/acme/settings/policies/", "Versuche insgesamt, der erste mitgezählt."),
        ("/w/acme/audit/", "Noch nicht geprüft"),
        ("/w/acme/webhooks/new/", "Ein Lauf kam ohne Fehlschlag an sein Ende."),
        ("/profile/", "Wozu Sie gehören"),
        ("/accounts/password/set/", "Passwort setzen"),
    ],
)
def test_pages_say_words_that_code_holds(browser: Client, path: str, said: str) -> None:
    page = browser.get(path, headers={"accept_language": "de"})

    assert page.status_code == 200
    assert said in page.content.decode()


def test_errors_are_told_in_the_language_of_the_page() -> None:
    error = ConnectionDisabled(connection="shop")
    with translation.override("de"):
        assert told_error(error).startswith("Die Verbindung shop ist deaktiviert.")

    assert error.as_problem()["detail"] == "The connection shop is disabled."
