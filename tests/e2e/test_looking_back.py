"""What happened, in a real browser: runs compared, told as one story, printed, found again; a version promoted."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ipaas.accounts.models import Environment, User
from ipaas.catalog.models import Connection
from ipaas.flows.models import Deployment, Flow
from ipaas.runtime.models import Run
from tests.e2e.test_operating import faults_of, play
from tests.factories.people import make_member
from tests.integration.runtime.conftest import World, call, gateway, world
from tests.integration.runtime.gateway import failed, ok

__all__ = ["gateway", "world"]


@pytest.fixture
def page(sign_in: Callable[[User], Page], transactional_db: None, world: World) -> Page:
    return sign_in(make_member(world.workspace, "alice@example.org", "admin").user)


@pytest.fixture
def flow(world: World) -> Flow:
    steps = (call("charge", title="Charge the card"), call("ship", title="Book the parcel"))
    return world.flow(*steps, slug="orders", title="Order to shipment")


@pytest.fixture
def runs(world: World, flow: Flow) -> tuple[Run, Run]:
    """The same order twice: it failed at the parcel, then it went through with another street."""
    world.gateway.on("ship", failed(code="no_address"), ok({"id": "s-1"}))
    return (
        play(world, flow, {"id": "SO-1", "street": "Hauptstrasse"}),
        play(world, flow, {"id": "SO-1", "street": "Hauptstrasse 7"}),
    )


def at(world: World, path: str) -> str:
    return f"/w/{world.workspace.slug}/{path}"


def test_two_runs_are_compared_field_by_field(page: Page, world: World, runs: tuple[Run, Run]) -> None:
    first, second = runs
    page.goto(at(world, f"runs/{first.id}/"))
    page.get_by_label("More about this run").click()
    page.get_by_role("link", name="Compare with another run").click()
    page.get_by_label("Run id").fill(str(second.id))
    page.get_by_role("button", name="Compare").click()

    expect(page).to_have_url(re.compile(f"with={second.id}"))
    row = page.get_by_role("row").filter(has_text="street")
    expect(row.locator(".was")).to_have_text("Hauptstrasse 7")
    expect(row.locator(".is")).to_have_text("Hauptstrasse")
    expect(page.locator("main")).to_contain_text("without a difference")
    assert faults_of(page) == []
    page.get_by_label("Run id").fill("no such run")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("This is not the id of a run.")).to_be_visible()
    expect(page.get_by_label("Run id")).to_have_value("no such run")


def test_a_business_id_tells_its_story_over_all_runs(page: Page, world: World, runs: tuple[Run, Run]) -> None:
    page.goto(at(world, f"runs/{runs[0].id}/"))
    page.get_by_title("Its story: every run with this id").click()

    expect(page.get_by_role("heading", name="SO-1")).to_be_visible()
    chapters = page.locator(".story > li")
    expect(chapters).to_have_count(2)
    expect(chapters.first).to_contain_text("No address")
    expect(chapters.last).to_contain_text("Succeeded")
    expect(chapters.last).to_contain_text("Book the parcel")
    assert faults_of(page) == []


def test_a_run_prints_whole_and_without_what_only_a_screen_needs(
    page: Page, world: World, runs: tuple[Run, Run]
) -> None:
    page.goto(at(world, f"runs/{runs[0].id}/"))
    page.get_by_label("More about this run").click()
    page.get_by_role("link", name="For printing").click()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    assert page.locator(".step details:not([open])").count() == 0

    page.emulate_media(media="print")
    for gone in (".side", ".topbar", ".print-bar", ".page-actions"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.get_by_text("Hauptstrasse").first).to_be_visible()
    expect(page.get_by_text("Book the parcel").first).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_filter_is_saved_shared_found_again_and_deleted(page: Page, world: World, runs: tuple[Run, Run]) -> None:
    page.goto(at(world, "runs/?status=dead"))
    menu = page.locator("summary", has_text="Saved filters")
    menu.click()
    page.get_by_role("button", name="Save this filter").click()
    dialog = page.get_by_role("dialog", name="Save this filter")
    dialog.get_by_label("Name").fill("Stuck orders")
    dialog.get_by_role("button", name="Save").click()

    page.goto(at(world, "runs/"))
    expect(page.locator("#run-rows tbody tr")).to_have_count(2)
    menu.click()
    page.get_by_role("link", name="Stuck orders").click()
    expect(page).to_have_url(re.compile(r"status=dead"))
    expect(page.locator("#run-rows tbody tr")).to_have_count(1)
    menu.click()
    page.get_by_role("button", name="Delete the filter Stuck orders").click()
    expect(page.get_by_text("The saved filter is gone.")).to_be_visible()
    expect(menu).to_have_count(0)


def test_a_version_is_promoted_once_nothing_is_missing_there(page: Page, world: World, flow: Flow) -> None:
    target = Environment.objects.create(workspace=world.workspace, slug="live", name="Live", position=9)
    page.goto(at(world, "flows/orders/"))
    page.get_by_role("link", name="Promote").first.click()
    page.get_by_label("From", exact=True).select_option("production")
    page.get_by_label("To", exact=True).select_option("live")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("does not run this flow yet")).to_be_visible()
    expect(page.get_by_text("Add what is missing first.")).to_be_visible()
    assert faults_of(page) == []

    Connection.objects.create(
        workspace=world.workspace, environment=target, slug="vendor", title="Vendor", connector="payments"
    )
    page.reload()
    page.get_by_label("Note").fill("tried in production first")
    page.get_by_role("button", name="Run version 1 in Live").click()
    expect(page.get_by_text("Version 1 is live in Live.")).to_be_visible()
    assert Deployment.objects.get(flow=flow, environment=target).version.number == 1
