"""The own account in a real browser: a passkey of a virtual device, an authenticator app, joining by invitation."""

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.db import connections
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ipaas.accounts.models import Environment, Membership, Workspace
from tests.e2e.test_admin_pages import check
from tests.factories.people import PASSWORD, make_member


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    place = Workspace.objects.create(slug="acme", name="Acme")
    Environment.objects.create(workspace=place, slug="production", name="Production")
    make_member(place, "admin@example.org", "admin", password=PASSWORD)
    cache.clear()
    return place


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, workspace: Workspace) -> Iterator[Page]:
    """With a device that answers for its owner; an error of a script or a refusal by the CSP fails the test."""
    context = browser.new_context(base_url=live_server.url.replace("127.0.0.1", "localhost"))
    page = context.new_page()
    noise: list[str] = []
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("console", lambda told: noise.append(told.text) if "Content Security Policy" in told.text else None)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    abilities = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True, **abilities}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    assert noise == []
    context.close()
    connections.close_all()


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/?next=/profile/")
    page.get_by_label("Email").fill("admin@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_passkey_signs_in_by_itself(page: Page) -> None:
    sign_in(page)
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    check(page)
    page.get_by_role("navigation", name="Your account").get_by_role("link", name="Two-factor").click()
    check(page)
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_text("Sign in with it alone").click()
    check(page)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("Shown this once")).to_be_visible()
    check(page)
    page.goto("/accounts/two-factor/webauthn/")
    expect(page.get_by_role("row", name=re.compile("My laptop .*sign-in by itself"))).to_be_visible()
    check(page)

    sign_out(page)
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r"/w/acme/$"))

    sign_out(page)
    sign_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/profile/")
    page.goto("/profile/sessions/")
    check(page)


def test_an_app_is_set_up_and_asked_for(page: Page) -> None:
    sign_in(page)
    page.goto("/accounts/two-factor/totp/activate/")
    confirm(page)
    check(page)
    secret = page.get_by_role("textbox", name="Secret").input_value()
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    page.get_by_label("code").fill(code)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("Shown this once")).to_be_visible()


def test_an_invited_person_joins(page: Page) -> None:
    sign_in(page)
    page.goto("/w/acme/settings/")
    page.get_by_role("button", name="Invite a member").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill("dora@example.org")
    dialog.get_by_label("operator").check()
    dialog.get_by_role("button", name="Invite", exact=True).click()
    link = page.get_by_label("Link").input_value()
    check(page)
    page.goto("/w/acme/settings/")
    check(page)
    page.goto("/w/acme/settings/sign-in/")
    check(page)

    sign_out(page)
    page.goto(link)
    check(page)
    page.get_by_label("Your name").fill("Dora")
    page.get_by_label("Password").fill("a long enough new password")
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(re.compile(r"/w/acme/$"))
    assert Membership.objects.get(user__email="dora@example.org").roles == ["operator"]
