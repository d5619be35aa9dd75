"""The visual editor of mappings with what a workspace has: samples, lookups, functions, terms, conventions."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Locator, Page, expect

from ipaas.accounts.models import Environment, User, Workspace
from ipaas.core.actor import SYSTEM
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from tests.e2e.test_mapping_editor import field, place, text_of
from tests.e2e.test_operating import play
from tests.factories.flow_documents import convention, flow, function, lookup, schema, term
from tests.factories.people import make_member
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]

ORDER = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "description": "As the shop counts."},
        "country": {"type": "string"},
        "net": {"type": "number"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
EXAMPLES = [
    {"number": "SO-1", "country": "DE", "net": 100, "lines": [{"sku": "A"}, {"sku": "B"}]},
    {"number": "SO-2", "country": "AT", "net": 100, "lines": [{"sku": "A"}]},
    {"number": "SO-3", "country": "XX", "net": 100, "lines": []},
]
TEXT = """\
kind: mapping
slug: charge
title: Charge
source_schema: order
fields:
  order_number: source.number
  net: source.net
  lineItems:
    each: source.lines
    as: line
    fields: {sku: line.sku}
"""


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    cache.clear()
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=workspace, slug="production", name="Production")
    described = function(description="With the tax.")
    rule = convention(rule={"fields": {"case": "snake"}})
    for content in (schema(schema=ORDER, examples=EXAMPLES), lookup(), described, term(), rule):
        apply_document(actor=SYSTEM, workspace=workspace, content=content)
    apply_document(actor=SYSTEM, workspace=workspace, text=TEXT)
    return workspace


@pytest.fixture
def alice(sign_in: Callable[[User], Page], workspace: Workspace) -> Page:
    page = sign_in(make_member(workspace, "alice@example.org", "builder").user)
    page.goto("/w/acme/mappings/charge/edit/")
    expect(page.locator("[data-mapping][data-ready]")).to_be_visible()
    return page


def add_field(page: Page, name: str) -> None:
    page.get_by_label("New field").fill(name)
    page.keyboard.press("Enter")
    expect(field(page, name).locator(".cm-content")).to_be_focused()
    page.keyboard.press("Control+a")


def accept(page: Page, offer: str) -> None:
    """Enter takes what completion offers first; a key that comes too soon after the offer does nothing."""
    offered = page.locator(".cm-tooltip-autocomplete")
    expect(offered.locator("li[aria-selected=true]").filter(has_text=offer)).to_be_visible()
    while offered.is_visible():
        page.keyboard.press("Enter")


def row(page: Page, path: str) -> Locator:
    """A row of the preview, all samples side by side."""
    return page.locator(f"[data-map=preview-table] tr:has([data-place='{path}'])")


def test_samples_stand_side_by_side_and_show_what_differs_and_where_it_comes_from(alice: Page) -> None:
    preview = alice.get_by_role("region", name="Preview")
    expect(preview.locator("thead th")).to_have_text(["Field", "Your sample", "Example 2", "Example 3"])
    expect(row(alice, "order_number").locator("td")).to_have_text(['"SO-1"', '"SO-2"', '"SO-3"'])
    expect(row(alice, "order_number")).to_have_attribute("data-differs", "")
    expect(row(alice, "lineItems[0].sku").locator("td")).to_have_text(['"A"', '"A"', "–"])
    expect(row(alice, "lineItems").locator("td")).to_have_text(["[…]", "[…]", "[]"])
    preview.get_by_label("Only differences").check()
    expect(row(alice, "net")).to_have_count(0)

    row(alice, "lineItems[0].sku").get_by_role("button").focus()
    expect(place(alice, "source.lines[].sku")).to_have_attribute("data-lit", "")
    expect(field(alice, "lineItems[].sku")).to_have_attribute("data-lit", "")
    place(alice, "source.number").locator(".map-pick").focus()
    expect(field(alice, "order_number")).to_have_attribute("data-lit", "")
    expect(alice.locator("[data-map=told]")).to_have_text("Read by order_number")
    row(alice, "order_number").get_by_role("button").focus()
    alice.keyboard.press("Enter")
    expect(field(alice, "order_number").locator(".cm-content")).to_be_focused()

    alice.set_viewport_size({"width": 390, "height": 844})
    alice.get_by_role("button", name="Preview").click()
    expect(row(alice, "order_number").locator("td:visible")).to_have_text('"SO-1"')
    alice.get_by_role("button", name="Example 2").click()
    expect(row(alice, "order_number").locator("td:visible")).to_have_text('"SO-2"')
    preview.get_by_role("button", name="JSON").click()
    expect(preview.locator("pre")).to_contain_text('"order_number": "SO-2"')


def test_lookups_and_functions_are_completed_named_and_explained(alice: Page) -> None:
    add_field(alice, "rate")
    alice.keyboard.type("vat")
    alice.locator(".cm-tooltip-autocomplete li", has_text="vat-rates@1  code → {code, name, rate}").click()
    alice.keyboard.type("source.country, {'rate': 0}).rate")
    expect(row(alice, "rate").locator("td")).to_have_text(["0.19", "0.20", "0"])
    alice.keyboard.press("Escape")

    add_field(alice, "gross")
    alice.keyboard.type("gro")
    alice.locator(".cm-tooltip-autocomplete li", has_text="gross@1").click()
    expect(field(alice, "gross").locator(".map-help")).to_contain_text("gross(net: number, rate: number = 0)")
    alice.keyboard.type("source.net, 0.19")
    expect(row(alice, "gross").locator("td").first).to_have_text("119.00")
    field(alice, "gross").locator(".cm-content").get_by_text("gross", exact=False).hover(position={"x": 8, "y": 8})
    expect(alice.locator(".editor-help")).to_contain_text("With the tax.")
    assert text_of(alice).endswith("lookups: {vat_rates: vat-rates@1}\nfunctions: {gross: gross@1}\n")


def test_a_lookup_is_put_together_from_its_parts(alice: Page) -> None:
    add_field(alice, "rate")
    alice.keyboard.type("source.country")
    expect(row(alice, "rate").locator("td").first).to_have_text('"DE"')
    form = field(alice, "rate")
    form.get_by_label("Made by").select_option("Look-up in a table")
    form.get_by_label("Column").select_option("rate")
    expect(row(alice, "rate").locator("td")).to_contain_text(["0.19", "0.20", "no row for this key"])
    form.get_by_label("Column").select_option("name")
    expect(row(alice, "rate").locator("td").first).to_have_text('"Germany"')
    form.get_by_label("Made by").select_option("Expression")
    expect(form.locator(".cm-content")).to_have_text("lookup('vat_rates', source.country).name")


def test_a_field_shows_its_term_and_takes_the_name_that_a_convention_asks_for(alice: Page) -> None:
    expect(field(alice, "order_number").locator(".map-row")).to_have_attribute(
        "title", "Order number: The number of an order."
    )
    field(alice, "order_number").locator(".map-row").click()
    expect(field(alice, "order_number").get_by_role("link", name="Order number")).to_be_visible()
    field(alice, "lineItems").locator(".map-row").click()
    field(alice, "lineItems").get_by_role("button", name="Rename to line_items").click()
    expect(field(alice, "line_items").locator(".map-form")).to_be_visible()
    expect(field(alice, "line_items").locator(".map-faults li")).to_have_count(0)
    assert "  line_items:\n    each: source.lines\n" in text_of(alice)


def test_the_mapping_of_a_step_takes_lookups_too(alice: Page, workspace: Workspace) -> None:
    step = {"id": "shape", "title": "Shape it", "map": {"fields": {"rate": "trigger.body.id"}}}
    apply_document(actor=SYSTEM, workspace=workspace, content=flow(slug="stay", steps=[step]))
    alice.goto("/w/acme/flows/stay/edit/?step=shape")
    field(alice, "rate").locator(".map-row").click()
    alice.keyboard.press("Control+a")
    alice.keyboard.type("vat")
    alice.locator(".cm-tooltip-autocomplete li", has_text="vat-rates@1").click()
    alice.keyboard.type("'DE').rate")
    expect(row(alice, "rate").locator("td").first).to_have_text("0.19")
    alice.get_by_role("button", name="Save draft").click()
    expect(alice.get_by_text("Draft saved as revision")).to_be_visible()
    made = Flow.objects.get(slug="stay").draft or {}
    assert made["steps"][0]["map"] == {
        "fields": {"rate": "lookup('vat_rates', 'DE').rate"},
        "lookups": {"vat_rates": "vat-rates@1"},
    }


def test_tests_run_while_somebody_types_and_are_made_of_the_chosen_sample(alice: Page) -> None:
    alice.get_by_role("button", name="Example 2").click()
    alice.get_by_role("button", name="Make a test of the sample").click()
    tests = alice.locator("#mapping-tests")
    expect(tests).to_contain_text("1 passes")
    expect(alice.locator("textarea[name=document]")).to_have_value(re.compile(r"tests:\n(.*\n)+.*SO-2"))
    field(alice, "order_number").locator(".map-row").click()
    alice.keyboard.press("Control+End")
    alice.keyboard.type(" ~ '!'")
    expect(tests).to_contain_text("1 of 1 fail")
    expect(tests).to_contain_text("/order_number")
    alice.get_by_role("button", name="Undo").click()
    expect(tests).to_contain_text("1 passes")


def test_what_is_typed_as_text_stands_on_the_board_and_the_other_way_round(alice: Page) -> None:
    alice.get_by_role("tab", name="Text").click()
    alice.locator("#text-panel .cm-content").first.click()
    alice.keyboard.press("Control+End")
    alice.keyboard.type("  country: upper(source.country)\n")
    alice.keyboard.type("a: {value: 1}\nb: {value: 2}")
    alice.get_by_role("tab", name="Fields").click()
    expect(row(alice, "b").locator("td").first).to_have_text("2")
    expect(row(alice, "country").locator("td").first).to_have_text('"DE"')
    field(alice, "a").locator(".map-row").focus()
    alice.keyboard.press("Delete")
    expect(field(alice, "a")).to_have_count(0)
    alice.get_by_role("tab", name="Text").click()
    expect(alice.locator("#text-panel .cm-content").first).not_to_contain_text("a: {value: 1}")
    expect(alice.locator("#text-panel .cm-content").first).to_contain_text("b: {value: 2}")


def test_without_a_network_nothing_that_was_typed_is_lost(alice: Page) -> None:
    alice.context.set_offline(True)
    field(alice, "order_number").locator(".map-row").click()
    alice.keyboard.press("Control+End")
    alice.keyboard.type(" ~ '!'")
    expect(alice.get_by_text("what you typed is still here")).to_be_visible()
    expect(field(alice, "order_number").locator(".cm-content")).to_have_text("source.number ~ '!'")
    alice.context.set_offline(False)
    expect(row(alice, "order_number").locator("td").first).to_have_text('"SO-1!"', timeout=15_000)
    expect(alice.get_by_text("what you typed is still here")).to_be_hidden()
    expect(alice.locator("[data-save-state]")).to_contain_text("Saved as revision", timeout=15_000)
    assert "~ '!'" in Mapping.objects.get(slug="charge").draft_text


def test_a_whole_mapping_is_made_without_a_mouse(sign_in: Callable[[User], Page], workspace: Workspace) -> None:
    row_schema = {
        "required": ["number", "total"],
        "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
    }
    apply_document(actor=SYSTEM, workspace=workspace, content=schema(slug="bill", title="Bill", schema=row_schema))
    start = {"kind": "mapping", "slug": "bill", "title": "Bill", "fields": {"kind": {"value": "a"}}}
    shapes = {"source_schema": "order", "target_schema": "bill"}
    apply_document(actor=SYSTEM, workspace=workspace, content={**start, **shapes})
    page = sign_in(make_member(workspace, "bob@example.org", "builder").user)
    page.goto("/w/acme/mappings/bill/edit/")
    expect(page.locator("[data-mapping][data-ready]")).to_be_visible()
    keys = page.keyboard
    keys.press("Alt+n")
    expect(field(page, "total").locator(".cm-content")).to_be_focused()
    keys.type("source.ne")
    accept(page, "source.net")
    keys.type(" * 1.19")
    keys.press("Control+Enter")
    expect(field(page, "number").locator(".cm-content")).to_be_focused()
    keys.type("source.number")
    expect(row(page, "number").locator("td").first).to_have_text('"SO-1"')
    keys.press("Tab")
    expect(field(page, "number").get_by_label("If the input is missing")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("Escape")
    expect(field(page, "number").locator(".map-row")).to_be_focused()
    expect(row(page, "total").locator("td").first).to_have_text("119.00")
    expect(page.locator("textarea[name=document]")).to_have_value(re.compile("on_missing: omit"))
    keys.press("Control+z")
    expect(page.locator("textarea[name=document]")).not_to_have_value(re.compile("on_missing"))
    keys.press("Control+s")
    expect(page.get_by_text("Draft saved as revision")).to_be_visible()
    draft = Mapping.objects.get(slug="bill").draft
    assert draft is not None
    assert draft["fields"] == {"kind": {"value": "a"}, "number": "source.number", "total": "source.net * 1.19"}


def test_autosave_of_the_second_stops_and_keeps_the_text(
    alice: Page, sign_in: Callable[[User], Page], workspace: Workspace
) -> None:
    bob = sign_in(make_member(workspace, "bob@example.org", "builder").user)
    bob.goto("/w/acme/mappings/charge/edit/")
    expect(bob.get_by_text("Also editing: alice@example.org.")).to_be_visible()
    for page, mark in ((alice, "'A'"), (bob, "'B'")):
        field(page, "order_number").locator(".map-row").click()
        page.keyboard.press("Control+End")
        page.keyboard.type(f" ~ {mark}")
        told = "Saved as revision 2" if page is alice else "saved revision 2"
        expect(page.locator("main")).to_contain_text(told, timeout=20_000)
    assert "~ 'A'" in Mapping.objects.get(slug="charge").draft_text
    assert "~ 'B'" in text_of(bob)
    alice.close()
    cache.clear()
    bob.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(bob.get_by_text("Also editing")).to_have_count(0)
    expect(bob.get_by_text("yours can not be saved over it unseen")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_preview_and_the_form_of_a_lookup_are_accessible(alice: Page, width: int) -> None:
    alice.set_viewport_size({"width": width, "height": 844})
    field(alice, "lineItems").locator(".map-row").click()
    expect(field(alice, "lineItems").get_by_role("button", name="Rename to line_items")).to_be_visible()
    if width == 390:
        alice.get_by_role("button", name="Preview").click()
    found = Axe().run(alice).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert alice.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_click_makes_a_test_of_what_a_run_gave(sign_in: Callable[[User], Page], world: World) -> None:
    content = {"kind": "mapping", "slug": "shape", "title": "Shape", "fields": {"to": "source.email"}}
    for one in (schema(slug="order"), content):
        apply_document(actor=SYSTEM, workspace=world.workspace, content=one)
    use = {"id": "use", "map": {"mapping": "shape"}}
    made = world.flow(use, slug="orders", input={"schema": "order@1"})
    run = play(world, made, {"id": "o-1", "email": "eve@x.example"})
    page = sign_in(make_member(world.workspace, "alice@example.org", "builder").user)
    page.goto(f"/w/{world.workspace.slug}/mappings/shape/edit/")
    page.get_by_role("group", name="Samples").get_by_role("button", name="orders,").click()
    page.get_by_role("button", name="Make a test of the sample").click()
    expect(page.locator("#mapping-tests")).to_contain_text("1 passes")
    [case] = (Mapping.objects.get(slug="shape").draft or {})["tests"]
    assert case["from_run"] == str(run.id)
    assert case["expect"] == {"to": case["input"]["email"]}
    assert case["input"]["email"] != "eve@x.example"
