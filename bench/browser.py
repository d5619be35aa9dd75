"""What Chromium makes of the main pages: first paint, and how long a key press takes to be seen."""

import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.victim import Instance

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROUNDS, LOOKS, LOOK_MS = 5, 250, 20
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_SENT = "performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0)"
_KEY_TO_FRAME = """() => new Promise((resolve) => {
  const begun = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "k", ctrlKey: true, bubbles: true}));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
})"""


@dataclass(frozen=True)
class Paints:
    """Milliseconds to the first contentful paint with an empty and a filled cache, milliseconds from a key that opens
    the command palette to the frame after it, bytes of a first load."""

    cold_ms: float
    warm_ms: float
    delay_ms: float
    sent: int


def paints(instance: Instance, cookie: str, pages: Mapping[str, str]) -> dict[str, Paints]:
    """The pages by name; empty when playwright or Chromium is missing."""
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if path is None:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        found = {name: _measure(browser, instance, cookie, address) for name, address in pages.items()}
        browser.close()
    return found


def _measure(browser: "Browser", instance: Instance, cookie: str, address: str) -> Paints:
    name, _, value = cookie.partition("=")
    cold, warm, delays, sent = [], [], [], []
    for _ in range(ROUNDS):
        context = browser.new_context(base_url=f"http://127.0.0.1:{instance.port}")
        context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
        page = context.new_page()
        cold.append(_visit(page, address))
        sent.append(int(page.evaluate(_SENT)))
        delays.append(float(page.evaluate(_KEY_TO_FRAME)))
        warm.append(_visit(page, address))
        context.close()
    return Paints(statistics.median(cold), statistics.median(warm), statistics.median(delays), max(sent))


def _visit(page: "Page", address: str) -> float:
    page.goto(address, wait_until="load")
    for _ in range(LOOKS):  # the pages' policy forbids waiting inside them
        painted = float(page.evaluate(_FIRST_PAINT))
        if painted:
            return painted
        page.wait_for_timeout(LOOK_MS)
    message = f"{address} was not painted within {LOOKS * LOOK_MS / 1000:g} s"
    raise TimeoutError(message)
