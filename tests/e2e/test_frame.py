"""What stands around every page, in a real browser: the palette, the keys, the language, a session that ended."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Page, expect

from ipaas.accounts.models import Environment, User, Workspace
from tests.factories.people import make_member

SERIOUS = {"serious", "critical"}


@pytest.fixture
def alice(transactional_db: None) -> User:
    cache.clear()
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    for place, name in enumerate(("Staging", "Production")):
        Environment.objects.create(workspace=workspace, slug=name.lower(), name=name, position=place)
    return make_member(workspace, "alice@example.org", "builder").user


@pytest.fixture
def page(sign_in: Callable[[User], Page], alice: User) -> Page:
    page = sign_in(alice)
    page.goto("/w/acme/")
    return page


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found if item["impact"] in SERIOUS]


def test_the_palette_goes_anywhere_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name=re.compile("^Page, flow"))
    expect(box).to_be_focused()
    expect(page.get_by_role("option", name="Connections")).to_be_visible()
    assert faults_of(page) == []

    page.keyboard.type("new sch")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option", name="New schema")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url("**/w/acme/schemas/-new/")


def test_the_palette_does_deeds_and_says_when_nothing_fits(page: Page) -> None:
    page.get_by_role("button", name="Go to").click()
    page.keyboard.type("nothing like it")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("environment")
    expect(page.get_by_role("option")).to_have_text("Environment: Staging")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="Staging")).to_be_visible()

    page.keyboard.press("Control+k")
    page.keyboard.type("deutsch")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("link", name="Verbindungen", exact=True)).to_be_visible()


def test_what_was_visited_is_offered_again(page: Page) -> None:
    page.goto("/w/acme/schemas/-new/")
    page.goto("/w/acme/flows/")
    page.keyboard.press("Control+k")
    recent = page.get_by_role("group", name="Recent")
    expect(recent.get_by_role("option", name="New schema")).to_be_visible()


def test_keys_go_to_pages_and_through_rows_and_never_while_typing(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/w/acme/connections/")

    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Find a run by any business id")
    expect(search).to_be_focused()
    page.keyboard.type("gf?")
    expect(search).to_have_value("gf?")
    page.keyboard.press("Escape")
    expect(search).not_to_be_focused()

    page.goto("/w/acme/connections/new/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("main tbody tr").first.get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("^New connection:"))).to_be_visible()


def test_the_map_of_the_keys_shows_them_and_switches_them_off(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard map")
    expect(dialog.get_by_text("Next row of a table")).to_be_visible()
    assert faults_of(page) == []
    dialog.get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()

    page.keyboard.press("?")
    expect(dialog).not_to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("keyboard")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()


def test_a_session_that_ended_leads_to_sign_in_and_is_never_put_into_the_page(page: Page) -> None:
    page.goto("/w/acme/schemas/-new/")
    page.context.clear_cookies(name="sessionid")
    page.locator(".cm-content").first.click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.insert_text("#")
    page.wait_for_url("**/accounts/login/?next=/w/acme/schemas/-new/")
    expect(page.locator("main")).to_have_count(1)


def test_what_is_old_is_said_to_be_old(page: Page) -> None:
    page.goto("/w/acme/connections/")
    expect(page.locator("#connection-lost")).to_be_hidden()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#connection-lost")).to_be_hidden()
