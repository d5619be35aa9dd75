"""Signing in: throttled, on record, telling nothing to strangers."""

import re
from ipaddress import IPv6Address
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.views.decorators.http import require_GET

from ipaas.accounts.models import User, Workspace
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.audit.models import AuditEntry
from ipaas.core.errors import NotFound, PermissionDenied
from tests.factories.people import PASSWORD, make_member

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_GET
@page("runs.view")
def runs(request: WorkspaceRequest) -> HttpResponse:
    return HttpResponse(f"{request.workspace.slug} {request.actor.label}")


@page("runs.view")
def failing(request: WorkspaceRequest, kind: str) -> HttpResponse:
    if kind == "missing":
        raise NotFound("run")
    raise PermissionDenied(permission="runs.replay")


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


urlpatterns = [
    path("", home),
    path("", include("ipaas.web.urls")),
    path("accounts/", include("ipaas.accounts.urls")),
    path("w/<slug:workspace>/guarded/", runs),
    path("w/<slug:workspace>/failing/<str:kind>/", failing),
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client() -> Client:
    """A browser with an address of its own, so that no other test's attempts count."""
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


@pytest.fixture
def dora(workspace: Workspace) -> User:
    return make_member(workspace, f"dora-{uuid4().hex[:8]}@example.org", "operator", password=PASSWORD).user


def unknown_address() -> str:
    return f"nobody-{uuid4().hex}@example.org"


def signin(client: Client, email: str, password: str) -> HttpResponse:
    return client.post("/accounts/login/", {"login": email, "password": password})  # type: ignore[return-value]


def test_a_person_signs_in_and_out_on_record(client: Client, dora: User, workspace: Workspace) -> None:
    assert signin(client, dora.email.upper(), PASSWORD).status_code == 302
    assert client.get("/w/acme/guarded/").content.decode() == f"acme {dora.email}"
    client.post("/accounts/logout/")
    assert client.get("/w/acme/guarded/").status_code == 302
    entries = AuditEntry.objects.of_workspace(workspace.id).order_by("id")
    assert [(entry.action, entry.actor_label) for entry in entries] == [
        ("signin.ok", dora.email),
        ("signout", dora.email),
    ]
    assert entries[0].actor_ip.count(":") > 1


def test_a_refused_attempt_is_on_record_in_the_persons_workspace(
    client: Client, dora: User, workspace: Workspace
) -> None:
    assert signin(client, dora.email, "wrong wrong wrong").status_code == 200
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome, entry.workspace_id) == ("signin.failed", "refused", workspace.id)
    assert "wrong" not in str(vars(entry))


def test_an_unknown_address_is_answered_alike(client: Client, dora: User) -> None:
    nobody = unknown_address()
    known = signin(client, dora.email, "wrong wrong wrong")
    unknown = signin(client, nobody, "wrong wrong wrong")

    def errors(answer: HttpResponse) -> object:
        return answer.context["form"].errors  # type: ignore[attr-defined]

    assert errors(known) == errors(unknown)
    assert AuditEntry.objects.of_workspace(None).get().actor_label == nobody


def test_known_and_unknown_addresses_cost_the_same_work(
    client: Client, dora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    hashes = []
    encode = PBKDF2PasswordHasher.encode
    monkeypatch.setattr(
        PBKDF2PasswordHasher, "encode", lambda self, *args, **kw: hashes.append(1) or encode(self, *args, **kw)
    )
    work, nobody = [], unknown_address()
    for email in (dora.email, nobody):
        hashes.clear()
        with CaptureQueriesContext(connection) as queries:
            signin(client, email, "wrong wrong wrong")
        work.append((len(hashes), [query["sql"].split()[0] for query in queries]))
    assert work[0] == work[1]


def test_guessing_is_throttled_per_address(client: Client, dora: User) -> None:
    for _ in range(5):
        signin(client, dora.email, "wrong wrong wrong")
    other_place = Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))
    assert signin(other_place, dora.email, PASSWORD).status_code == 200
    assert "Too many" in str(signin(other_place, dora.email, PASSWORD).context["form"].errors)  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(action="signin.ok").count() == 0


def test_guessing_elsewhere_does_not_lock_the_owner_out_of_a_known_place(client: Client, dora: User) -> None:
    own = str(IPv6Address(uuid4().int))
    assert signin(Client(REMOTE_ADDR=own), dora.email, PASSWORD).status_code == 302
    for _ in range(7):
        signin(client, dora.email, "wrong wrong wrong")
    assert signin(Client(REMOTE_ADDR=own), dora.email, PASSWORD).status_code == 302
    for _ in range(5):
        signin(Client(REMOTE_ADDR=own), dora.email, "wrong wrong wrong")
    assert signin(Client(REMOTE_ADDR=own), dora.email, PASSWORD).status_code == 200


def test_a_deactivated_person_does_not_get_in_and_is_thrown_out(client: Client, dora: User) -> None:
    signin(client, dora.email, PASSWORD)
    User.objects.filter(id=dora.id).update(is_active=False)
    assert client.get("/w/acme/guarded/").status_code == 302
    assert signin(client, dora.email, PASSWORD).status_code in {200, 302}
    assert client.get("/w/acme/guarded/").status_code == 302


@pytest.mark.django_db
def test_nobody_signs_up(client: Client) -> None:
    assert client.get("/accounts/signup/").headers["Location"] == "/accounts/login/"
    for place in ("signup", "password/reset"):
        client.post(f"/accounts/{place}/", {"email": "m@example.org", "password1": PASSWORD})
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_leads_nowhere_else(target: str, client: Client, dora: User) -> None:
    answer = client.post(f"/accounts/login/?next={target}", {"login": dora.email, "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "fields",
    [{}, {"login": "a\x00b@x.org", "password": "x"}, {"login": "x" * 5000, "password": "y" * 5000}, {"login": "é@ü"}],
)
@pytest.mark.django_db
def test_a_malformed_attempt_is_a_form_error(fields: dict[str, str], client: Client) -> None:
    assert client.post("/accounts/login/", fields).status_code == 200


def steady_part(answer: HttpResponse, slug: str) -> str:
    """A page without what differs from answer to answer."""
    return re.sub(r'nonce="[^"]*"|"X-CSRFToken": "[^"]*"', "", answer.content.decode()).replace(slug, "")


def test_strangers_to_a_workspace_get_404_as_for_none(client: Client, dora: User, other_workspace: Workspace) -> None:
    client.force_login(dora, backend=BACKEND)
    foreign, missing = client.get("/w/globex/guarded/"), client.get("/w/nowhere/guarded/")
    assert foreign.status_code == missing.status_code == 404
    assert steady_part(foreign, "globex") == steady_part(missing, "nowhere")


def test_a_member_without_the_permission_gets_403(client: Client, workspace: Workspace) -> None:
    outsider = make_member(workspace, "nothing@example.org", "gone-role").user
    client.force_login(outsider, backend=BACKEND)
    assert client.get("/w/acme/guarded/").status_code == 403


def test_errors_of_services_become_pages(client: Client, dora: User) -> None:
    client.force_login(dora, backend=BACKEND)
    assert client.get("/w/acme/failing/missing/").status_code == 404
    assert client.get("/w/acme/failing/denied/").status_code == 403


def test_a_visitor_is_led_to_sign_in_and_back(client: Client, workspace: Workspace) -> None:
    answer = client.get("/w/acme/guarded/?q=1")
    assert answer.headers["Location"] == "/accounts/login/?next=/w/acme/guarded/%3Fq%3D1"


def test_a_fragment_sends_the_whole_page_to_sign_in(client: Client, workspace: Workspace) -> None:
    answer = client.get("/w/acme/guarded/", HTTP_HX_REQUEST="true", HTTP_HX_CURRENT_URL="http://testserver/w/acme/")
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/w/acme/"
