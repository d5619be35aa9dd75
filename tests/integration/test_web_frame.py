"""The frame of the pages: the way in, the theme, the environment."""

import pytest
from django.http import HttpResponse
from django.test import Client

from ipaas.accounts.models import Environment, Membership, User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice@example.com", "correct horse battery", name="Alice")


@pytest.fixture
def workspace(alice: User) -> Workspace:
    place = Workspace.objects.create(slug="northwind", name="Northwind")
    Environment.objects.create(workspace=place, slug="production", name="Production")
    Membership.objects.create(user=alice, workspace=place, roles=["builder"])
    return place


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_the_sign_in_page_is_shown_under_the_strict_policy() -> None:
    answer = Client().get("/accounts/login/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "style=" not in answer.content.decode()


@pytest.mark.parametrize("charset", ["utf-7", "ascii", "idna"])
def test_a_form_in_another_charset_is_refused(charset: str) -> None:
    visitor = Client(enforce_csrf_checks=True)
    visitor.get("/accounts/login/")
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    assert visitor.generic("POST", "/accounts/login/", "login=a", content_type=kind).status_code == 400


def test_a_stranger_is_sent_to_the_sign_in_page() -> None:
    assert Client().get("/").headers["Location"].startswith("/accounts/login/")


def test_the_way_in_leads_to_the_home_of_a_workspace(browser: Client, workspace: Workspace) -> None:
    answer = browser.get("/", follow=True)
    assert (answer.redirect_chain, answer.status_code) == ([("/w/northwind/", 302)], 200)


def test_someone_without_a_workspace_is_told_whom_to_ask(browser: Client) -> None:
    assert "administrator" in browser.get("/").content.decode()


def test_the_theme_is_kept_with_the_user(browser: Client, alice: User) -> None:
    answer = browser.post("/profile/theme/", {"theme": "dark", "next": "/accounts/logout/"})
    alice.refresh_from_db()
    assert (answer.headers["Location"], alice.theme) == ("/accounts/logout/", "dark")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_way_back_never_leads_to_another_host(browser: Client, target: str) -> None:
    assert browser.post("/profile/theme/", {"theme": "dark", "next": target}).headers["Location"] == "/"


def test_an_unknown_theme_is_refused(browser: Client) -> None:
    assert browser.post("/profile/theme/", {"theme": "<b>"}).status_code == 404


def test_the_environment_of_a_workspace_is_chosen_by_its_members_only(browser: Client, workspace: Workspace) -> None:
    assert browser.post("/w/northwind/environment/", {"environment": "production"}).status_code == 302
    assert browser.session["environment:northwind"] == "production"
    assert browser.post("/w/northwind/environment/", {"environment": "no\x00ne"}).status_code == 404
    charlie = Client()
    charlie.force_login(User.objects.create_user("charlie@example.com", "correct horse battery", name="Charlie"))
    assert charlie.post("/w/northwind/environment/", {"environment": "production"}).status_code == 404


def test_the_documentation_is_served_to_anybody_under_the_policy_of_the_pages() -> None:
    own = policy_of(Client().get("/accounts/login/"))
    page = Client().get("/docs/")
    page.close()
    assert page.status_code == 200
    assert {"script-src 'self'", "default-src 'none'", "frame-ancestors 'none'"} <= policy_of(page)
    assert {part for part in policy_of(page) ^ own if not part.startswith("style-src ")} == set()
    assert Client().get("/docs/reference/errors").headers["Location"] == "errors/"  # relative
    assert Client().get("/docs/no-such-page/").status_code == 404


def policy_of(answer: HttpResponse) -> set[str]:
    return set(answer.headers["Content-Security-Policy"].split("; "))
