"""API keys: shown once, bounded by their owner, refused alike whatever is wrong."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core import serializers
from django.urls import path
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from ipaas.accounts import services
from ipaas.accounts.api_keys import NewApiKey, authenticate_api_key
from ipaas.accounts.errors import InvalidApiKey
from ipaas.accounts.models import ApiKey, Membership, User, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tests.factories.people import make_member


class Who(APIView):
    required_permissions = {"get": "runs.view", "post": "runs.replay"}

    def get(self, request: Request) -> Response:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        return Response({"label": actor.label, "ip": actor.ip, "workspace": request.workspace.slug})  # type: ignore[attr-defined]

    def post(self, request: Request) -> Response:
        return Response({})


class Unguarded(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/who", Who.as_view()), path("api/unguarded", Unguarded.as_view())]
pytestmark = pytest.mark.urls(__name__)
OWN = {"trace_id": "", "request_id": ""}
"""What every answer has for itself."""


@pytest.fixture
def key(workspace: Workspace, alice: Actor) -> NewApiKey:
    return services.create_api_key(workspace=workspace, name="ci", scopes=["runs.view"], actor=alice)


def test_a_key_acts_with_its_scopes_only(key: NewApiKey, workspace: Workspace) -> None:
    actor = authenticate_api_key(key.raw, "203.0.113.5")
    assert actor.permissions == {"runs.view"}
    assert (actor.kind, actor.workspace_id, actor.ip) == ("api_key", workspace.id, "203.0.113.5")
    assert actor.label == "alice@example.org (key ci)"


def test_only_a_digest_is_stored(key: NewApiKey) -> None:
    secret = key.raw[17:]
    assert len(secret) == 43
    assert secret not in serializers.serialize("json", ApiKey.objects.all())
    assert secret not in serializers.serialize("json", AuditEntry.objects.all())
    assert secret not in repr(key)


def test_scopes_never_exceed_the_maker(workspace: Workspace, bob: Actor) -> None:
    maker = Actor("user", bob.id, bob.label, workspace.id, bob.permissions | {"apikeys.manage"})
    services.create_api_key(workspace=workspace, name="ok", scopes=["runs.view"], actor=maker)
    for scopes in (["flows.publish"], ["runs.veiw"], []):
        with pytest.raises(InvalidInput):
            services.create_api_key(workspace=workspace, name="no", scopes=scopes, actor=maker)


def test_a_key_loses_what_its_owner_loses(key: NewApiKey, alice: Actor) -> None:
    membership = Membership.objects.get(user_id=alice.id)
    membership.roles = ["approver"]
    membership.save()
    assert authenticate_api_key(key.raw).permissions == {"runs.view"}
    membership.roles = []
    membership.save()
    assert authenticate_api_key(key.raw).permissions == frozenset()
    membership.delete()
    with pytest.raises(InvalidApiKey):
        authenticate_api_key(key.raw)


def test_a_deactivated_owner_ends_the_key(key: NewApiKey, alice: Actor) -> None:
    User.objects.filter(id=alice.id).update(is_active=False)
    with pytest.raises(InvalidApiKey):
        authenticate_api_key(key.raw)


def test_a_key_narrowed_to_flows_says_so(workspace: Workspace, alice: Actor) -> None:
    made = services.create_api_key(
        workspace=workspace, name="one flow", scopes=["flows.trigger"], flows=[UUID(int=7)], actor=alice
    )
    assert authenticate_api_key(made.raw).flows == {UUID(int=7)}


def test_a_key_expires(workspace: Workspace, alice: Actor) -> None:
    expires = now() + timedelta(hours=1)
    made = services.create_api_key(workspace=workspace, name="k", scopes=["runs.view"], expires_at=expires, actor=alice)
    assert authenticate_api_key(made.raw)
    with time_machine.travel(expires, tick=False), pytest.raises(InvalidApiKey):
        authenticate_api_key(made.raw)
    with pytest.raises(InvalidInput):
        services.create_api_key(workspace=workspace, name="k", scopes=["runs.view"], expires_at=now(), actor=alice)


def test_rotation_overlaps_then_ends(key: NewApiKey, alice: Actor) -> None:
    start = now()
    with time_machine.travel(start, tick=False):
        successor = services.rotate_api_key(key=key.key, actor=alice, overlap=timedelta(hours=1))
        assert authenticate_api_key(key.raw).permissions == authenticate_api_key(successor.raw).permissions
        with pytest.raises(Conflict):
            services.rotate_api_key(key=key.key, actor=alice)
    with time_machine.travel(start + timedelta(hours=1), tick=False):
        assert authenticate_api_key(successor.raw)
        with pytest.raises(InvalidApiKey):
            authenticate_api_key(key.raw)


def test_nobody_gets_the_successor_of_somebody_elses_key(key: NewApiKey, workspace: Workspace, alice: Actor) -> None:
    dora = services.actor_for(make_member(workspace, "dora@example.org", "admin").user, workspace)
    with pytest.raises(Conflict, match="in the name of"):
        services.rotate_api_key(key=key.key, actor=dora)
    services.revoke_api_key(key=key.key, actor=dora)
    own = services.create_api_key(workspace=workspace, name="own", scopes=["apikeys.manage"], actor=alice)
    with_key = authenticate_api_key(own.raw)
    assert services.rotate_api_key(key=own.key, actor=with_key).key.owner_id == UUID(alice.id)


def test_a_revoked_key_ends_at_once(key: NewApiKey, alice: Actor) -> None:
    services.revoke_api_key(key=key.key, actor=alice)
    services.revoke_api_key(key=key.key, actor=alice)
    with pytest.raises(InvalidApiKey):
        authenticate_api_key(key.raw)
    assert AuditEntry.objects.filter(action="apikey.revoked").count() == 1


def test_use_is_stored_at_most_once_a_minute(key: NewApiKey, django_assert_num_queries: Any) -> None:
    start = now()
    with time_machine.travel(start, tick=False):
        authenticate_api_key(key.raw)
    with time_machine.travel(start + timedelta(seconds=30), tick=False), django_assert_num_queries(2):
        authenticate_api_key(key.raw)
    assert ApiKey.objects.get().last_used_at == start
    with time_machine.travel(start + timedelta(seconds=61), tick=False):
        authenticate_api_key(key.raw)
    assert ApiKey.objects.get().last_used_at == start + timedelta(seconds=61)


def test_a_service_account_acts_in_its_own_name(workspace: Workspace, alice: Actor) -> None:
    account = services.create_service_account(
        workspace=workspace, slug="deploy", name="Deploy", roles=["steward"], actor=alice
    )
    made = services.create_api_key(
        workspace=workspace, name="ci", scopes=["flows.publish"], service_account=account, actor=alice
    )
    actor = authenticate_api_key(made.raw)
    assert (actor.kind, actor.label, actor.permissions) == ("service", "deploy (key ci)", {"flows.publish"})
    with pytest.raises(InvalidInput):
        services.create_api_key(
            workspace=workspace, name="no", scopes=["secrets.write"], service_account=account, actor=alice
        )
    services.set_service_account_disabled(account=account, disabled=True, actor=alice)
    with pytest.raises(InvalidApiKey):
        authenticate_api_key(made.raw)


def test_the_platform_makes_keys_without_an_owner(workspace: Workspace) -> None:
    made = services.create_api_key(workspace=workspace, name="demo", scopes=["flows.trigger"], actor=SYSTEM)
    assert authenticate_api_key(made.raw).permissions == {"flows.trigger"}


def test_operators_and_strangers_do_not_touch_keys(key: NewApiKey, bob: Actor, charlie: Actor) -> None:
    for deed in (services.rotate_api_key, services.revoke_api_key):
        with pytest.raises(PermissionDenied):
            deed(key=key.key, actor=bob)
        with pytest.raises(NotFound):
            deed(key=key.key, actor=charlie)


def wrong_keys(raw: str) -> list[str]:
    return [
        "",
        "x",
        raw[:-1],
        raw + "A",
        raw.replace("ipk_", "ipk-"),
        raw[:17] + "A" * 43,
        "ipk_" + "0" * 12 + raw[16:],
        raw.upper(),
        raw + "\x00",
        raw + "\n",
        "ipk_" + "é" * 12 + "_" + "ü" * 43,
    ]


@pytest.mark.parametrize("which", range(11))
def test_whatever_is_wrong_the_answer_is_the_same_401(which: int, key: NewApiKey) -> None:
    client = APIClient()
    good = client.get("/api/who", HTTP_AUTHORIZATION=f"Bearer {key.raw}")
    assert (good.status_code, good.json()["workspace"]) == (200, "acme")
    wrong = wrong_keys(key.raw)[which]
    if wrong == key.raw + "\n":
        wrong = key.raw + " x"
    answer = client.get("/api/who", HTTP_AUTHORIZATION=f"Bearer {wrong}")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The API key is not valid."
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@given(header=st.text(min_size=1, max_size=80))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_no_authorization_header_is_a_500(header: str) -> None:
    assert APIClient().get("/api/who", HTTP_AUTHORIZATION=header).status_code == 401


def test_the_api_denies_by_default(key: NewApiKey) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key.raw}")
    assert client.post("/api/who").status_code == 403
    assert client.get("/api/unguarded").status_code == 403
    assert APIClient().get("/api/who").status_code == 401


def test_a_session_names_its_workspace(workspace: Workspace, other_workspace: Workspace, alice: Actor) -> None:
    client = APIClient()
    user = User.objects.get(id=alice.id)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/api/who").json()["workspace"] == "acme"
    assert client.get("/api/who", HTTP_X_WORKSPACE="acme").status_code == 200
    foreign = client.get("/api/who", HTTP_X_WORKSPACE="globex")
    missing = client.get("/api/who", HTTP_X_WORKSPACE="nowhere")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert {**foreign.json(), **OWN} == {**missing.json(), **OWN}
    make_member(other_workspace, "alice@example.org", "operator")
    assert client.get("/api/who").status_code == 404
    assert client.get("/api/who", HTTP_X_WORKSPACE="globex").json()["workspace"] == "globex"


def test_a_session_call_that_changes_something_needs_a_csrf_token(workspace: Workspace, alice: Actor) -> None:
    client = APIClient(enforce_csrf_checks=True)
    user = User.objects.get(id=alice.id)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/api/who").status_code == 403


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "198.51.100.9", "203.0.113.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        (2, "6.6.6.6, 198.51.100.9, 10.0.0.1", "198.51.100.9"),
        (3, "198.51.100.9", "203.0.113.1"),
        (1, "nonsense", "203.0.113.1"),
        (1, "", "203.0.113.1"),
    ],
)
def test_a_caller_can_not_forge_its_address(
    proxies: int, forwarded: str, expected: str, key: NewApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ipaas.accounts import addresses

    class Conf:
        trusted_proxies = proxies

    monkeypatch.setattr(addresses, "settings", Conf)
    answer = APIClient().get(
        "/api/who",
        HTTP_AUTHORIZATION=f"Bearer {key.raw}",
        HTTP_X_FORWARDED_FOR=forwarded,
        REMOTE_ADDR="203.0.113.1",
    )
    assert answer.json()["ip"] == expected


def test_a_key_bound_to_flows_can_not_reach_beyond_them(workspace: Workspace, alice: Actor) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.create_api_key(
            workspace=workspace,
            name="k",
            scopes=["runs.view", "apikeys.manage"],
            flows=[UUID(int=7)],
            actor=alice,
        )
    assert [error["code"] for error in caught.value.errors] == ["scope.unbindable"]


def test_an_older_bound_key_loses_what_reaches_beyond_flows(workspace: Workspace, alice: Actor) -> None:
    made = services.create_api_key(workspace=workspace, name="k", scopes=["runs.view", "apikeys.manage"], actor=alice)
    assert authenticate_api_key(made.raw).permissions == {"runs.view", "apikeys.manage"}
    ApiKey.objects.filter(id=made.key.id).update(flows=[UUID(int=7)])
    assert authenticate_api_key(made.raw).permissions == {"runs.view"}
