"""A builder makes a webhook in a real browser, tries it, pauses it; accessible at every step."""

from playwright.sync_api import Page, expect

from ipaas.accounts.models import Workspace
from tests.e2e.test_admin_pages import check, page, workspace

__all__ = ["page", "workspace"]


def test_a_webhook_from_the_first_click_to_its_deliveries(page: Page, workspace: Workspace) -> None:
    page.goto("/w/acme/webhooks/")
    check(page)
    page.get_by_role("link", name="New webhook").first.click()
    check(page)
    page.get_by_label("Name").fill("pager")
    page.get_by_label("Title").fill("Pager")
    page.get_by_label("Address").fill("https://example.com/in")
    page.get_by_label("Run dead-lettered").check()
    page.get_by_role("button", name="Save").click()
    assert page.locator("#shown-once").input_value().startswith("whsec_")
    check(page)
    page.get_by_role("link", name="Done").click()
    check(page)
    page.get_by_role("button", name="Send a test event").click()
    page.get_by_role("link", name="ipaas.webhook.test").click()
    expect(page.get_by_text("Not tried yet.")).to_be_visible()
    check(page)
    page.goto("/w/acme/webhooks/to/pager/")
    page.get_by_role("link", name="Pause").or_(page.get_by_role("button", name="Pause")).first.click()
    page.get_by_label("Reason (goes into the audit log)").first.fill("moving house")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.get_by_text("moving house")).to_be_visible()
    check(page)
    page.goto("/w/acme/webhooks/events/")
    check(page)
