"""Second factors: set up, asked for at sign-in, sealed at rest, demanded by a workspace, reset by an administrator."""

import json
import re
from ipaddress import IPv6Address
from threading import Barrier, Thread
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db import connection
from django.test import Client

from ipaas.accounts.app_codes import take_code
from ipaas.accounts.errors import SharedUser
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.accounts.second_factor import SecondFactorAdapter, has_second_factor
from ipaas.accounts.services import change_settings, reset_second_factor
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import NotFound, PermissionDenied
from tests.factories.people import PASSWORD, make_member

SETUP = "/accounts/two-factor/totp/activate/"


def code_of(secret: str, later: int = 0) -> str:
    """The oldest code that is still good, or one of the half minutes after it."""
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[later]))


@pytest.fixture(autouse=True)
def _clean() -> None:
    cache.clear()


@pytest.fixture
def dora(workspace: Workspace) -> Membership:
    return make_member(workspace, "dora@example.org", "builder", password=PASSWORD)


def browser() -> Client:
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


def signed_in(user: User) -> Client:
    client = browser()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def confirmed(client: Client) -> Client:
    """Whoever is about to change the own factors says the password once more."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def set_up_app(client: Client) -> str:
    """Set up an authenticator app; its secret."""
    page = confirmed(client).get(SETUP)
    secret = str(page.context["form"].secret)
    assert "data:image/svg+xml" in page.content.decode()
    answer = client.post(SETUP, {"code": code_of(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return secret


def test_an_app_is_set_up_and_recovery_codes_are_shown_once(dora: Membership, workspace: Workspace) -> None:
    client = signed_in(dora.user)
    set_up_app(client)
    codes = "/accounts/two-factor/recovery-codes/"
    first, again = client.get(codes).content.decode(), client.get(codes).content.decode()

    assert has_second_factor(dora.user_id)
    assert len(re.findall(r"^.*?\b\d{8}\b", first, re.MULTILINE)) == 10
    assert not re.findall(r">\s*\d{8}\b", again)
    actions = AuditEntry.objects.of_workspace(workspace.id).filter(action="user.second_factor_added")
    assert sorted(entry.details["factor"] for entry in actions) == ["recovery_codes", "totp"]


def test_the_seed_is_sealed_in_the_database(dora: Membership) -> None:
    secret = set_up_app(signed_in(dora.user))
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))

    assert secret not in stored
    adapter = SecondFactorAdapter()
    assert adapter.decrypt(adapter.encrypt(secret)) == secret


def test_sign_in_asks_for_the_code_and_a_wrong_one_is_on_record(dora: Membership, workspace: Workspace) -> None:
    secret = set_up_app(signed_in(dora.user))
    cache.clear()
    client = signed_in(dora.user)
    assert client.get("/w/acme/flows/").status_code == 302
    page = client.get("/accounts/two-factor/authenticate/").content.decode()
    assert "passkey-options" in page
    refused = AuditEntry.objects.of_workspace(workspace.id).filter(action="signin.failed")
    client.post("/accounts/two-factor/authenticate/", {"code": "000000"})
    assert client.get("/w/acme/flows/").status_code == 302
    assert refused.count() == 1
    client.post("/accounts/two-factor/authenticate/", {"code": code_of(secret, later=1)})
    assert client.get("/w/acme/flows/").status_code == 200


def test_a_code_of_an_app_is_taken_once_whatever_the_cache_forgets(dora: Membership, workspace: Workspace) -> None:
    def enters(code: str) -> bool:
        cache.clear()
        client = signed_in(dora.user)
        client.post("/accounts/two-factor/authenticate/", {"code": code})
        return client.get("/w/acme/flows/").status_code == 200

    with time_machine.travel(now(), tick=False):
        secret = set_up_app(signed_in(dora.user))
        first, second, third = (code_of(secret, later) for later in range(3))
        assert not enters(first), "it was shown at set-up"
        assert enters(third)
        assert not enters(third)
        assert not enters(second), "older than the one that was taken"
    refused = AuditEntry.objects.of_workspace(workspace.id).filter(action="signin.failed")
    assert refused.count() == 3


def test_a_code_confirms_a_weighty_deed_once(dora: Membership) -> None:
    with time_machine.travel(now(), tick=False):
        client = signed_in(dora.user)
        secret = set_up_app(client)
        place = "/accounts/two-factor/reauthenticate/"
        outcomes = []
        for _ in range(2):
            cache.clear()
            outcomes.append(client.post(place, {"code": code_of(secret, later=1)}).status_code)
    assert outcomes == [302, 200]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("factor", ["recovery_codes", "totp"])
def test_a_code_used_twice_at_the_same_moment_is_taken_once(dora: Membership, factor: str) -> None:
    user = dora.user
    seed = {"secret": SecondFactorAdapter().encrypt("JBSWY3DPEHPK3PXP")} if factor == "totp" else {}
    if factor == "totp":
        Authenticator.objects.create(user=user, type="totp", data=seed)
        code = code_of("JBSWY3DPEHPK3PXP", later=1)
    else:
        code = RecoveryCodes.activate(user).get_unused_codes()[0]
    start, taken = Barrier(2), []

    def use() -> None:
        try:
            row = Authenticator.objects.get(user=user, type=factor)
            start.wait(10)
            taken.append(take_code(user, code) if factor == "totp" else row.wrap().validate_code(code))
        finally:
            connection.close()

    threads = [Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, True]


def test_a_recovery_code_lets_in_once(dora: Membership) -> None:
    client = signed_in(dora.user)
    set_up_app(client)
    code = Authenticator.objects.get(user=dora.user, type="recovery_codes").wrap().get_unused_codes()[0]
    outcomes = []
    for _ in range(2):
        cache.clear()
        other = signed_in(dora.user)
        other.post("/accounts/two-factor/authenticate/", {"code": code})
        outcomes.append(other.get("/w/acme/flows/").status_code)
    assert outcomes == [200, 302]


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{}",
        "null",
        "[]",
        "[" * 3000,
        '{"id": 1}',
        "1e999",
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    ],
    ids=["empty", "object", "null", "list", "deep", "number", "huge", "shallow"],
)
@pytest.mark.parametrize("place", ["login", "add"])
def test_a_forged_passkey_is_refused(dora: Membership, place: str, credential: str) -> None:
    client = browser() if place == "login" else confirmed(signed_in(dora.user))
    where = f"/accounts/two-factor/webauthn/{place}/"
    client.get(where, headers={"Accept": "application/json"})
    assert client.post(where, {"credential": credential}).status_code in {200, 302}
    assert not has_second_factor(dora.user_id)
    if place == "login":
        assert client.get("/w/acme/flows/").status_code == 302


def test_a_workspace_demands_a_second_factor(dora: Membership, workspace: Workspace) -> None:
    client = signed_in(dora.user)
    assert client.get("/w/acme/flows/").status_code == 200
    change_settings(workspace=workspace, settings={"require_two_factor": True}, actor=SYSTEM)

    assert client.get("/w/acme/flows/").headers["Location"] == "/accounts/two-factor/"
    fragment = client.get("/w/acme/flows/", headers={"HX-Request": "true"})
    assert fragment.headers["HX-Redirect"] == "/accounts/two-factor/"
    api = client.get("/api/v1/flows", headers={"X-Workspace": "acme"})
    assert (api.status_code, api.json()["code"]) == (403, "second_factor.needed")
    set_up_app(client)
    assert client.get("/w/acme/flows/").status_code == 200
    assert client.get("/api/v1/flows", headers={"X-Workspace": "acme"}).status_code == 200


def test_an_administrator_resets_the_second_factor(dora: Membership, alice: Actor, workspace: Workspace) -> None:
    client = signed_in(dora.user)
    set_up_app(client)
    assert reset_second_factor(membership=dora, actor=alice) == 1

    assert not Authenticator.objects.exists()
    assert client.get("/w/acme/flows/").status_code == 302
    entry = AuditEntry.objects.of_workspace(workspace.id).get(action="user.second_factor_reset")
    assert (entry.actor_label, entry.subject_label) == (alice.label, dora.user.email)


def test_who_may_not_reset_a_second_factor(
    dora: Membership, bob: Actor, charlie: Actor, alice: Actor, other_workspace: Workspace
) -> None:
    with pytest.raises(PermissionDenied):
        reset_second_factor(membership=dora, actor=bob)
    with pytest.raises(NotFound):
        reset_second_factor(membership=dora, actor=charlie)
    Membership.objects.create(user=dora.user, workspace=other_workspace, roles=["auditor"])
    with pytest.raises(SharedUser):
        reset_second_factor(membership=dora, actor=alice)


def test_sessions_are_listed_and_ended(dora: Membership, workspace: Workspace) -> None:
    here, there, third = (signed_in(dora.user) for _ in range(3))
    assert UserSession.objects.filter(user=dora.user).count() == 3
    page = here.get("/profile/sessions/")
    other = next(one for one in page.context["sessions"] if not one["current"])
    here.post(f"/profile/sessions/{other['id']}/end/")
    assert sorted(one.get("/w/acme/flows/").status_code for one in (here, there, third)) == [200, 200, 302]
    here.post("/profile/sessions/end-others/")
    assert [one.get("/w/acme/flows/").status_code for one in (here, there, third)] == [200, 302, 302]
    assert AuditEntry.objects.of_workspace(workspace.id).filter(action="user.sessions_ended").count() == 2


def test_nobody_ends_sessions_of_others(dora: Membership, workspace: Workspace) -> None:
    emil = make_member(workspace, "emil@example.org", "builder", password=PASSWORD)
    client, theirs = signed_in(emil.user), signed_in(dora.user)
    session = UserSession.objects.get(user=dora.user)
    assert client.post(f"/profile/sessions/{session.pk}/end/").status_code == 404
    assert client.post("/profile/sessions/999999/end/").status_code == 404
    assert theirs.get("/w/acme/flows/").status_code == 200


def test_a_person_changes_the_own_name(dora: Membership) -> None:
    client = signed_in(dora.user)
    assert client.post("/profile/", {"name": "  Dora   Doe "}).status_code == 302
    assert client.post("/profile/", {"name": " "}).status_code == 422
    assert User.objects.get(pk=dora.user_id).name == "Dora Doe"


@pytest.mark.parametrize("place", ["/profile/", "/profile/sessions/", "/accounts/two-factor/", SETUP])
def test_own_pages_are_for_those_who_signed_in(place: str, dora: Membership) -> None:
    assert browser().get(place).headers["Location"].startswith("/accounts/login/")
    answer = confirmed(signed_in(dora.user)).get(place)
    assert answer.status_code == 200
    assert "tabs" in answer.content.decode()
