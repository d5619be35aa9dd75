"""Pages of rotation, collecting, breaking the glass, and of the store that keeps secrets."""

import re
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Workspace
from ipaas.accounts.roles import ROLES
from ipaas.core.actor import SYSTEM
from ipaas.vault import break_glass
from ipaas.vault.models import Backend, Secret, SecretVersion
from ipaas.vault.services import create_secret
from ipaas.web.pages import secret_rules
from tests.integration.web.conftest import VALUE, Browsers

ONE = "/w/acme/vault/secrets/hooks/"
PLAIN = "/w/acme/vault/secrets/pay-key/"
STORE = "/w/acme/settings/vault/"
DEEDS = {
    f"{ONE}rotation/": "secrets.write", f"{ONE}rotate/": "secrets.rotate", f"{ONE}versions/1/collect/": "secrets.write",
    f"{ONE}reveal/": "secrets.reveal", "/w/acme/vault/register/": "secrets.write",
    f"{STORE}change/": "settings.edit", f"{STORE}check/": "settings.view", f"{STORE}migrate/": "settings.edit",
}  # fmt: skip


@pytest.fixture(autouse=True)
def hooks(workspace: Workspace) -> Secret:
    return create_secret(
        workspace=workspace, slug="hooks", kind="signing", fields={"signing_secret": VALUE}, actor=SYSTEM
    )


@pytest.fixture
def admin(as_role: Browsers) -> Client:
    return as_role("admin")


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.parametrize("url", DEEDS)
def test_a_deed_is_for_those_with_its_permission(as_role: Browsers, stranger: Client, url: str) -> None:
    for role in sorted(ROLES):
        allowed = DEEDS[url] in ROLES[role]
        assert as_role(role).post(url).status_code == (302 if allowed else 403), role
    if "hooks" in url:
        assert stranger.post(url.replace("/w/acme/", "/w/globex/")).status_code == 404
    assert stranger.post(url).status_code == 404
    assert SecretVersion.objects.exists()


def test_a_rule_is_set_and_shown(admin: Client, secret: Secret) -> None:
    rule = {"every_days": "90", "rotation": "automatic", "overlap_s": "86400"}
    assert told(admin.post(f"{ONE}rotation/", rule, follow=True)) == "Changed."
    row = Secret.objects.get(slug="hooks")
    assert (row.rotate_every_days, row.rotation, row.rotation_overlap_s) == (90, "automatic", 86400)
    refused = admin.post(f"{PLAIN}rotation/", rule, follow=True)
    assert "automatic" in told(refused)
    shown = refused.content.decode()
    assert "Only who issues this secret can make a new one." in shown
    assert "Rotate now" not in shown
    listed = admin.get("/w/acme/vault/", {"order": "rotation"}).content.decode()
    assert listed.index("hooks") < listed.index("pay-key")


def test_a_value_that_the_platform_made_is_collected_once(admin: Client) -> None:
    rotated = admin.post(f"{ONE}rotate/", follow=True)
    assert told(rotated) == "A new version is live."
    assert "Collect" in rotated.content.decode()
    shown = admin.post(f"{ONE}versions/2/collect/")
    assert shown["Cache-Control"] == "no-store"
    assert re.search(r'id="shown-1" readonly value="[\w-]{43}"', shown.content.decode())
    again = admin.post(f"{ONE}versions/2/collect/", follow=True)
    assert "was collected before" in told(again)
    assert "Collect</button>" not in again.content.decode()


def test_the_glass_is_broken_only_where_it_is_allowed(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Break the glass" not in admin.get(ONE).content.decode()
    refused = admin.post(f"{ONE}reveal/", {"reason": "locked out by the vendor"}, follow=True)
    assert "IPAAS_BREAK_GLASS is off" in told(refused)

    class On:
        break_glass = True

    for module in (break_glass, secret_rules):
        monkeypatch.setattr(module, "settings", On)
    assert "Break the glass" in admin.get(ONE).content.decode()
    shown = admin.post(f"{ONE}reveal/", {"reason": "locked out by the vendor"})
    assert VALUE in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"


def test_a_store_is_chosen_tested_and_secrets_move_there(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPAAS_SECRET__ACME__HOOKS__SIGNING_SECRET", VALUE)
    monkeypatch.setenv("IPAAS_SECRET__ACME__ERP__TOKEN", "of-the-erp")
    assert "1 secret" in admin.get(STORE).content.decode()
    chosen = admin.post(f"{STORE}change/", {"store": "environment"}, follow=True)
    assert told(chosen).startswith("2 secrets stand in variables")
    assert told(admin.post(f"{STORE}check/", follow=True)).endswith("The store answers as it should.")
    assert "Move them here" in admin.get(STORE).content.decode()
    assert told(admin.post(f"{STORE}migrate/", follow=True)).startswith("1 moved, 0 left.")
    new = admin.get("/w/acme/vault/new/").content.decode()
    assert ("Register it" in new, "What is it for?" in new) == (True, False)
    made = admin.post("/w/acme/vault/register/", {"slug": "erp", "kind": "credential"}, follow=True)
    assert "of-the-erp" not in made.content.decode()
    assert set(Secret.objects.values_list("slug", "store")) == {("hooks", "environment"), ("erp", "environment")}


def test_a_login_is_never_shown_again_and_faults_stand_beside_their_fields(admin: Client) -> None:
    given = {"store": "openbao", "address": "https://127.0.0.1:8200", "mount": "secret", "path": "a//b",
             "auth": "token", "login__token": "hvs.never-shown"}  # fmt: skip
    answer = admin.post(f"{STORE}change/", given)
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert set(errors) == {"address", "path", "auth_mount"}
    assert "hvs.never-shown" not in answer.content.decode()
    without = {**given, "path": "a/b", "address": "https://vault.example.com", "auth_mount": "approle"}
    del without["login__token"]
    assert set(admin.post(f"{STORE}change/", without).context["form"].errors) == {"login__token"}
    assert not Backend.objects.exists()
