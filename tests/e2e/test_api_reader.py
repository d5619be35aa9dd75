"""The reader of the API in a real browser: found, read, accessible, and nothing that the policy refuses."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)
SERIOUS = {"serious", "critical"}
COUNT = """
window.refused = [];
document.addEventListener("securitypolicyviolation", event => window.refused.push(event.violatedDirective));
"""


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url)
    context.add_init_script(COUNT)
    page = context.new_page()
    noise: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: noise.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if request.url[:4] == "http" else None)
    yield page
    assert noise == []
    assert hosts == {live_server.url.split("/")[2]}
    context.close()
    connections.close_all()


def check(page: Page) -> None:
    """Nothing refused, nothing serious, nothing wider than the screen."""
    for width, theme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; "
                      "document.documentElement.dataset.bsTheme = theme }", theme)  # fmt: skip
        page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)))")
        found = Axe().run(page).response["violations"]
        assert [item["id"] for item in found if item["impact"] in SERIOUS] == [], f"{page.url} at {width} in {theme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} at {width} is too wide"
    assert page.evaluate("window.refused") == []


def test_somebody_finds_how_to_start_a_run(page: Page) -> None:
    page.goto("/api/docs/")
    check(page)
    page.get_by_role("searchbox").fill("flows trigger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="POST /api/v1/flows/{slug}/trigger")).to_be_visible()
    assert page.get_by_role("link", name="/api/v1/secrets").count() == 0
    check(page)
    page.get_by_role("link", name="POST /api/v1/flows/{slug}/trigger").click()
    expect(page.get_by_role("heading", name="Start a run", level=1)).to_be_visible()
    expect(page.get_by_text("flows.trigger", exact=True)).to_be_visible()
    expect(page.get_by_role("group", name="Parameters").get_by_text("Idempotency-Key")).to_be_visible()
    assert "curl -X POST" in page.locator("pre").first.inner_text()
    page.get_by_text("Example").first.click()
    expect(page.get_by_text('"environment": "production"').first).to_be_visible()
    check(page)
