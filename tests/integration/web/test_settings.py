"""Pages of the settings: members, keys, environments, network, policies, health."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from ipaas.accounts.models import ApiKey, Environment, Invitation, Membership, ServiceAccount, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.accounts.services import authenticate_api_key
from ipaas.audit.models import AuditEntry
from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.flows.models import Flow
from ipaas.runtime.models import Work
from tests.factories.people import PASSWORD, make_member
from tests.integration.web.conftest import Browsers

ROOT = "/w/acme/settings/"
PAGES = {ROOT: "settings.view", f"{ROOT}keys/": "settings.view", f"{ROOT}environments/": "settings.view",
         f"{ROOT}environments/new/": "settings.edit", f"{ROOT}environments/production/edit/": "settings.edit",
         f"{ROOT}network/": "settings.view", f"{ROOT}sign-in/": "settings.view",
         f"{ROOT}policies/": "settings.view", f"{ROOT}health/": "settings.view",
         }  # fmt: skip
DEEDS = {f"{ROOT}invitations/new/": "users.manage", f"{ROOT}keys/new/": "apikeys.manage",
         f"{ROOT}service-accounts/new/": "apikeys.manage", f"{ROOT}network/change/": "settings.edit"}  # fmt: skip


@pytest.fixture
def admin(as_role: Browsers, environment: Environment) -> Client:
    return as_role("admin")


@pytest.fixture
def bob(workspace: Workspace) -> Membership:
    return make_member(workspace, "bob@example.org", "operator", password=PASSWORD)


def deed_of(member: Membership, name: str) -> str:
    return f"{ROOT}members/{member.id}/{name}/"


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(
    as_role: Browsers, environment: Environment, role: str, url: str
) -> None:
    assert as_role(role).get(url).status_code == (200 if PAGES[url] in ROLES[role] else 403)


@pytest.mark.parametrize("url", DEEDS)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_deed_is_for_those_with_its_permission(as_role: Browsers, role: str, url: str) -> None:
    accepted = {302, 422} if DEEDS[url] in ROLES[role] else {403}

    assert as_role(role).post(url).status_code in accepted


@pytest.mark.parametrize("name", ["roles", "remove", "switch", "password-link", "reset-second-factor"])
@pytest.mark.parametrize("role", sorted(set(ROLES) - {"admin"}))
def test_members_are_managed_by_administrators_alone(as_role: Browsers, bob: Membership, role: str, name: str) -> None:
    assert as_role(role).post(deed_of(bob, name)).status_code == 403


@pytest.mark.parametrize("url", [*PAGES, *DEEDS])
def test_a_stranger_finds_nothing(stranger: Client, environment: Environment, url: str) -> None:
    assert (stranger.post if url in DEEDS else stranger.get)(url).status_code == 404


@pytest.mark.parametrize("name", ["roles", "remove", "switch", "password-link", "reset-second-factor"])
def test_a_member_of_another_workspace_is_not_found(stranger: Client, bob: Membership, name: str) -> None:
    assert stranger.post(deed_of(bob, name).replace("/acme/", "/globex/")).status_code == 404


def test_somebody_new_is_invited_and_joins_by_the_link(admin: Client) -> None:
    page = admin.post(f"{ROOT}invitations/new/", {"email": "Dora@Example.org", "roles": ["operator", "auditor"]})
    link = re.search(r"http://testserver(/accounts/invitation/[^\"]+)", page.content.decode())
    assert link is not None
    assert page.headers["Cache-Control"] == "no-store"

    dora = Client()
    form = dora.get(link[1], follow=True)
    assert form.redirect_chain == [("/accounts/invitation/", 302)]
    secret = "a long enough new password"
    weak = dora.post("/accounts/invitation/", {"name": "Dora", "password": "short"})
    assert (weak.status_code, "too short" in weak.content.decode()) == (422, True)
    joined = dora.post("/accounts/invitation/", {"name": "Dora", "password": secret})
    assert joined.headers["Location"] == "/w/acme/"
    assert dora.get("/w/acme/flows/").status_code == 200
    assert Membership.objects.get(user__email="dora@example.org").roles == ["auditor", "operator"]
    assert "not valid" in Client().get(link[1], follow=True).content.decode()


def test_a_known_person_signs_in_to_join(admin: Client, stranger: Client) -> None:
    page = admin.post(f"{ROOT}invitations/new/", {"email": "charlie@example.org", "roles": ["auditor"]})
    link = re.search(r"http://testserver(/accounts/invitation/[^\"]+)", page.content.decode())
    assert link is not None
    assert "Sign in to join" in Client().get(link[1], follow=True).content.decode()
    assert Membership.objects.filter(user__email="charlie@example.org").count() == 1
    stranger.get(link[1])
    assert stranger.post("/accounts/invitation/").headers["Location"] == "/w/acme/"
    assert Membership.objects.filter(user__email="charlie@example.org").count() == 2


def test_an_invitation_is_sent_again_or_revoked(admin: Client) -> None:
    admin.post(f"{ROOT}invitations/new/", {"email": "dora@example.org", "roles": ["operator"]})
    old = mail.outbox[0].body
    found = Invitation.objects.get()
    admin.post(f"{ROOT}invitations/{found.id}/renew/")
    links = [re.search(r"http://testserver(\S+)", text) for text in (old, mail.outbox[1].body)]
    states = [Client().get(link[1], follow=True).status_code for link in links if link]
    assert states == [404, 200]
    admin.post(f"{ROOT}invitations/{found.id}/revoke/")
    assert Client().get(links[1][1], follow=True).status_code == 404  # type: ignore[index]
    assert "Dora" not in admin.get(ROOT).content.decode()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "required"),
        ({"email": "not an address", "roles": ["admin"]}, "valid email"),
        ({"email": "x@example.org", "roles": ["emperor"]}, "valid choice"),
        ({"email": "x@example.org"}, "required"),
        ({"email": "x\x00@example.org", "roles": ["admin"]}, "Null"),
        ({"email": "admin@example.org", "roles": ["admin"]}, "already"),
    ],
    ids=["nothing", "address", "role", "no-role", "nul", "member"],
)
def test_nobody_is_invited_by_a_bad_form(admin: Client, given: dict[str, Any], words: str) -> None:
    answer = admin.post(f"{ROOT}invitations/new/", given)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invitation.objects.exists()


def test_the_second_factor_is_asked_for_and_reset(admin: Client, bob: Membership) -> None:
    Authenticator.objects.create(user=bob.user, type="totp", data={"secret": "sealed"})
    assert "Reset second factor" in admin.get(ROOT).content.decode()
    admin.post(deed_of(bob, "reset-second-factor"))
    assert not Authenticator.objects.exists()
    page = admin.get(f"{ROOT}sign-in/")
    assert sorted(page.context["without"]) == ["admin@example.org", "bob@example.org"]
    admin.post(f"{ROOT}sign-in/change/", {"required": "yes"})
    assert admin.get(ROOT).headers["Location"] == "/accounts/two-factor/"


def test_a_service_account_gets_a_rate_of_its_own(admin: Client, workspace: Workspace) -> None:
    admin.post(f"{ROOT}service-accounts/new/", {"slug": "robot", "name": "Robot", "roles": ["auditor"]})
    change = f"{ROOT}service-accounts/robot/change/"
    assert "is changed" in told(admin.post(change, {"rate_per_minute": "30", "roles": ["operator"]}, follow=True))
    robot = ServiceAccount.objects.get()
    assert (robot.rate_per_minute, robot.roles) == (30, ["operator"])
    for bad in ({"rate_per_minute": "0", "roles": ["operator"]}, {"rate_per_minute": "30"}):
        assert "is changed" not in told(admin.post(change, bad, follow=True))
    robot.refresh_from_db()
    assert (robot.rate_per_minute, robot.roles) == (30, ["operator"])


def test_roles_are_changed_and_the_last_administrator_stays(admin: Client, bob: Membership) -> None:
    admin.post(deed_of(bob, "roles"), {"roles": ["builder", "steward"]})
    bob.refresh_from_db()
    assert bob.roles == ["builder", "steward"]

    own = Membership.objects.get(user__email="admin@example.org")
    assert "last administrator" in told(admin.post(deed_of(own, "roles"), {"roles": ["auditor"]}, follow=True))
    assert "at least one role" in told(admin.post(deed_of(bob, "roles"), {}, follow=True))
    assert "last administrator" in told(admin.post(deed_of(own, "remove"), follow=True))


def test_a_member_is_removed(admin: Client, bob: Membership) -> None:
    assert "no longer a member" in told(admin.post(deed_of(bob, "remove"), follow=True))
    assert not Membership.objects.filter(id=bob.id).exists()
    assert admin.post(deed_of(bob, "remove")).status_code == 404


def test_an_account_is_switched_off_and_on(admin: Client, bob: Membership) -> None:
    browser = Client()
    browser.force_login(bob.user)
    admin.post(deed_of(bob, "switch"), {"active": "no"})
    assert browser.get("/w/acme/connections/").status_code == 302
    assert "switched off" in told(admin.post(deed_of(bob, "password-link"), follow=True))

    admin.post(deed_of(bob, "switch"), {"active": "yes"})
    bob.user.refresh_from_db()
    assert bob.user.is_active
    assert AuditEntry.objects.filter(action="user.reactivated", subject_label="bob@example.org").exists()


def test_no_workspace_takes_over_an_account_that_others_share(admin: Client, bob: Membership) -> None:
    elsewhere = Workspace.objects.create(slug="other", name="Other")
    make_member(elsewhere, "bob@example.org", "admin")

    for name in ("password-link", "switch"):
        assert "also belongs to other workspaces" in told(admin.post(deed_of(bob, name), follow=True))


def test_a_password_link_ends_with_the_change_of_the_password(admin: Client, bob: Membership) -> None:
    page = admin.post(deed_of(bob, "password-link")).content.decode()
    link = re.search(r"(/accounts/password/new/[^\"]+)", page)
    assert link is not None
    bob.user.set_password("something else entirely")
    bob.user.save()

    assert "not valid" in Client().get(link[1], follow=True).content.decode()


@pytest.mark.parametrize("path", ["x/y", "MQ/set-password", "%00/%00", "bm90LWEtdXVpZA/abc-def"])
def test_a_garbled_link_is_said_to_be_invalid(db: None, path: str) -> None:
    answer = Client().get(f"/accounts/password/new/{path}/", follow=True)

    assert answer.status_code == 200
    assert "not valid" in answer.content.decode()


def made_key(admin: Client, **given: Any) -> tuple[ApiKey, str]:
    page = admin.post(f"{ROOT}keys/new/", {"name": "export", "scopes": ["runs.view"], **given})
    raw = re.search(r"ipk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", page.content.decode())
    assert raw is not None
    assert page.headers["Cache-Control"] == "no-store"
    return ApiKey.objects.get(prefix=raw[0][4:16]), raw[0]


def test_a_key_is_shown_once_and_works(admin: Client) -> None:
    key, raw = made_key(admin, expires_on="2099-01-01")

    assert authenticate_api_key(raw).permissions == {"runs.view"}
    assert key.expires_at is not None
    assert raw not in admin.get(f"{ROOT}keys/").content.decode()


def test_a_key_is_narrowed_to_flows_and_belongs_to_a_service_account(admin: Client, workspace: Workspace) -> None:
    flow = Flow.objects.create(workspace=workspace, slug="order", title="Order")
    admin.post(f"{ROOT}service-accounts/new/", {"slug": "ci", "name": "Deployments", "roles": ["operator"]})
    key, raw = made_key(admin, owner="ci", flows=[str(flow.id)])

    assert (key.service_account, key.flows) == (ServiceAccount.objects.get(), [flow.id])
    assert authenticate_api_key(raw).kind == "service"
    page = admin.get(f"{ROOT}keys/").content.decode()
    assert "1 flow" in page


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "required"),
        ({"scopes": []}, "required"),
        ({"scopes": ["everything"]}, "valid choice"),
        ({"expires_on": "2001-01-01"}, "in the past"),
        ({"expires_on": "never"}, "valid date"),
        ({"owner": "nobody"}, "valid choice"),
        ({"flows": ["x"]}, "valid choice"),
        ({"flows": [str(uuid7())]}, "valid choice"),
    ],
    ids=["name", "no-scope", "scope", "past", "date", "owner", "flow", "foreign-flow"],
)
def test_no_key_is_made_by_a_bad_form(admin: Client, given: dict[str, Any], words: str) -> None:
    answer = admin.post(f"{ROOT}keys/new/", {"name": "export", "scopes": ["runs.view"], **given})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_service_account_permits_no_more_than_its_roles(admin: Client) -> None:
    admin.post(f"{ROOT}service-accounts/new/", {"slug": "ci", "name": "CI", "roles": ["approver"]})
    answer = admin.post(f"{ROOT}keys/new/", {"name": "k", "owner": "ci", "scopes": ["settings.edit"]})

    assert "more than the maker or the service account may do" in answer.content.decode()


def test_a_key_is_rotated_with_an_overlap_and_revoked(admin: Client) -> None:
    old, raw = made_key(admin)
    page = admin.post(f"{ROOT}keys/{old.prefix}/rotate/", {"overlap": "3600"})
    assert "ipk_" in page.content.decode()
    old.refresh_from_db()
    assert old.expires_at is not None
    assert old.expires_at - now() <= timedelta(hours=1)
    assert authenticate_api_key(raw).label
    assert "no longer live" in told(admin.post(f"{ROOT}keys/{old.prefix}/rotate/", follow=True))

    admin.post(f"{ROOT}keys/{old.prefix}/revoke/")
    old.refresh_from_db()
    assert old.revoked_at is not None
    assert "Revoked" in admin.get(f"{ROOT}keys/").content.decode()


@pytest.mark.parametrize("name", ["rotate", "revoke"])
def test_a_foreign_key_is_not_found(admin: Client, stranger: Client, name: str) -> None:
    key, _ = made_key(admin)

    assert stranger.post(f"/w/globex/settings/keys/{key.prefix}/{name}/").status_code == 404
    assert admin.post(f"{ROOT}keys/000000000000/{name}/").status_code == 404


def test_a_service_account_is_disabled_with_its_keys(admin: Client) -> None:
    admin.post(f"{ROOT}service-accounts/new/", {"slug": "ci", "name": "CI", "roles": ["operator"]})
    made_key(admin, owner="ci")
    admin.post(f"{ROOT}service-accounts/ci/switch/", {"disabled": "yes"})

    assert ServiceAccount.objects.get().disabled
    assert [key["state"] for key in admin.get(f"{ROOT}keys/").context["keys"]] == ["disabled"]
    assert admin.post(f"{ROOT}service-accounts/none/switch/").status_code == 404


def test_an_environment_is_made_and_changed(admin: Client, workspace: Workspace) -> None:
    given = {"slug": "staging", "name": "Staging", "position": "1", "variables": '{"shop": "de", "rate": 0.5}'}
    admin.post(f"{ROOT}environments/new/", given)
    made = Environment.objects.get(slug="staging")
    assert (made.position, made.variables) == (1, {"shop": "de", "rate": 0.5})

    admin.post(f"{ROOT}environments/staging/edit/", {"name": "Try-out", "variables": '{"shop": "nl"}'})
    made.refresh_from_db()
    assert (made.name, made.variables) == ("Try-out", {"shop": "nl"})
    assert AuditEntry.objects.get(action="environment.changed").details == {"variables": ["rate", "shop"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": "Not A Slug"}, "lower-case"),
        ({"slug": "production"}, "already"),
        ({"variables": "[1]"}, "Write an object"),
        ({"variables": "{"}, "not JSON"),
        ({"variables": '{"a": 1e400}'}, "not accepted"),
        ({"variables": '{"a": 123456789012345678901234567890}'}, "63 bits"),
        ({"variables": '{"a": "\\u0000"}'}, ""),
        ({"variables": '{"a": 1, "a": 2}'}, "ambiguous"),
        ({"variables": "[" * 5000}, ""),
        ({"variables": '{"a": "' + "x" * 200_000 + '"}'}, "characters"),
        ({"position": "-1"}, "greater"),
    ],
    ids=["slug", "taken", "list", "syntax", "exponent", "digits", "nul", "twice", "deep", "large", "position"],
)
def test_a_bad_environment_is_refused(admin: Client, change: dict[str, str], words: str) -> None:
    given = {"slug": "staging", "name": "Staging", "variables": "{}", **change}
    answer = admin.post(f"{ROOT}environments/new/", given)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Environment.objects.filter(slug="staging").exists()


def test_an_unknown_environment_is_not_found(admin: Client) -> None:
    assert admin.get(f"{ROOT}environments/none/edit/").status_code == 404


def test_the_allow_list_is_replaced(admin: Client, workspace: Workspace) -> None:
    admin.post(f"{ROOT}network/change/", {"targets": "erp.intern.example:8443\n\n [::1]:90 \nerp.intern.example:8443"})
    workspace.refresh_from_db()

    assert workspace.settings["egress_allow"] == ["erp.intern.example:8443", "[::1]:90"]
    assert "erp.intern.example:8443" in admin.get(f"{ROOT}network/").content.decode()


@pytest.mark.parametrize("entry", ["erp.intern.example", "http://a:1/", "10.0.0.0/8:80", "a:99999", "a b:1", ":80"])
def test_a_bad_target_is_refused_and_shown_again(admin: Client, workspace: Workspace, entry: str) -> None:
    answer = admin.post(f"{ROOT}network/change/", {"targets": f"good.example:443\n{entry}"})
    workspace.refresh_from_db()

    assert answer.status_code == 422
    assert "Nothing was changed" in answer.content.decode()
    assert "good.example:443" in answer.content.decode()
    assert "egress_allow" not in workspace.settings


def test_the_defaults_of_the_platform_are_shown(admin: Client) -> None:
    rows = {row["name"]: row["value"] for row in admin.get(f"{ROOT}policies/").context["rows"]}

    assert rows["timeout_s"] == "30"
    assert rows["rate"] == "off"
    assert rows["retry.max_attempts"] == "5"


def test_how_long_things_are_kept_is_shown(admin: Client) -> None:
    page = admin.get(f"{ROOT}policies/").content.decode()

    assert "IPAAS_RETENTION_DAYS" in page
    assert "90 days" in page


@pytest.fixture
def works(workspace: Workspace) -> None:
    def work(workspace_id: Any, *, due_s: int, leased: bool = False) -> None:
        Work.objects.create(
            id=uuid7(), kind=1, lane=1, workspace_id=workspace_id, group_id=uuid7(),
            due_at=now() + timedelta(seconds=due_s), leased=leased,
        )  # fmt: skip

    work(workspace.id, due_s=-100)
    work(workspace.id, due_s=-5, leased=True)
    work(workspace.id, due_s=60, leased=True)
    work(workspace.id, due_s=600)
    work(uuid7(), due_s=-9999)


def test_late_work_of_the_own_workspace_is_shown(admin: Client, works: None) -> None:
    answer = admin.get(f"{ROOT}health/")
    lane = next(lane for lane in answer.context["lanes"] if lane.name == "Default")

    assert (lane.due, lane.lost, lane.under_way, lane.later) == (1, 1, 1, 1)
    assert "Nobody takes the work of the lane Default" in answer.content.decode()


def test_an_idle_workspace_is_said_to_be_well(admin: Client) -> None:
    assert "Work is taken as it comes due" in admin.get(f"{ROOT}health/").content.decode()
