"""Every page template over sample data, in a real browser: accessible, within its width, quiet console."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ipaas.web.design.views import PAGES

SERIOUS = {"serious", "critical"}


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found if item["impact"] in SERIOUS]


@pytest.mark.parametrize("name", ["", *PAGES])
def test_a_page_is_accessible_and_fits_in_both_themes_and_widths(page: Page, design_server: str, name: str) -> None:
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    for width, theme in ((1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{design_server}/design/{name + '/' if name else ''}?theme={theme}", wait_until="networkidle")
        assert faults_of(page) == [], f"{name} at {width} in {theme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width} is too wide"
    assert noise == [], name


def test_the_navigation_opens_and_closes_by_keyboard_on_a_small_screen(page: Page, design_server: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{design_server}/design/home/")
    toggle = page.get_by_role("button", name="Navigation")
    toggle.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Runs", exact=True).wait_for(state="visible")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Runs", exact=True).wait_for(state="hidden")


def test_a_dialog_says_what_it_will_do_before_it_is_done(page: Page, design_server: str) -> None:
    page.goto(f"{design_server}/design/run/")
    page.get_by_role("button", name="Replay", exact=True).click()
    dialog = page.get_by_role("dialog", name="Replay this run")
    assert dialog.get_by_text("Called again").first.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_editor_is_styled_under_the_policy_and_shows_findings(page: Page, design_server: str) -> None:
    page.goto(f"{design_server}/design/flow-form/")
    page.locator(".cm-editor .cm-line").first.wait_for()
    assert page.locator(".cm-lint-marker-error").first.is_visible()
    page.get_by_role("link", name="Line 9").click()
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")
