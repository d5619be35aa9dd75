"""A Chromium of the system against the live server; without one the tests are skipped with the reason."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (group e2e)")

CHROMIUM = os.environ.get("IPAAS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    reason = None
    if CHROMIUM is None:
        reason = "no chromium on this machine (apt install chromium, or set IPAAS_CHROMIUM)"
    elif not (django_settings.BASE_DIR / "static" / "dist" / "app.js").exists():
        reason = "the pages' assets are not built (npm ci && npm run build)"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.e2e)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser() -> Iterator["playwright.Browser"]:
    # Playwright's own event loop would make Django refuse its synchronous database calls in this thread.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
