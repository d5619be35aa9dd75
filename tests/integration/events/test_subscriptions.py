"""Subscribing endpoints at the vendor: told, asked, ended; failures and doubts; who may; no secret kept anywhere."""

import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections as databases

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import credentials, gateway, oauth
from ipaas.catalog.gateway import ErrorInfo, GatewayCall, GatewayOutcome
from ipaas.catalog.registry import connectors
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.services import create_connection
from ipaas.catalog.threads import close_thread_connections
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, InvalidInput, NotFound, PermissionDenied
from ipaas.core.yamlio import load
from ipaas.events import services
from ipaas.events.addresses import hook_address
from ipaas.events.arrivals import read_note
from ipaas.events.errors import EndpointSubscribed, SubscriptionFailed
from ipaas.events.models import ArrivalNote, Endpoint, Receipt, Subscription
from ipaas.events.sealing import receipt_aad
from ipaas.events.subscriptions import (
    RENEW_AGAIN,
    check_subscription,
    renew_subscriptions,
    subscribe_endpoint,
    unsubscribe_endpoint,
)
from ipaas.sdk.tokens import Token
from ipaas.vault import keys
from ipaas.vault.keys import ensure_key_file
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_all
from ipaas.vault.payloads import forget_sealers, sealer_for
from ipaas.vault.services import create_secret
from tests.integration.catalog.test_stand_ins import Running
from tests.integration.runtime.test_hooks import by_web

FOLDERS = Path(__file__).resolve().parents[3] / "connectors"
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


# -- vendors that ask the address while they are told of it, and that end what is not renewed ------------------------


def place(endpoint: Endpoint, stub: Running, connector: str, **more: Any) -> Endpoint:
    """A connection to the connector's stand-in, and an endpoint as the trigger has it."""
    manifest = connectors()[connector].manifest
    fields = {one.name: "t0ken-of-vendor" for one in next(iter(manifest.auth.values())).fields}
    create_secret(workspace=endpoint.workspace, slug=connector, fields=fields, actor=SYSTEM)
    create_connection(
        environment=endpoint.environment,
        slug=connector,
        connector=connector,
        base_url=f"http://127.0.0.1:{stub.port}/{connector}",
        config=manifest.config_example,
        secret=connector,
        actor=SYSTEM,
    )
    document = load((FOLDERS / connector / "manifest.yaml").read_bytes())
    trigger = next(one for one in document["triggers"].values() if one["kind"] == "webhook")
    return services.create_endpoint(
        actor=SYSTEM, environment=endpoint.environment, slug=connector, title=connector,
        signature=trigger["signature"], handshake=trigger["handshake"], delivery_path="value.0.resource", **more,
    )  # fmt: skip


def due() -> None:
    """The time of the next renewal has come."""
    Subscription.objects.update(renew_due_at=now())


def asking(monkeypatch: pytest.MonkeyPatch, ask: Callable[[], None]) -> None:
    """The vendor asks the address before it answers, as some do."""
    run = gateway.run_to_end

    def after_asking(work: Any) -> Any:
        ask()
        return run(work)

    monkeypatch.setattr(gateway, "run_to_end", after_asking)


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tokens of authorities elsewhere are there already."""

    async def fetched(*_: object) -> Token:
        return Token("canary-of-a-token", 3600)

    monkeypatch.setattr(oauth, "fetch", fetched)
    yield
    oauth._held.clear()


def test_asana_brings_its_secret_while_it_is_told_and_signs_with_it(
    endpoint: Endpoint, alice: Actor, stub: Running, granted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asana = place(endpoint, stub, "asana")
    path, brought = f"/hooks/{asana.public_id}", "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
    body = b'{"events": [{"action": "changed", "resource": {"gid": "1", "resource_type": "task"}}]}'
    signed = {"x_hook_signature": hmac.new(brought.encode(), body, "sha256").hexdigest()}
    assert by_web(path, body, **signed)[0] == 401

    def greet() -> None:
        answer = by_web(path, b"{}", x_hook_secret=brought)
        assert (answer[0], answer.headers["x-hook-secret"]) == (200, brought)

    asking(monkeypatch, greet)
    made = subscribe_endpoint(actor=alice, endpoint=asana, connection="asana")
    assert made.state == State.ACTIVE
    assert made.vendor_id in stub._server.vendors["asana"].state.entities["webhook"]
    asana.refresh_from_db()
    assert by_web(path, body, **signed)[0] == 202
    assert by_web(path, body, x_hook_signature="0" * 64)[0] == 401
    assert by_web(path, b"{}", x_hook_secret="c" * 64)[0] == 403, "another secret is waited for no more"
    assert brought not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_business_central_is_answered_renewed_and_believed_by_the_secret_in_its_body(
    endpoint: Endpoint, alice: Actor, stub: Running, granted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    central = place(endpoint, stub, "business-central", secret_slug="sign")
    path = f"/hooks/{central.public_id}"

    def ask() -> None:
        answer = by_web(f"{path}?validationToken=d3f1-42", b"")
        assert (answer[0], answer[1]) == (200, "d3f1-42")

    asking(monkeypatch, ask)
    made = subscribe_endpoint(
        actor=alice, endpoint=central, connection="business-central", trigger="customer_notifications"
    )
    known = stub._server.vendors["business-central"].state.entities["subscription"]
    known[made.vendor_id]["expirationDateTime"] = "soon"
    assert (made.state, known[made.vendor_id]["resource"].rpartition("/")[2]) == (State.ACTIVE, "customers")
    assert made.renew_due_at is not None
    assert renew_subscriptions() == 0
    due()
    assert (renew_subscriptions(), renew_subscriptions()) == (1, 0)
    assert known[made.vendor_id]["expirationDateTime"] != "soon"
    assert deeds()[-1] == "subscription_renewed"
    entry = {"subscriptionId": made.vendor_id, "resource": "customers(1)", "changeType": "created"}
    for state, status in ((SIGNING, 202), (None, 401), (SIGNING[:-1], 401)):
        told = {"value": [{**entry, "clientState": state}]}
        assert by_web(path, json.dumps(told).encode())[0] == status
    padded = json.dumps({"value": [{**entry, "clientState": SIGNING[:-1], "more": "x" * 5000}]}).encode()
    assert by_web(path, padded)[0] == 401
    sealer = sealer_for(central.workspace_id)
    notes = [read_note(one, sealer)["body"] for one in ArrivalNote.objects.filter(verdict="refused").order_by("id")]
    assert notes == [{"value": [{**entry, "clientState": None}]}, {"value": [{**entry, "clientState": None}]}, ""]
    receipt = Receipt.objects.get()
    kept = json.loads(sealer.open(bytes(receipt.sealed), receipt_aad(receipt.id)))
    assert kept["body"]["value"] == [{**entry, "clientState": None}]
    assert check_subscription(actor=alice, endpoint=central).state == State.ACTIVE
    del known[made.vendor_id]
    due()
    assert renew_subscriptions() == 0
    assert Subscription.objects.get().state == State.GONE


def test_a_renewal_that_fails_is_tried_again_and_says_why(
    endpoint: Endpoint, alice: Actor, stub: Running, granted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    central = place(endpoint, stub, "business-central", secret_slug="sign")
    given = {"connection": "business-central", "trigger": "item_notifications"}
    subscribe_endpoint(actor=alice, endpoint=central, **given)
    answering(monkeypatch, **failed("failed", ErrorClass.TRANSIENT, "away"))
    due()
    assert (renew_subscriptions(), renew_subscriptions()) == (0, 0)
    row = Subscription.objects.get()
    assert (row.state, row.message) == (State.ACTIVE, "away")
    assert row.renew_due_at is not None
    assert now() < row.renew_due_at <= now() + RENEW_AGAIN
