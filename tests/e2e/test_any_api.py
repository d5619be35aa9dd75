"""A person without code goes from a vendor's OpenAPI document to a flow that is limited, retried and masked."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from bench.victim import Instance
from ipaas.launcher.layout import ROOT
from tests.e2e.test_every_page import NARROW, SERIOUS, WIDE
from tests.e2e.test_tutorial import running
from tests.e2e.walk import Walk

__all__ = ["running"]


@dataclass
class Examined(Walk):
    """Each of the platform's pages on the way, once: accessible, not wider than a telephone."""

    seen: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def _click(self, label: str, row: str | None) -> None:
        super()._click(label, row)
        page = self._window
        place = f"{urlsplit(page.url).path}: {page.title()}"
        if place in self.seen or not page.url.startswith(self.address) or page.locator("dialog[open]").count():
            return
        self.seen.add(place)
        page.set_viewport_size(NARROW)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            self.faults.append(f"{place} is {width} wide")
        page.set_viewport_size(WIDE)
        found = Axe().run(page).response["violations"]
        self.faults += [f"{place}: {one['id']}" for one in found if one["impact"] in SERIOUS]


def test_any_api_becomes_a_flow(running: Instance, browser: Browser, tmp_path: Path) -> None:
    for name in (".venv", "ipaas"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "docs" / "how-to", tmp_path / "docs" / "how-to")
    password = (running.home / "keys" / "demo_password").read_text().strip()
    walk = Examined(browser, f"http://127.0.0.1:{running.port}", password, tmp_path, running.environment)

    walk.follow(ROOT / "docs" / "how-to" / "connect-to-any-api.md")

    assert walk.faults == []
    assert len(walk.seen) > 12
