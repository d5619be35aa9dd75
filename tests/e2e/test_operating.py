"""The operator's main paths in a real browser, over runs that really ran."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ipaas.flows.models import Flow
from ipaas.runtime.models import DeadLetter, Run
from tests.factories.people import PASSWORD, make_member
from tests.integration.runtime.conftest import World, call, gateway, world
from tests.integration.runtime.gateway import failed, ok

__all__ = ["gateway", "world"]

SERIOUS = {"serious", "critical"}


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Page]:
    """Signed in as an administrator, at the workspace's home."""
    make_member(world.workspace, "alice@example.com", "admin", password=PASSWORD)
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/w/{world.workspace.slug}/")
    yield page
    context.close()


@pytest.fixture
def dead(world: World) -> Run:
    world.gateway.on("ship", failed(code="no_address"), ok({"id": "s-1"}))
    steps = (call("charge", title="Charge the card"), call("ship", title="Book the parcel"))
    return play(world, world.flow(*steps, title="Order to shipment"), {"id": "SO-1", "street": "Hauptstrasse"})


def play(world: World, flow: Flow, body: Any) -> Run:
    run = world.start(flow, body)
    beside(world.work)
    run.refresh_from_db()
    return run


def beside(deed: Callable[..., Any], *given: Any) -> Any:
    """Do what runs an event loop in another thread: the browser's driver has one in this."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(deed, *given).result()


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found if item["impact"] in SERIOUS]


def test_a_run_is_found_by_its_business_id_and_replayed(page: Page, world: World, dead: Run) -> None:
    page.get_by_role("searchbox", name="Find a run by any business id").fill("SO-1")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="SO-1").click()
    expect(page.get_by_text("“Book the parcel” failed for good")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("button", name="Replay", exact=True).click()
    dialog = page.get_by_role("dialog", name="Replay this run")
    expect(dialog.locator("#replay-impacts")).to_contain_text("From record")
    dialog.get_by_text("Make them again").click()
    expect(dialog.locator("#replay-impacts")).to_contain_text("It happens a second time")
    dialog.get_by_text("Take them from the record").click()
    expect(dialog.locator("#replay-impacts")).not_to_contain_text("It happens a second time")
    dialog.get_by_label("Reason").fill("carrier works again")
    dialog.get_by_role("button", name="Start replay").click()
    page.wait_for_url(lambda url: str(dead.id) not in url)
    expect(page.get_by_text("The replay has begun.")).to_be_visible()
    beside(world.work)
    expect(page.locator("h1 .state")).to_have_text("Succeeded")
    assert world.gateway.paths == ["charge", "ship", "ship"]


def test_a_dead_letter_is_corrected_and_replayed(page: Page, world: World, dead: Run) -> None:
    page.get_by_role("link", name="Dead letters").first.click()
    page.get_by_role("link", name="No address").click()
    page.get_by_role("link", name="SO-1").click()
    editor = page.locator(".cm-content").first
    editor.wait_for()
    assert faults_of(page) == []
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text('{"id": "SO-1", "street": "Hauptstrasse 7"}')
    page.get_by_role("button", name="Show the difference").click()
    expect(page.get_by_role("group", name="Differences")).to_contain_text("Hauptstrasse 7")
    page.get_by_label("Reason").first.fill("house number was missing")
    page.get_by_role("button", name="Correct and replay").click()
    page.wait_for_url("**/runs/**")
    beside(world.work)
    expect(page.locator("h1 .state")).to_have_text("Succeeded")
    assert DeadLetter.objects.get(run_id=dead.id).state == DeadLetter.State.REPLAYED


def test_an_approval_is_decided_in_two_clicks(page: Page, world: World) -> None:
    spec = {"title": "Ship {{ trigger.body.id }}?", "evidence": {"order": "{{ trigger.body.id }}"},
            "approvers": "approver", "expires": "P1D"}  # fmt: skip
    run = play(world, world.flow({"id": "ask", "approval": spec}, call("ship")), {"id": "SO-2"})
    page.get_by_role("link", name="Approvals").first.click()
    page.get_by_role("link", name="Ship SO-2?").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved; the run goes on.")).to_be_visible()
    beside(world.work)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
