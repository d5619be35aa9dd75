"""Building in a real browser: a flow from an empty editor to a run, and a mapping with its live preview."""

import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import Environment, Workspace
from ipaas.runtime.models import Run
from tests.factories.people import make_member

FLOW = """\
kind: flow
slug: greet
title: Greet
owner: front-office
deadline: P1D
trigger:
  manual: {}
business_ids:
  guest: trigger.body.guest
primary_business_id: guest
steps:
  - id: check_guest
    validate:
      schema: {type: object, required: [guest]}
      value: trigger.body
"""
MAPPING = "kind: mapping\nslug: guest\ntitle: Guest\nfields:\n  name: source.guest\n"


@pytest.fixture
def page(
    monkeypatch: pytest.MonkeyPatch, browser: Browser, transactional_db: None, live_server: LiveServer
) -> Iterator[Page]:
    """A browser in which a builder of the workspace has signed in."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's loop lives in the thread of the test
    cache.clear()
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=workspace, slug="production", name="Production")
    client = Client()
    client.force_login(make_member(workspace, "alice@example.org", "builder").user)
    context = browser.new_context(base_url=live_server.url)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    noise: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: noise.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    yield page
    context.close()
    assert noise == []


def write(page: Page, name: str, text: str) -> None:
    """Replace what stands in an editor.

    Emptied first: Chromium keeps the style of text that is typed over and reports that the policy refused it.
    """
    page.locator(f"textarea[name={name}] + .cm-editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def test_a_flow_is_written_checked_published_deployed_and_started(page: Page) -> None:
    page.goto("/w/acme/flows/")
    page.get_by_role("link", name="New flow").first.click()
    write(page, "document", FLOW.replace("trigger.body.guest", "trigger.body.guest +"))
    findings = page.locator("#document-checks")
    expect(findings.get_by_text("Line 9")).to_be_visible()
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()

    write(page, "document", FLOW)
    expect(findings.get_by_text("No findings")).to_be_visible()
    expect(findings.get_by_text("Check guest")).to_be_visible()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved as revision 1.")).to_be_visible()

    page.get_by_role("button", name="Publish").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What changes").fill("The first")
    dialog.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is published.")).to_be_visible()

    page.get_by_role("button", name="Deploy").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    expect(page.get_by_text("Version 1 is live in Production.")).to_be_visible()

    page.get_by_role("link", name="Start a run").click()
    write(page, "body", '{"guest": "Anna"}')
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/w/acme/runs/[0-9a-f-]{36}/$"))
    assert Run.objects.get().business_key == "Anna"


def test_a_mapping_is_previewed_while_it_is_typed(page: Page) -> None:
    page.goto("/w/acme/mappings/-new/")
    page.get_by_role("tab", name="Text").click()
    write(page, "document", MAPPING)
    write(page, "sample", '{"guest": "Anna"}')
    checks = page.locator("#document-checks")
    expect(checks.get_by_text('"Anna"')).to_be_visible()

    write(page, "document", MAPPING.replace("source.guest", "source.host"))
    expect(checks.get_by_text("1 failed")).to_be_visible()


def test_leaving_unsaved_text_asks_first(page: Page) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.goto("/w/acme/schemas/-new/")
    write(page, "document", "kind: schema")
    page.get_by_role("link", name="Flows", exact=True).click(no_wait_after=True)
    expect(page).to_have_url(re.compile("/schemas/-new/"))
    page.wait_for_function("true")

    assert asked == ["beforeunload"]


def test_the_editor_completes_and_keeps_what_is_written(page: Page) -> None:
    page.goto("/w/acme/flows/-new/")
    write(page, "document", FLOW)
    page.get_by_role("button", name="Save draft").click()
    expect(page).to_have_url(re.compile("/flows/greet/edit/"))
    editor = page.locator(".cm-content").first
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("  # Why it is so.\n  - id: name\n    ")
    page.keyboard.type("ma")
    choices = page.locator(".cm-tooltip-autocomplete li")
    expect(choices.first).to_contain_text("map")
    page.keyboard.press("Escape")
    page.keyboard.insert_text("p:\n      fields:\n        guest: ")
    page.keyboard.type("steps.")
    expect(choices).to_contain_text(["check_guest"])
    page.keyboard.press("Escape")
    page.keyboard.insert_text("check_guest.output.guest\n")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved as revision", timeout=15_000)
    page.reload()
    expect(page.locator(".cm-content").first).to_contain_text("# Why it is so.")
