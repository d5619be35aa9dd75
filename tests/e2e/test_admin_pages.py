"""An administrator at work in a real browser: secret, connection, key, audit trail; accessible at every step."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.db import connections
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog.models import Connection
from tests.factories.people import PASSWORD, make_member

VALUE = "sk-live-in-the-browser-never-shown"
SERIOUS = {"serious", "critical"}


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    place = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=place, slug="production", name="Production")
    make_member(place, "admin@example.org", "admin", password=PASSWORD)
    cache.clear()
    return place


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, workspace: Workspace) -> Iterator[Page]:
    """Signed in by the form; an error of a page's scripts fails the test."""
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    noise: list[str] = []
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.goto("/accounts/login/?next=/w/acme/vault/")
    page.get_by_label("Email").fill("admin@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/acme/vault/")
    yield page
    assert noise == []
    context.close()
    connections.close_all()


def check(page: Page) -> None:
    """No serious finding and nothing wider than the screen, wide in light and narrow in dark."""
    for width, theme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; "
                      "document.documentElement.dataset.bsTheme = theme }", theme)  # fmt: skip
        page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)))")
        found = Axe().run(page).response["violations"]
        faults = [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found if item["impact"] in SERIOUS]
        assert faults == [], f"{page.url} at {width} in {theme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} at {width} is too wide"


def test_from_a_secret_to_a_connection_with_a_forced_breaker(page: Page) -> None:
    page.get_by_role("link", name="New secret").first.click()
    page.get_by_label("Used by").select_option("payments:api-key")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name *").fill("pay-key")
    page.get_by_label("Secret key").fill(VALUE)
    check(page)
    page.get_by_role("button", name="Write the secret").click()
    expect(page.get_by_role("heading", name="pay-key")).to_be_visible()
    assert VALUE not in page.content()
    check(page)

    page.goto("/w/acme/connections/new/payments/")
    page.get_by_label("Secret", exact=True).select_option("pay-key")
    page.get_by_text("Limits, retries and breaker").click()
    page.get_by_label("Retry · Attempts at most").fill("3")
    check(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Kestrel Pay")).to_be_visible()
    expect(
        page.get_by_role("row", name=re.compile(r"^Retry · Attempts at most\D+3\D+this connection$"))
    ).to_be_visible()

    page.get_by_role("button", name="Force the breaker").click()
    dialog = page.get_by_role("dialog", name="Force the breaker of Kestrel Pay")
    dialog.get_by_label("Open (pause): no call leaves").check()
    dialog.get_by_label("Reason (goes into the audit log)").fill("maintenance at the vendor")
    dialog.get_by_role("button", name="Force").click()
    expect(page.get_by_text("The breaker is forced open")).to_be_visible()
    check(page)
    assert Connection.objects.get().forced_breaker == "open"

    page.goto("/w/acme/connections/")
    expect(page.get_by_text("forced", exact=True)).to_be_visible()
    check(page)


def test_a_key_is_made_and_a_member_invited(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/w/acme/settings/keys/")
    check(page)
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog", name="New API key")
    dialog.get_by_label("Name").fill("nightly export")
    dialog.get_by_label("audit.export").check()
    check(page)
    dialog.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("Key", exact=True)).to_have_value(re.compile(r"^ipk_"))
    check(page)
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("nightly export", exact=True)).to_be_visible()
    check(page)

    page.goto("/w/acme/settings/")
    page.get_by_role("button", name="Invite a member").click()
    dialog = page.get_by_role("dialog", name="Invite a member")
    dialog.get_by_role("textbox").fill("dora@example.org")
    dialog.get_by_label("auditor").check()
    dialog.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("dora@example.org").first).to_be_visible()
    check(page)
    page.goto("/w/acme/settings/")
    expect(page.get_by_role("cell", name="dora@example.org")).to_be_visible()
    check(page)


def test_the_audit_trail_is_verified_in_place_and_exported(page: Page) -> None:
    page.goto("/w/acme/audit/")
    check(page)
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text("Intact up to entry")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    assert download.value.suggested_filename.endswith("-audit.jsonl")


@pytest.mark.parametrize("name", ["environments/", "environments/new/", "network/", "policies/", "health/"])
def test_the_settings_are_accessible(page: Page, name: str) -> None:
    page.goto(f"/w/acme/settings/{name}")
    check(page)


@pytest.mark.parametrize("url", ["/accounts/password/change/", "/accounts/password/reset/", "/w/acme/stubs/"])
def test_other_pages_are_accessible(page: Page, url: str) -> None:
    page.goto(url)
    check(page)
