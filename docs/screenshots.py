"""Take the screenshots of the documentation from a running instance with the demo.

    IPAAS_HOME=… .venv/bin/python docs/screenshots.py [--all FOLDER]

Orders are sent first, some of them into faults, so that the pages have something to show. ``--all`` takes every page in
both widths and both themes into a folder instead, to look through them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
ORDERS = ["--count", "40", "--fault", "payments:503:20%", "--fault", "shipping:reject:10%"]
PAGES = {
    "home": ("operator", ""),
    "runs": ("operator", "runs/"),
    "run": ("operator", "runs/?status=compensated main a[href*='/runs/0']"),
    "dead-letters": ("operator", "dead-letters/"),
    "dead-letter-group": ("operator", "dead-letters/ main a[href*='/dead-letters/group']"),
    "approvals": ("approver", "approvals/"),
    "flows": ("builder", "flows/"),
    "flow": ("builder", "flows/order-to-shipment/"),
    "flow-edit": ("builder", "flows/order-to-shipment/edit/"),
    "mappings": ("builder", "mappings/"),
    "mapping": ("builder", "mappings/order-canonical/"),
    "schemas": ("steward", "schemas/"),
    "endpoints": ("builder", "endpoints/"),
    "connections": ("builder", "connections/"),
    "connection": ("builder", "connections/ main a[href*='/payments/']"),
    "stubs": ("operator", "stubs/"),
    "stub": ("operator", "stubs/payments/"),
    "secrets": ("admin", "vault/"),
    "audit": ("auditor", "audit/"),
    "settings": ("admin", "settings/"),
    "health": ("admin", "settings/health/"),
}
DOCUMENTED = ("home", "run", "dead-letters", "flow")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def instance() -> tuple[str, str]:
    """Address and demo password of the running instance."""
    home = Path(os.environ.get("IPAAS_HOME", ROOT / ".ipaas"))
    port = os.environ.get("IPAAS_PORT", "8000")
    return f"http://127.0.0.1:{port}", (home / "keys" / "demo_password").read_text().strip()


def send_orders() -> None:
    command = [sys.executable, "-m", "ipaas.cli.main", "demo", "orders", *ORDERS]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        print("the demo's own check failed; the pages show why", file=sys.stderr)


def sign_in(browser: Browser, address: str, role: str, password: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 860}, base_url=address).new_page()
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(f"{role}@demo.example")
    page.locator("input[name=password]").fill(password)
    page.locator("main button[type=submit], form button[type=submit]").first.click()
    page.wait_for_url("**/w/demo/**")
    return page


def visit(page: Page, where: str) -> None:
    """Open ``path`` or, after a space, the first link on it that a selector finds."""
    path, _, selector = where.partition(" ")
    page.goto(f"/w/demo/{path}")
    if selector:
        links = [link.get_attribute("href") for link in page.locator(selector).all()]
        target = next(link for link in links if link and link.rstrip("/") != f"/w/demo/{path}".rstrip("/"))
        page.goto(target)
    page.wait_for_load_state("load")
    page.locator("main").wait_for()


def take(browser: Browser, folder: Path, names: tuple[str, ...], looks: list[tuple[int, str]]) -> dict[str, str]:
    address, password = instance()
    folder.mkdir(parents=True, exist_ok=True)
    people: dict[str, Page] = {}
    missed: dict[str, str] = {}
    for name in names:
        role, where = PAGES[name]
        page = people.get(role) or sign_in(browser, address, role, password)
        people[role] = page
        for width, theme in looks:
            page.set_viewport_size({"width": width, "height": 860})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            try:
                visit(page, where)
            except StopIteration:
                missed[name] = "nothing to follow on the page before"
                continue
            heading = page.locator("h1").first.inner_text()
            if heading.split()[0] in ("403", "404", "500"):
                missed[name] = heading
            suffix = f"-{width}-{theme}" if len(looks) > 1 else ""
            page.screenshot(path=folder / f"{name}{suffix}.png", full_page=len(looks) > 1)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, both widths and themes, into FOLDER")
    parser.add_argument("--keep", action="store_true", help="send no orders first")
    given = parser.parse_args()
    if not given.keep:
        send_orders()
    looks = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] if given.all else [(1280, "light")]
    names = tuple(PAGES) if given.all else DOCUMENTED
    chromium = os.environ.get("IPAAS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        missed = take(browser, given.all or IMAGES, names, looks)
        browser.close()
    print(json.dumps({"taken": len(names) - len(missed), "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
