"""A Chromium of the system against the live server; without one the tests are skipped with the reason."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client
from django.test.testcases import LiveServerThread
from django.test.utils import override_settings
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import User

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


@pytest.fixture(scope="package", autouse=True)
def _orm_beside_the_driver() -> Iterator[None]:
    """The browser's driver keeps an event loop in this thread; the ORM of the tests runs beside it, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def design_server() -> Iterator[str]:
    """Address of a server with the component page; its pages need no database and get none."""
    with override_settings(ROOT_URLCONF="tests.e2e.urls_with_design", ALLOWED_HOSTS=["localhost"]):
        thread = LiveServerThread("localhost", StaticFilesHandler, connections_override={})
        thread.daemon = True
        thread.start()
        thread.is_ready.wait()
        if thread.error:
            raise thread.error
        yield f"http://localhost:{thread.port}"
        thread.terminate()


def is_fault(message: "playwright.ConsoleMessage") -> bool:
    """Chromium counts a refused form, and a network that a test takes away, as errors of the page."""
    meant = ("status of 409", "ERR_INTERNET_DISCONNECTED")
    return message.type == "error" and not any(one in message.text for one in meant)


@pytest.fixture
def sign_in(browser: "playwright.Browser", live_server: LiveServer) -> Iterator[Callable[[User], "playwright.Page"]]:
    """A page of a browser in which a person is signed in; whatever the console says of errors fails the test."""
    noise: list[str] = []
    contexts = []

    def open_page(user: User) -> "playwright.Page":
        client = Client()
        client.force_login(user)
        context = browser.new_context(base_url=live_server.url)
        contexts.append(context)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("console", lambda message: noise.append(message.text) if is_fault(message) else None)
        page.on("pageerror", lambda error: noise.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert noise == []
