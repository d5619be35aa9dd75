"""Every page of the URL map in a real browser, in the longer language: accessible, not wider than a telephone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page as BrowserPage

from ipaas.accounts.models import User, Workspace
from ipaas.catalog.connecting import create_share_link
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from tests.factories.people import PASSWORD, make_member
from tests.integration.api.conftest import _no_vendor_is_called, acme, deployed, globex, production, subjects
from tests.integration.web.test_every_page import PAGES, values

__all__ = ["_no_vendor_is_called", "acme", "deployed", "globex", "production", "subjects", "values"]

SERIOUS = {"serious", "critical"}
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NO_PAGES = ("api/", "hooks/", "w/", "healthz", "readyz", "metrics")
"""Answers for programs; what is below a workspace is found with its values."""


def plain_paths(patterns: list[Any], prefix: str = "") -> list[str]:
    """Addresses without a parameter outside the workspaces."""
    found: list[str] = []
    for entry in patterns:
        route = prefix + str(entry.pattern).lstrip("^").rstrip("$")
        if isinstance(entry, URLResolver):
            found += plain_paths(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and "<" not in route and not route.startswith(NO_PAGES):
            found.append(f"/{route}")
    return found


QUERIES = dict.fromkeys(
    ("runtime:dead_letter_group", "runtime:dead_letter_correct_all"), "?flow=orders&cause=note%3A+no_stock"
)
"""What a page is asked about in its address."""
NOT_HERE = {
    "catalog:connection_move",  # of imported connectors alone
    "audit:job_file",  # once the export is done
    "/accounts/invitation/",  # with the link of one
    "/accounts/sso/",  # where a provider is set up
    "/accounts/sso/callback/",
    "/accounts/two-factor/totp/deactivate/",  # once a second factor is set up
    "/accounts/two-factor/recovery-codes/",
    "/accounts/two-factor/recovery-codes/download/",
}
"""Pages that are missing for the people and things of these tests; others look at them."""
REFUSED = {"/connect/": 410, "/connect/callback/": 400}
"""Without a link, or an answer of a vendor; with one they are looked at here and by ``test_any_api.py``."""


@pytest.fixture
def page(sign_in: Callable[[User], BrowserPage], admin: User) -> BrowserPage:
    return sign_in(admin)


@pytest.fixture
def addresses(page: BrowserPage, values: dict[str, Any]) -> list[str]:
    """Of all that answers reading with a whole page; what answers otherwise has to say so by its status or type."""
    own = {"accounts:environment_edit": {"accounts.slug": "production"}}  # beside it a slug is a service account's
    for one in PAGES:
        kind = one.name.removeprefix("ownership:").partition("_")[0]
        if kind in ("term", "convention"):
            own[one.name] = {"ownership.slug": values[kind]}
        if one.name.startswith("contracts:event_type_"):
            own[one.name] = {"contracts.slug": values["event_type"]}
    below = {one.path("acme", values | own.get(one.name, {})) + QUERIES.get(one.name, ""): one.name for one in PAGES}
    found, lost = [], []
    for path, name in {**below, **dict.fromkeys(plain_paths(get_resolver().url_patterns), "")}.items():
        answer = page.request.get(path, max_redirects=0)
        if answer.status == 404 and (name or path) in NOT_HERE:
            continue
        if answer.status == REFUSED.get(path):
            continue
        if answer.status not in {200, 204, 302, 405}:
            lost.append(f"{name or path}: {answer.status}")
        elif answer.headers.get("content-type", "").startswith("text/html") and is_page(answer.body()):
            found.append(path)
    assert lost == []
    payments = Connection.objects.get(workspace__slug="acme", slug="payments")
    return [*found, f"/connect/link/{create_share_link(connection=payments, actor=SYSTEM).token}/"]


def is_page(body: bytes) -> bool:
    return b"<!doctype html>" in body[:200].lower()


@pytest.fixture
def admin(acme: Workspace) -> User:
    user = make_member(acme, "admin@acme.example", "admin", password=PASSWORD).user
    user.language = "de"
    user.save()
    cache.clear()
    return user


def test_every_page_is_accessible_and_fits(page: BrowserPage, addresses: list[str]) -> None:
    faults: list[str] = []
    for path in addresses:
        page.set_viewport_size(NARROW)
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            faults.append(f"{path} is {width} wide")
        page.set_viewport_size(WIDE)
        found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
        faults += [f"{path} {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]

    assert faults == []
    assert len(addresses) > 40
