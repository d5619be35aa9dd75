"""What became no receipt is kept within bounds, a delivery is taken once more, and a test goes the whole way."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.events import arrivals
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.events.redelivery import SampleAnswer, SampleNotSent, redeliver_receipt, send_test
from ipaas.events.services import delete_endpoint
from ipaas.governance import services as governance
from ipaas.ingress.app import Ingress
from ipaas.ingress.server import server
from ipaas.runtime.models import Run, Work
from ipaas.runtime.shown_deliveries import shown_note, shown_receipt
from ipaas.runtime.values import read_values
from ipaas.sdk.signatures import SigningSecretUnusable
from ipaas.web import hooks
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call, conninfo
from tests.integration.runtime.test_hooks import Send, by_ingress, by_web
from tests.integration.runtime.test_vendor_hooks import SHARED, TOKEN, made, posted


@pytest.fixture(params=[by_ingress, by_web], ids=["ingress", "web"])
def send(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Send:
    monkeypatch.setattr(hooks, "_attention", arrivals.Attention())
    door: Send = request.param
    return door


def test_a_refusal_is_kept_with_its_reason_and_masked(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "token"}, TOKEN)
    body = json.dumps({"order": "o-1", "password": "hunter2", "copy": TOKEN}).encode()
    path = f"/hooks/{endpoint.public_id}?token=abcdef123&shop=7"
    assert send(path, body, authorization="Bearer wrong-wrong-wrong", user_agent="probe/1")[0] == 401
    note = ArrivalNote.objects.get()
    assert (note.verdict, note.status, note.code, note.size) == ("refused", 401, "signature_invalid", len(body))
    assert note.detail
    shown = shown_note(note)
    assert (shown["body"]["order"], shown["headers"]["user-agent"], shown["query"]["shop"]) == ("o-1", "probe/1", "7")
    assert set(shown["headers"]) <= {"user-agent", "content-type"}
    assert "authorization" in shown["other_headers"]
    for secret in ("hunter2", TOKEN, "abcdef123", "wrong-wrong-wrong"):
        assert secret not in json.dumps(shown)
        assert secret.encode() not in bytes(note.sealed)
    assert not Receipt.objects.exists()


def test_a_repetition_names_the_receipt_and_a_challenge_is_noted(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "slack"})
    for _ in range(2):
        status, answer = posted(send, endpoint, b'{"event_id": "Ev1"}', SHARED)
    posted(send, endpoint, b'{"type": "url_verification", "challenge": "abc"}', SHARED)
    assert status == 202
    noted = {note.verdict: note for note in ArrivalNote.objects.all()}
    assert set(noted) == {"repeated", "challenge"}
    assert str(noted["repeated"].receipt_id) == answer["receipt_id"]


@pytest.mark.parametrize(
    ("body", "method", "code"),
    [
        (b"\xff\xfe\x00", "POST", "json.encoding"),
        (b"{" + b"x" * 9000, "POST", "json.syntax"),
        (b'"' + b"x" * 1_000_001, "POST", "too_large"),
        (b"", "GET", "method_not_allowed"),
    ],
    ids=["bytes", "long", "too large", "get"],
)
def test_whatever_is_sent_is_kept_small_or_not_at_all(
    world: World, send: Send, body: bytes, method: str, code: str
) -> None:
    endpoint = world.endpoint()
    send(f"/hooks/{endpoint.public_id}", body, method=method)
    note = ArrivalNote.objects.get()
    assert (note.code, note.method) == (code, method)
    assert len(note.sealed) < 2 * arrivals.MOST_BODY
    assert len(json.dumps(shown_note(note))) < 4 * arrivals.MOST_BODY


def test_a_flood_is_noted_in_part_and_the_oldest_are_forgotten(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_KEPT", 3)
    monkeypatch.setattr(arrivals, "PER_MINUTE", 5)
    endpoint = made(world, {"scheme": "token"}, TOKEN)
    for number in range(5 if send is by_ingress else 9):  # each talk with the ingress is with a process of its own
        send(f"/hooks/{endpoint.public_id}", b"%d" % number)
    found = [shown_note(note)["body"] for note in ArrivalNote.objects.all()]
    assert found == [4, 3, 2]


def test_a_database_that_is_away_loses_the_note_and_nothing_else(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DatabaseError

    def fail(**_: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(ArrivalNote.objects, "create", fail)
    endpoint = made(world, {"scheme": "token"}, TOKEN)
    assert send(f"/hooks/{endpoint.public_id}", b"{}")[0] == 401


# -- taking once more ------------------------------------------------------------------------------------------------


def test_a_delivery_is_taken_once_more_as_a_new_receipt(world: World) -> None:
    endpoint = made(world, {"scheme": "stripe"})
    status, answer = posted(by_ingress, endpoint, b'{"id": "evt_1", "type": "charge.failed"}', SHARED)
    world.work()
    first = Receipt.objects.get()
    assert (status, first.state) == (202, "unmatched")
    world.flow(call("charge"), slug="orders", trigger={"webhook": {"endpoint": "shop"}})

    second = redeliver_receipt(actor=SYSTEM, receipt=first, reason="the flow was not there yet")
    world.work()
    second.refresh_from_db()
    assert (second.state, second.redelivery_of, second.delivery_id) == ("processed", first.id, None)
    assert read_values(Run.objects.get())["trigger"]["body"]["id"] == "evt_1"
    entry = AuditEntry.objects.get(action="delivery.redelivered")
    assert (entry.details["receipt"], entry.details["new_receipt"]) == (str(first.id), str(second.id))
    assert posted(by_ingress, endpoint, b'{"id": "evt_1", "type": "charge.failed"}', SHARED) == (status, answer)


def test_who_may_take_a_delivery_once_more(world: World) -> None:
    endpoint = world.endpoint()
    by_ingress(f"/hooks/{endpoint.public_id}", b'{"id": 1}')
    receipt, before = Receipt.objects.get(), Work.objects.count()
    alice = Actor("user", "u1", "Alice", world.workspace.id, frozenset({"flows.trigger"}))
    bob = Actor("user", "u2", "Bob", world.workspace.id, frozenset({"runs.view"}))
    charlie = Actor("user", "u3", "Charlie", endpoint.id, frozenset({"flows.trigger"}))
    bound = Actor("key", "k1", "Key", world.workspace.id, frozenset({"flows.trigger"}), flows=frozenset())
    for actor, error in ((bob, PermissionDenied), (charlie, NotFound), (bound, NotFound)):
        with pytest.raises(error):
            redeliver_receipt(actor=actor, receipt=receipt, reason="why")
    with pytest.raises(InvalidInput):
        redeliver_receipt(actor=alice, receipt=receipt, reason=" ")
    assert (Receipt.objects.count(), Work.objects.count()) == (1, before)
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict):
        redeliver_receipt(actor=alice, receipt=receipt, reason="why")


def test_content_is_masked_as_the_flows_that_listen_classify_it(world: World) -> None:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    listening = {"webhook": {"endpoint": "shop"}}
    world.flow(call("charge"), slug="orders", trigger=listening, input={"schema": "order@1"})
    endpoint, mail = world.endpoint(), "eve@customers.example"
    body = {"id": "o-1", "email": mail, "note": f"ask {mail}", "api_key": "k-123456"}
    by_ingress(f"/hooks/{endpoint.public_id}", json.dumps(body).encode())
    shown = shown_receipt(Receipt.objects.get(), endpoint)
    assert shown["body"]["id"] == "o-1"
    assert mail not in json.dumps(shown)
    assert "k-123456" not in json.dumps(shown)
    assert shown_receipt(Receipt.objects.get(), None)["body"]["id"] == "o-1"


# -- a test through the ingress --------------------------------------------------------------------------------------


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SampleAnswer]:
    """``send_test`` while a real ingress listens."""

    def run(endpoint: Endpoint, body: Any, event: str = "") -> SampleAnswer:
        async def both() -> SampleAnswer:
            listening = socket.create_server(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            address = f"http://127.0.0.1:{port}/hooks/{endpoint.public_id}"
            monkeypatch.setattr("ipaas.events.redelivery._inner_address", lambda _: address)
            serving = server(Ingress(conninfo()), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                return await asyncio.to_thread(in_thread, endpoint, body, event)
            finally:
                serving.should_exit = True
                await task

        return asyncio.run(both())

    def in_thread(endpoint: Endpoint, body: Any, event: str) -> SampleAnswer:
        from django.db import connections

        try:
            return send_test(actor=SYSTEM, endpoint=endpoint, body=body, event=event)
        finally:
            connections.close_all()

    return run


@pytest.mark.parametrize("scheme", ["stripe", "github", "slack", "square", "twilio", "standard-webhooks"])
def test_a_test_is_signed_as_the_sender_signs_and_starts_the_flow(
    world: World, tested: Callable[..., SampleAnswer], scheme: str
) -> None:
    world.flow(call("charge"), slug="orders", trigger={"webhook": {"endpoint": "shop"}})
    secret = "whsec_" + "QUJD" * 8 if scheme == "standard-webhooks" else SHARED
    answer = tested(made(world, {"scheme": scheme}, secret), {"order": "o-1"}, "order.created")
    assert answer.status == 202
    receipt = Receipt.objects.get(id=answer.receipt_id)
    if scheme != "twilio":
        assert (receipt.delivery_id, receipt.event) == (answer.delivery_id, "order.created")
    world.work()
    assert read_values(Run.objects.get())["trigger"]["body"]["order"] == "o-1"
    assert AuditEntry.objects.filter(action="endpoint.tested").count() == 1


def test_a_refused_test_says_why(world: World, tested: Callable[..., SampleAnswer]) -> None:
    endpoint = made(world, {"scheme": "token"}, TOKEN, sources=["192.0.2.0/24"])
    answer = tested(endpoint, {})
    assert (answer.status, answer.code, answer.receipt_id) == (403, "source_refused", None)
    assert ArrivalNote.objects.get().peer == "127.0.0.1"


def test_a_test_that_nobody_here_can_sign_or_send(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = made(world, {"scheme": "jwt", "algorithm": "RS256"}, "-----BEGIN PUBLIC KEY-----")
    with pytest.raises(SigningSecretUnusable):
        send_test(actor=SYSTEM, endpoint=endpoint, body={})
    twilio = made(world, {"scheme": "twilio"}, slug="calls")
    with pytest.raises(InvalidInput):
        send_test(actor=SYSTEM, endpoint=twilio, body={"a": {"b": 1}})
    monkeypatch.setattr("ipaas.events.redelivery._inner_address", lambda _: "http://127.0.0.1:9/hooks/x")
    with pytest.raises(SampleNotSent):
        send_test(actor=SYSTEM, endpoint=twilio, body={})
