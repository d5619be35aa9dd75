"""Take the screenshots of the documentation from an instance that is started for it.

    .venv/bin/python -m docs.screenshots [--all FOLDER]

The tutorial and the way from a description to a flow are followed, and their pictures are taken where the pages show
them. Then orders are sent, some of them into
faults, and the pages that the other documents show are taken. ``--all`` takes every page in both widths and both themes
into a folder instead, to look through them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from bench.victim import Instance, instance
from tests.e2e.walk import Walk, still

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
ORDERS = [
    "--count",
    "40",
    "--fault",
    "payments:503:20%",
    "--fault",
    "shipping:reject:10%",
    "--fault",
    "inventory:401:8%",
]
QUESTION = """\
kind: flow
slug: big-refund
title: Big refund
owner: finance
trigger:
  manual: {}
business_ids:
  charge: trigger.body.charge_id
primary_business_id: charge
deadline: P2D
steps:
  - id: ask
    title: May this be paid back?
    approval:
      title: Pay back {{ trigger.body.amount_minor }} cents of {{ trigger.body.charge_id }}?
      evidence: {charge: "{{ trigger.body.charge_id }}", amount: "{{ trigger.body.amount_minor }}"}
      approvers: approver
      expires: P1D
"""
PARCELS = ROOT / "docs" / "how-to" / "parcel-post.yaml"
COMPENSATED = "main a[href*='/runs/0']"
PAGES = {
    "home": ("operator", ""),
    "runs": ("operator", "runs/"),
    "run": ("operator", "runs/?status=compensated", COMPENSATED),
    "compare": ("operator", "runs/?status=compensated", COMPENSATED, "a[href$='/compare/']", "main .todo-list a"),
    "story": ("operator", "runs/?status=compensated", COMPENSATED, "a[href*='/stories/order/']"),
    "dead-letters": ("operator", "dead-letters/"),
    "dead-letter-group": ("operator", "dead-letters/", "main a[href*='/dead-letters/group']"),
    "approvals": ("approver", "approvals/", "main a[href*='/approvals/0']"),
    "flows": ("builder", "flows/"),
    "flow": ("builder", "flows/order-to-shipment/"),
    "flow-edit": ("builder", "flows/order-to-shipment/edit/"),
    "promote": ("steward", "flows/order-to-shipment/promote/?from=production&to=staging"),
    "try-a-step": ("operator", "runs/?status=compensated", COMPENSATED, "a[href*='/test/']"),
    "catalog": ("builder", "catalog/"),
    "connector": ("builder", "catalog/of/payments/"),
    "operation": ("builder", "catalog/of/payments/create_charge/"),
    "new-connection": ("builder", "connections/new/"),
    "import": ("builder", "catalog/import/"),
    "mappings": ("builder", "mappings/"),
    "mapping": ("builder", "mappings/order-canonical/"),
    "mapping-editor": ("builder", "mappings/order-canonical/edit/", "li[data-path='customer.name'] .map-row"),
    "lookups": ("builder", "lookups/"),
    "functions": ("builder", "functions/"),
    "schemas": ("steward", "schemas/"),
    "schema": ("steward", "schemas/order-created/"),
    "contracts": ("steward", "contracts/"),
    "contract": ("steward", "contracts/orders-from-storefront/"),
    "reviews": ("steward", "reviews/"),
    "domains": ("steward", "domains/"),
    "glossary": ("steward", "terms/"),
    "term": ("steward", "terms/order-number/"),
    "conventions": ("steward", "conventions/"),
    "convention": ("steward", "conventions/naming-fields/"),
    "webhooks": ("admin", "webhooks/"),
    "event-types": ("admin", "webhooks/events/"),
    "review-policy": ("admin", "settings/reviews/"),
    "vault-settings": ("admin", "settings/vault/"),
    "endpoints": ("builder", "endpoints/"),
    "connections": ("builder", "connections/"),
    "connection": ("builder", "connections/", "main a[href*='/payments/']"),
    "stubs": ("operator", "stubs/"),
    "stub": ("operator", "stubs/payments/"),
    "secrets": ("admin", "vault/"),
    "audit": ("auditor", "audit/"),
    "members": ("admin", "settings/"),
    "health": ("admin", "settings/health/"),
}
"""Who looks, the page to begin at, and on each page the link to go on by."""
DOCUMENTED = (
    "home", "run", "compare", "story", "dead-letters", "flow", "promote", "try-a-step", "import", "connection",
    "mapping-editor", "secrets", "approvals", "members",
)  # fmt: skip
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
TUTORIAL = ("first-flow.md", "failed-order.md", "script-with-a-key.md", "auditors-export.md", "steward-signs-off.md")


def command(running: Instance, *words: str, given: str = "") -> str:
    argv = [sys.executable, "-m", "ipaas.cli.main", *words]
    done = subprocess.run(
        argv, cwd=ROOT, env=running.environment, input=given, capture_output=True, text=True, check=False
    )
    return done.stdout


def follow_tutorial(browser: Browser, running: Instance, folder: Path) -> None:
    for name in (".venv", "ipaas", "docs"):
        (folder / name).symlink_to(ROOT / name)
    walk = Walk(browser, address(running), password(running), folder, running.environment, take_pictures=True)
    for part in TUTORIAL:
        walk.follow(ROOT / "docs" / "tutorial" / part)
    walk.follow(ROOT / "docs" / "how-to" / "connect-to-any-api.md")


def make_work(running: Instance) -> None:
    """Orders, some of which fail, and a question that waits."""
    command(running, "demo", "orders", *ORDERS)
    command(running, "apply", "-", "--deploy", "production", given=QUESTION)
    command(running, "trigger", "big-refund", '{"charge_id": "ch_00000001", "amount_minor": 500}')


def address(running: Instance) -> str:
    return f"http://127.0.0.1:{running.port}"


def password(running: Instance) -> str:
    return (running.home / "keys" / "demo_password").read_text().strip()


def sign_in(browser: Browser, running: Instance, role: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 860}, base_url=address(running)).new_page()
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(f"{role}@demo.example")
    page.locator("input[name=password]").fill(password(running))
    page.locator("main button[type=submit], form button[type=submit]").first.click()
    page.wait_for_url("**/w/demo/**")
    return page


def visit(page: Page, path: str, *links: str) -> None:
    """Open a page, and go on from each one by the first link that a selector finds."""
    page.goto(f"/w/demo/{path}")
    for selector in links:
        found = [link.get_attribute("href") for link in page.locator(selector).all()]
        page.goto(urljoin(page.url, next(link for link in found if link and link != urlsplit(page.url).path)))
    if path == "catalog/import/":
        page.locator("input[name=slug]").fill(PARCELS.stem)
        page.locator("input[type=file]").set_input_files(PARCELS)
        page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state("load")
    page.locator("main").wait_for()


def take(
    browser: Browser, running: Instance, folder: Path, names: tuple[str, ...], looks: list[tuple[int, str]]
) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    people: dict[str, Page] = {}
    missed: dict[str, str] = {}
    for name in names:
        role, *where = PAGES[name]
        page = people.get(role) or sign_in(browser, running, role)
        people[role] = page
        for width, theme in looks:
            page.set_viewport_size({"width": width, "height": 860})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            try:
                visit(page, *where)
            except StopIteration:
                missed[name] = "nothing to follow on the page before"
                continue
            heading = page.locator("h1").first.inner_text()
            if heading.split()[0] in ("403", "404", "500"):
                missed[name] = heading
            suffix = f"-{width}-{theme}" if len(looks) > 1 else ""
            still(page).screenshot(path=folder / f"{name}{suffix}.png", full_page=len(looks) > 1)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, both widths and themes, into FOLDER")
    given = parser.parse_args()
    looks = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] if given.all else [(1280, "light")]
    names = tuple(PAGES) if given.all else DOCUMENTED
    chromium = os.environ.get("IPAAS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver, instance() as running, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        if not given.all:
            follow_tutorial(browser, running, Path(folder))
        make_work(running)
        missed = take(browser, running, given.all or IMAGES, names, looks)
        browser.close()
    print(json.dumps({"taken": len(names) - len(missed), "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
