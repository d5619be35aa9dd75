"""The visual editor of mappings in a real browser: fields are matched, written, tried and saved without any YAML."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Locator, Page, expect

from ipaas.accounts.models import Environment, User, Workspace
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from tests.factories.flow_documents import schema
from tests.factories.people import make_member

TEXT = """\
kind: mapping
slug: guest
title: Guest   # of the hotel
source_schema: booking
target_schema: guest-card
fields:
  # As the front desk calls them.
  name: source.guest.first_name
"""
BOOKING = {
    "type": "object",
    "properties": {
        "guest": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("first_name", "last_name", "email")},
        },
        "nights": {"type": "array", "items": {"type": "object", "properties": {"date": {"type": "string"}}}},
    },
}
CARD = {
    "type": "object",
    "required": ["name", "mail"],
    "properties": {
        "name": {"type": "string"},
        "mail": {"type": "string"},
        "nights": {"type": "array", "items": {"type": "object", "properties": {"date": {"type": "string"}}}},
    },
}
EXAMPLE = {
    "guest": {"first_name": "Anna", "last_name": "Adler", "email": "anna@hotel.example"},
    "nights": [{"date": "2026-11-29"}],
}


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    cache.clear()
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=workspace, slug="production", name="Production")
    for content in (
        schema(slug="booking", title="Booking", schema=BOOKING, examples=[EXAMPLE]),
        schema(slug="guest-card", title="Guest card", schema=CARD),
    ):
        apply_document(actor=SYSTEM, workspace=workspace, content=content)
    apply_document(actor=SYSTEM, workspace=workspace, text=TEXT)
    return workspace


@pytest.fixture
def alice(sign_in: Callable[[User], Page], workspace: Workspace) -> Page:
    return opened(sign_in(make_member(workspace, "alice@example.org", "builder").user))


def opened(page: Page) -> Page:
    page.goto("/w/acme/mappings/guest/edit/")
    expect(page.locator("[data-mapping][data-ready]")).to_be_visible()
    return page


def field(page: Page, path: str) -> Locator:
    return page.locator(f"[data-map=target] li[data-path='{path}']")


def place(page: Page, path: str) -> Locator:
    return page.locator(f"[data-map=source] li[data-path='{path}']")


def text_of(page: Page) -> str:
    return page.locator("textarea[name=document]").input_value()


def test_a_mapping_is_finished_on_the_board_and_the_text_keeps_its_comments(alice: Page) -> None:
    expect(alice.locator("[data-map=counts]")).to_have_text("1 of 3 mapped, 1 required missing")
    alice.get_by_role("button", name="Suggest matches").click()
    offers = alice.get_by_role("region", name="Suggested matches")
    expect(offers).to_contain_text("email is another word for mail")
    alice.get_by_role("button", name="Accept all").click()
    expect(alice.locator("[data-map=counts]")).to_have_text("3 of 3 mapped")
    expect(field(alice, "mail")).to_contain_text('"anna@hotel.example"')
    expect(field(alice, "nights[].date")).to_contain_text('"2026-11-29"')

    field(alice, "name").locator(".map-row").click()
    alice.keyboard.press("Control+End")
    alice.keyboard.type(" ~ ' ' ~ last_n")
    alice.locator(".cm-tooltip-autocomplete li", has_text="source.guest.last_name").click()
    expect(field(alice, "name").locator(".map-row")).to_contain_text('"Anna Adler"')
    expect(place(alice, "source.guest.last_name")).to_have_attribute("data-lit", "")
    field(alice, "name").get_by_label("If the input is missing").select_option("omit")
    expect(alice.locator("textarea[name=document]")).to_have_value(
        TEXT.replace(
            "name: source.guest.first_name",
            "name: {expr: source.guest.first_name ~ ' ' ~ source.guest.last_name, on_missing: omit}",
        )
        + "  mail: source.guest.email\n"
        + "  nights:\n    each: source.nights\n    as: item\n    fields: {date: item.date}\n"
    )
    expect(alice.locator("[data-save-state]")).to_contain_text("Saved as revision", timeout=15_000)
    assert Mapping.objects.get(slug="guest").draft_text == text_of(alice)


def test_a_step_back_goes_through_the_whole_document(alice: Page) -> None:
    field(alice, "name").locator(".map-row").click()
    field(alice, "name").get_by_role("button", name="Remove").click()
    expect(field(alice, "name")).to_have_attribute("data-kind", "unmapped")
    alice.get_by_label("New field").fill("stay.from")
    alice.get_by_role("button", name="Add a field").click()
    expect(field(alice, "stay.from").locator(".map-form")).to_be_visible()
    alice.get_by_role("button", name="Undo").click()
    alice.get_by_role("button", name="Undo").click()
    expect(alice.locator("textarea[name=document]")).to_have_value(TEXT)
    expect(field(alice, "name")).to_have_attribute("data-kind", "expression")
    alice.get_by_role("button", name="Redo").click()
    expect(field(alice, "name")).to_have_attribute("data-kind", "unmapped")


def test_all_of_it_by_keyboard_with_help_and_errors_in_place(alice: Page) -> None:
    alice.locator("[data-map=source-search]").focus()
    alice.keyboard.press("Alt+n")
    editor = field(alice, "mail").locator(".cm-content")
    expect(editor).to_be_focused()
    alice.keyboard.type("lower(")
    alice.keyboard.press("Escape")
    alice.keyboard.press("F1")
    expect(field(alice, "mail").locator(".map-help")).to_contain_text("lower(text: text)")
    expect(field(alice, "mail").locator(".map-faults li").first).to_be_visible()
    alice.keyboard.press("Alt+1")
    alice.keyboard.type("email")
    alice.keyboard.press("Tab")
    for _ in range(2):
        alice.keyboard.press("ArrowDown")
    target = place(alice, "source.guest.email").locator(".map-pick")
    target.focus()
    alice.keyboard.press("Enter")
    expect(editor).to_have_text("lower(source.guest.email)")
    expect(field(alice, "mail").locator(".map-row")).to_contain_text('"anna@hotel.example"')
    target.focus()
    expect(field(alice, "mail")).to_have_attribute("data-lit", "")
    field(alice, "mail").locator(".cm-content").click()
    alice.keyboard.press("Escape")
    expect(field(alice, "mail").locator(".map-row")).to_be_focused()
    alice.keyboard.press("ArrowDown")
    expect(field(alice, "name").locator(".map-row")).to_be_focused()


def test_the_second_sees_who_is_there_and_never_writes_over_unseen(
    alice: Page, sign_in: Callable[[User], Page], workspace: Workspace
) -> None:
    bob = opened(sign_in(make_member(workspace, "bob@example.org", "builder").user))
    expect(bob.get_by_text("Also editing: alice@example.org.")).to_be_visible()

    field(alice, "name").locator(".map-row").click()
    alice.keyboard.type("upper(")
    alice.keyboard.press("Escape")
    alice.keyboard.press("Control+End")
    alice.keyboard.type(")")
    alice.get_by_role("button", name="Save draft").click()
    expect(alice.get_by_text("Draft saved as revision")).to_be_visible()
    field(bob, "name").locator(".map-row").click()
    bob.keyboard.press("Control+End")
    bob.keyboard.type(" ~ '!'")
    bob.get_by_role("button", name="Save draft").click()
    expect(bob.get_by_text("Not saved: alice@example.org saved revision")).to_be_visible()
    expect(bob.locator(".diff")).to_contain_text("upper(")
    assert "'!'" in text_of(bob)


@pytest.mark.parametrize("width", [390, 1280])
def test_an_open_field_is_accessible_at_both_widths(alice: Page, width: int) -> None:
    alice.set_viewport_size({"width": width, "height": 844})
    field(alice, "name").locator(".map-row").click()
    alice.get_by_role("button", name="Suggest matches").click()
    expect(alice.get_by_role("region", name="Suggested matches")).to_be_visible()
    found = Axe().run(alice).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert alice.evaluate("document.documentElement.scrollWidth <= innerWidth")
