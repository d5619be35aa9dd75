"""Single sign-on against a real OpenID Connect provider, which runs in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from ipaas.accounts.models import Identity, Membership, User, Workspace
from ipaas.accounts.oidc import client_of
from ipaas.accounts.services import change_settings
from ipaas.audit.models import AuditEntry
from ipaas.config import settings
from ipaas.core.actor import SYSTEM
from tests.factories.people import PASSWORD, make_member

SERVE = """
import sys
from oidc_provider_mock import run_server_in_thread
with run_server_in_thread(port=0) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""
ROLES = {"ops": ["acme:operator"], "leads": ["acme:builder", "globex:auditor"]}
START = "/accounts/sso/"


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _send(method: str, url: str, body: bytes, kind: str) -> Any:
    from urllib.error import HTTPError

    request = Request(url, data=body, method=method, headers={"Content-Type": kind})  # noqa: S310 - loopback only
    try:
        with build_opener(_NoRedirect).open(request) as answer:
            return answer.status, answer.headers
    except HTTPError as answer:
        with answer:
            return answer.code, answer.headers


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The provider's address; it ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        port = server.stdout.readline().strip()
        yield f"http://127.0.0.1:{port}"
        server.stdin.close()


@pytest.fixture(autouse=True)
def _signon(issuer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("ISSUER", issuer), ("CLIENT_ID", "ipaas"), ("CLIENT_SECRET", "t0p"), ("NAME", "Acme login")):
        monkeypatch.setenv(f"IPAAS_OIDC_{name}", value)
    monkeypatch.setenv("IPAAS_OIDC_ROLES", json.dumps(ROLES))
    settings.cache_clear()
    client_of.cache_clear()
    cache.clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    client_of.cache_clear()


@pytest.fixture
def browser() -> Client:
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


Knows = Callable[..., str]


@pytest.fixture
def knows(issuer: str) -> Knows:
    """Have the provider know a person with these claims; its subject."""

    def put(**claims: Any) -> str:
        subject = f"u-{uuid4().hex[:12]}"
        given = {"email": f"{subject}@example.org", "email_verified": True, "name": "Dora Doe", **claims}
        body = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
        assert _send("PUT", f"{issuer}/users/{subject}", body, "application/json")[0] == 204
        return subject

    return put


def at_the_provider(place: str, subject: str) -> str:
    """Sign in there; the address that the browser is sent back to."""
    status, headers = _send("POST", place, urlencode({"sub": subject}).encode(), "application/x-www-form-urlencoded")
    assert status == 302, status
    back = urlsplit(headers["Location"])
    return f"{back.path}?{back.query}"


def sign_in(browser: Client, subject: str, start: str = START) -> Any:
    return browser.get(at_the_provider(browser.get(start).headers["Location"], subject))


def told(browser: Client) -> str:
    return browser.get("/accounts/login/").content.decode()


def test_somebody_new_gets_the_roles_of_the_groups(browser: Client, workspace: Workspace, knows: Knows) -> None:
    subject = knows(groups=["ops", "choir"])
    assert "Sign in with Acme login" in browser.get("/accounts/login/").content.decode()
    answer = sign_in(browser, subject, f"{START}?next=/w/acme/flows/")
    assert answer.headers["Location"] == "/w/acme/flows/"
    assert browser.get("/w/acme/flows/").status_code == 200
    member = Membership.objects.get()
    assert (member.roles, member.user.name, member.user.has_usable_password()) == (["operator"], "Dora Doe", False)
    actions = AuditEntry.objects.of_workspace(workspace.id).order_by("id").values_list("action", flat=True)
    assert [*actions] == ["member.added", "signin.ok"]


def test_roles_follow_the_groups_at_each_sign_in(
    browser: Client, workspace: Workspace, other_workspace: Workspace, knows: Knows, issuer: str
) -> None:
    subject = knows(groups=["ops"])
    sign_in(browser, subject)
    person = Identity.objects.get().user

    def now_in(*groups: str) -> dict[str, list[str]]:
        body = json.dumps({"email": person.email, "email_verified": True, "groups": groups}).encode()
        _send("PUT", f"{issuer}/users/{subject}", body, "application/json")
        sign_in(Client(), subject)
        return {one.workspace.slug: one.roles for one in Membership.objects.select_related("workspace")}

    assert now_in("leads") == {"acme": ["builder"], "globex": ["auditor"]}
    assert now_in("ops") == {"acme": ["operator"]}
    assert now_in() == {}
    changes = AuditEntry.objects.filter(action__startswith="member.").order_by("id")
    assert {one.actor_label for one in changes} == {"single sign-on"}
    assert [one.action for one in changes if one.workspace_id == workspace.id] == [
        "member.added", "member.roles_changed", "member.roles_changed", "member.removed",
    ]  # fmt: skip


def test_an_account_is_found_by_its_verified_address_and_then_by_the_subject(
    browser: Client, workspace: Workspace, knows: Knows, issuer: str
) -> None:
    dora = make_member(workspace, "dora@example.org", "auditor", password=PASSWORD).user
    subject = knows(email="Dora@example.org", groups=["ops"])
    sign_in(browser, subject)
    assert Identity.objects.get().user == dora
    body = json.dumps({"email": "renamed@example.org", "email_verified": True, "groups": ["ops"]}).encode()
    _send("PUT", f"{issuer}/users/{subject}", body, "application/json")
    sign_in(Client(), subject)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"groups": ["choir"]}, "none of your groups"),
        ({"groups": []}, "none of your groups"),
        ({"groups": "ops"}, "none of your groups"),
        ({"groups": ["ops"], "email_verified": False}, "not verified"),
        ({"groups": ["ops"], "email_verified": None}, "not verified"),
        ({"groups": ["ops"], "email": None}, "no mail address"),
        ({"groups": ["ops"], "email": "no address"}, "no mail address"),
    ],
    ids=["groups", "no-groups", "form", "unverified", "unsaid", "no-address", "address"],
)
def test_who_is_not_let_in(
    browser: Client, workspace: Workspace, knows: Knows, claims: dict[str, Any], words: str
) -> None:
    assert sign_in(browser, knows(**claims)).headers["Location"] == "/accounts/login/"
    assert words in told(browser)
    assert not User.objects.exists()
    assert AuditEntry.objects.of_workspace(None).get().action == "signin.failed"


def test_an_account_that_is_switched_off_stays_out(browser: Client, workspace: Workspace, knows: Knows) -> None:
    dora = make_member(workspace, "dora@example.org", "auditor").user
    User.objects.filter(pk=dora.pk).update(is_active=False)
    sign_in(browser, knows(email=dora.email, groups=["ops"]))
    assert "switched off" in told(browser)
    assert browser.get("/w/acme/flows/").status_code == 302


def test_nobody_takes_an_address_that_another_person_has_there(
    browser: Client, workspace: Workspace, knows: Knows
) -> None:
    sign_in(Client(), knows(email="dora@example.org", groups=["ops"]))
    sign_in(browser, knows(email="dora@example.org", groups=["leads"]))
    assert "somebody else" in told(browser)
    assert Membership.objects.get().roles == ["operator"]


def test_the_last_administrator_keeps_the_role(browser: Client, workspace: Workspace, knows: Knows) -> None:
    admin = make_member(workspace, "dora@example.org", "admin")
    sign_in(browser, knows(email="dora@example.org", groups=["choir"]))
    admin.refresh_from_db()
    assert admin.roles == ["admin"]


def test_the_request_carries_state_nonce_and_a_challenge(browser: Client, db: None) -> None:
    first, second = (parse_qs(urlsplit(browser.get(START).headers["Location"]).query) for _ in range(2))
    assert (first["code_challenge_method"], first["response_type"]) == (["S256"], ["code"])
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(
    browser: Client, workspace: Workspace, knows: Knows
) -> None:
    subject = knows(groups=["ops"])
    back = at_the_provider(browser.get(START).headers["Location"], subject)
    stranger = Client()
    assert stranger.get(back).headers["Location"] == "/accounts/login/"
    stranger.get(START)
    assert stranger.get(back).headers["Location"] == "/accounts/login/"
    assert browser.get(back).headers["Location"] == "/"
    browser.post("/accounts/logout/")
    assert browser.get(back).headers["Location"] == "/accounts/login/"
    assert browser.get("/w/acme/flows/").status_code == 302


@pytest.mark.parametrize("query", ["", "state=x", "code=x", "error=access_denied", "state=%00&code=%ff", "state=é"])
def test_a_forged_answer_is_refused(browser: Client, db: None, query: str) -> None:
    browser.get(START)
    assert browser.get(f"{START}callback/?{query}").headers["Location"] == "/accounts/login/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_leads_nowhere_else(browser: Client, workspace: Workspace, knows: Knows, target: str) -> None:
    answer = sign_in(browser, knows(groups=["ops"]), f"{START}?{urlencode({'next': target})}")
    assert answer.headers["Location"] == "/"


def test_a_local_second_factor_is_asked_for_here_too(browser: Client, workspace: Workspace, knows: Knows) -> None:
    dora = make_member(workspace, "dora@example.org", "auditor").user
    Authenticator.objects.create(user=dora, type="totp", data={"secret": "sealed"})
    answer = sign_in(browser, knows(email=dora.email, groups=["ops"]))
    assert answer.headers["Location"] == "/accounts/two-factor/authenticate/"
    assert browser.get("/w/acme/flows/").status_code == 302


def test_a_required_second_factor_may_be_the_provider_s(browser: Client, workspace: Workspace, knows: Knows) -> None:
    change_settings(workspace=workspace, settings={"require_two_factor": True}, actor=SYSTEM)
    weak = Client()
    sign_in(weak, knows(groups=["ops"], amr=["pwd"]))
    assert weak.get("/w/acme/flows/").headers["Location"] == "/accounts/two-factor/"
    sign_in(browser, knows(groups=["ops"], amr=["pwd", "otp"]))
    assert browser.get("/w/acme/flows/").status_code == 200


def test_without_a_provider_there_is_no_such_address(
    browser: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IPAAS_OIDC_ISSUER")
    settings.cache_clear()
    assert browser.get(START).status_code == 404
    assert "single sign-on" not in browser.get("/accounts/login/").content.decode()


def test_a_provider_that_is_gone_is_told(browser: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPAAS_OIDC_ISSUER", "http://127.0.0.1:9")
    settings.cache_clear()
    client_of.cache_clear()
    assert browser.get(START).headers["Location"] == "/accounts/login/"
    assert "can not be asked" in told(browser)
