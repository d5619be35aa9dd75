"""The documentation in a real browser, under the policy of the product's pages."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.e2e.test_operating import SERIOUS

LISTEN = """
refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(`${event.violatedDirective} ${event.sample}`));
"""
WIDTHS = [1280, 390]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A reader who has not signed in; what the policy refused, what failed and what went elsewhere fails the test."""
    context = browser.new_context(base_url=live_server.url)
    context.add_init_script(LISTEN)
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(live_server.url) else noise.append(asked.url))
    yield page
    refused = page.evaluate("refused")
    context.close()
    assert (refused, noise) == ([], [])


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found if item["impact"] in SERIOUS]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/docs/", "/docs/reference/errors/", "/docs/explanation/architecture/"])
def test_a_page_loads_without_violations_and_is_accessible(page: Page, path: str, theme: str, width: int) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    answer = page.goto(path)

    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[theme]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults_of(page) == []


def test_the_search_finds_a_page(page: Page) -> None:
    page.goto("/docs/")
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search").fill("dead letter")
    page.get_by_role("option", name="Handle dead letters").first.click()
    page.wait_for_url("**/docs/how-to/dead-letters/**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("dead letters")


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/docs/")
    page.get_by_title("Use the light theme").click()
    page.get_by_title("Use the dark theme").click()
    page.goto("/docs/reference/settings/")
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"


def test_the_type_of_an_error_leads_to_its_description(page: Page) -> None:
    page.goto("/docs/reference/errors#api_key.invalid")
    expect(page).to_have_url("/docs/reference/errors/#api_key.invalid")
    expect(page.get_by_text("The API key is not valid.")).to_be_in_viewport()
