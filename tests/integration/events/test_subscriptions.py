"""Subscribing endpoints at the vendor: told, asked, ended; failures and doubts; who may; no secret kept anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections as databases

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import credentials, gateway
from ipaas.catalog.gateway import ErrorInfo, GatewayCall, GatewayOutcome
from ipaas.catalog.registry import connectors
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.services import create_connection
from ipaas.catalog.threads import close_thread_connections
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import ErrorClass, InvalidInput, NotFound, PermissionDenied
from ipaas.events import services
from ipaas.events.addresses import hook_address
from ipaas.events.errors import EndpointSubscribed, SubscriptionFailed
from ipaas.events.models import Endpoint, Subscription
from ipaas.events.subscriptions import check_subscription, subscribe_endpoint, unsubscribe_endpoint
from ipaas.vault import keys
from ipaas.vault.keys import ensure_key_file
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_all
from ipaas.vault.payloads import forget_sealers
from ipaas.vault.services import create_secret
from tests.integration.catalog.test_stand_ins import Running

SIGNING = "a-signing-secret-3f9d2c7a10"
EDITOR = frozenset({"connections.view", "connections.edit"})
State = Subscription.State


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    file = tmp_path / "kek.json"
    ensure_key_file(file)
    monkeypatch.setattr(keys, "key_file", lambda: file)
    forget_all()
    forget_sealers()
    yield
    invalidate_all()
    credentials.forget_all()
    forget_all()
    forget_sealers()
    close_thread_connections()
    databases.close_all()


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


@pytest.fixture
def endpoint(stub: Running) -> Endpoint:
    address = f"127.0.0.1:{stub.port}"
    workspace = Workspace.objects.create(slug="acme", name="Acme", settings={"egress_allow": [address]})
    environment = Environment.objects.create(workspace=workspace, slug="production", name="Production")
    create_secret(workspace=workspace, slug="gh", fields={"token": "t0ken-of-github"}, actor=SYSTEM)
    signing = {"signing_secret": SIGNING}
    create_secret(workspace=workspace, slug="sign", fields=signing, kind=Secret.Kind.SIGNING, actor=SYSTEM)
    scheme = _token_scheme()
    create_connection(
        environment=environment,
        slug="gh",
        connector="github",
        base_url=f"http://{address}/github",
        config={"owner": "octo-org", "repo": "shop"},
        auth_scheme=scheme,
        secret="gh",
        actor=SYSTEM,
    )
    return services.create_endpoint(
        actor=SYSTEM,
        environment=environment,
        slug="hooks",
        title="Hooks",
        connector="github",
        signature={"scheme": "github"},
        secret_slug="sign",
    )


def _token_scheme() -> str:
    return next(name for name, one in connectors()["github"].manifest.auth.items() if one.type == "bearer")


@pytest.fixture
def alice(endpoint: Endpoint) -> Actor:
    return Actor("user", "u1", "Alice", endpoint.workspace_id, EDITOR | {"secrets.rotate"})


def deeds() -> list[str]:
    rows = AuditEntry.objects.filter(action__startswith="endpoint.").order_by("id")
    return [one.removeprefix("endpoint.") for one in rows.values_list("action", flat=True)]


def answering(monkeypatch: pytest.MonkeyPatch, **outcome: Any) -> list[GatewayCall]:
    """The gateway answers the same to every call; what was called is kept."""
    asked: list[GatewayCall] = []

    async def invoke(call: GatewayCall) -> GatewayOutcome:
        asked.append(call)
        return GatewayOutcome(**outcome)

    monkeypatch.setattr(gateway, "invoke", invoke)
    return asked


def failed(kind: str, error_class: ErrorClass, message: str = "refused") -> dict[str, Any]:
    return {"kind": kind, "error": ErrorInfo(error_class, "code", message)}


def test_the_vendor_is_told_asked_and_told_to_stop(endpoint: Endpoint, alice: Actor, stub: Running) -> None:
    made = subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh", events=["issues"])
    assert (made.state, made.trigger, made.events) == (State.ACTIVE, "events", ["issues"])
    *_, hook = stub._server.vendors["github"].state.entities["hook"].values()
    assert made.vendor_id == str(hook["id"])
    assert hook["config"]["url"].endswith(f"/hooks/{endpoint.public_id}")
    assert hook["events"] == ["issues"]
    assert check_subscription(actor=alice, endpoint=endpoint).state == State.ACTIVE
    with pytest.raises(EndpointSubscribed):
        subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    with pytest.raises(EndpointSubscribed):
        services.delete_endpoint(actor=alice, endpoint=endpoint)
    stub._server.reset()
    assert check_subscription(actor=alice, endpoint=endpoint).state == State.GONE
    assert subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh").state == State.ACTIVE
    stub._server.reset()
    unsubscribe_endpoint(actor=alice, endpoint=endpoint)  # what the vendor does not know counts as ended
    assert not Subscription.objects.exists()
    assert deeds() == [
        *("created", "subscribed", "subscription_checked", "subscription_checked", "subscribed", "unsubscribed"),
    ]
    assert SIGNING not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_who_may_not_rotate_secrets_hands_none_to_a_vendor(endpoint: Endpoint, stub: Running) -> None:
    editor = Actor("user", "u1", "Alice", endpoint.workspace_id, EDITOR)
    with pytest.raises(PermissionDenied):
        subscribe_endpoint(actor=editor, endpoint=endpoint, connection="gh")
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("said", [SIGNING, SIGNING.encode().hex(), SIGNING[:-5]], ids=["plain", "hex", "cut off"])
def test_a_refusal_leaves_nothing_and_repeats_no_secret(
    endpoint: Endpoint, alice: Actor, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    echo = f"bad secret {said}"
    asked = answering(monkeypatch, **failed("failed", ErrorClass.BUSINESS_REJECTION, echo))
    with pytest.raises(SubscriptionFailed) as caught:
        subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    assert said not in caught.value.detail
    assert asked[0].params["secret"] == SIGNING
    assert not Subscription.objects.exists()
    assert deeds()[-1] == "subscription_failed"


def test_a_doubt_stays_until_the_vendor_was_asked(
    endpoint: Endpoint, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, **failed("unknown", ErrorClass.OUTCOME_UNKNOWN))
    with pytest.raises(SubscriptionFailed):
        subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    assert Subscription.objects.get().state == State.UNKNOWN
    with pytest.raises(EndpointSubscribed):
        subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    url = hook_address(endpoint.public_id)
    answering(monkeypatch, kind="ok", data=[{"id": 7, "config": {"url": url}}])
    found = check_subscription(actor=alice, endpoint=endpoint)
    assert (found.state, found.vendor_id) == (State.ACTIVE, "7")


def test_a_failed_end_keeps_the_subscription(endpoint: Endpoint, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    answering(monkeypatch, **failed("failed", ErrorClass.AUTH, "token refused"))
    with pytest.raises(SubscriptionFailed):
        unsubscribe_endpoint(actor=alice, endpoint=endpoint)
    kept = Subscription.objects.get()
    assert (kept.state, kept.message) == (State.ACTIVE, "token refused")


def test_a_new_address_leaves_the_subscription_outdated(endpoint: Endpoint, alice: Actor) -> None:
    subscribe_endpoint(actor=alice, endpoint=endpoint, connection="gh")
    services.rotate_endpoint(actor=alice, endpoint=endpoint, reason="leaked")
    assert Subscription.objects.get().state == State.OUTDATED


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"connection": "nowhere"}, "/connection"),
        ({"connection": "gh", "trigger": "issues_updated"}, "/trigger"),
        ({"connection": "gh", "events": ["no.such"]}, "/events"),
    ],
)
def test_what_can_not_be_subscribed_to_is_refused_before_the_vendor_is_asked(
    endpoint: Endpoint, alice: Actor, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], place: str
) -> None:
    asked = answering(monkeypatch, kind="ok", data={"id": 1})
    with pytest.raises(InvalidInput) as caught:
        subscribe_endpoint(actor=alice, endpoint=endpoint, **given)
    assert caught.value.errors[0]["path"] == place
    assert not asked
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("deed", [unsubscribe_endpoint, check_subscription])
def test_without_a_subscription_there_is_nothing_to_ask(
    endpoint: Endpoint, alice: Actor, deed: Callable[..., Any]
) -> None:
    with pytest.raises(NotFound):
        deed(actor=alice, endpoint=endpoint)


def test_bob_may_look_and_charlie_nothing(endpoint: Endpoint, alice: Actor) -> None:
    bob = replace(alice, label="Bob", permissions=frozenset({"connections.view"}))
    charlie = Actor("user", "u3", "Charlie", None, EDITOR)
    for actor in (bob, charlie):
        with pytest.raises((PermissionDenied, NotFound)):
            subscribe_endpoint(actor=actor, endpoint=endpoint, connection="gh")
        for deed in (unsubscribe_endpoint, check_subscription):
            with pytest.raises((PermissionDenied, NotFound)):
                deed(actor=actor, endpoint=endpoint)
