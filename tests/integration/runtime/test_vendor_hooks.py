"""Deliveries, challenges and limits at both doors: the ingress and the plain view answer alike."""

import hashlib
import json
import secrets as random
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from ipaas.config import settings
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.net import EgressPolicy, EgressRefused
from ipaas.events import caps, key_sets
from ipaas.events.addresses import hook_address
from ipaas.events.models import Endpoint, Receipt
from ipaas.events.sealing import receipt_aad
from ipaas.events.services import create_endpoint
from ipaas.runtime.models import Run
from ipaas.runtime.receipts import read_receipt
from ipaas.runtime.values import read_values
from ipaas.sdk.signatures import SignatureScheme, sign, signed_body
from ipaas.vault.models import Secret
from ipaas.vault.payloads import sealer_for
from ipaas.vault.services import create_secret, put_version
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.test_deliveries import Post, through_ingress
from tests.integration.runtime.test_hooks import Send, by_ingress, by_web
from tests.unit.sdk.test_vendor_signatures import ADYEN, ADYEN_KEY, FORM

TOKEN = "a-token-of-the-sender-0123456789"
SHARED = "shared-" + "s" * 40


@pytest.fixture(params=[by_ingress, by_web], ids=["ingress", "web"])
def send(request: pytest.FixtureRequest) -> Send:
    door: Send = request.param
    return door


def made(world: World, scheme: dict[str, Any], secret: str = SHARED, **more: Any) -> Endpoint:
    slug, name = f"s-{random.token_hex(4)}", more.pop("slug", "shop")
    fields = {"signing_secret": secret, **more.pop("fields", {})}
    create_secret(workspace=world.workspace, slug=slug, fields=fields, actor=SYSTEM, kind=Secret.Kind.SIGNING)
    return create_endpoint(
        actor=SYSTEM,
        environment=world.environment,
        slug=name,
        title="Shop",
        signature=scheme,
        secret_slug=slug,
        **more,
    )


def posted(
    send: Send, endpoint: Endpoint, body: bytes, secret: str, *, kind: str = "application/json", **more: str
) -> Any:
    scheme = SignatureScheme.from_document(endpoint.signature)
    signed = signed_body(scheme, body=body, secrets=[secret])
    headers = sign(
        scheme, body=signed, secrets=[secret], now=now(), delivery_id="d-1", url=hook_address(endpoint.public_id)
    )
    named = {name.lower().replace("-", "_"): value for name, value in {**headers, **more}.items()}
    return send(f"/hooks/{endpoint.public_id}", signed, content_type=kind, **named)


def test_cloudevents_come_in_both_modes_and_keep_what_they_say_of_themselves(world: World, send: Send) -> None:
    """CloudEvents 1.0.2, HTTP binding 3.1 (binary) and 3.2 (structured); an event is known by source and id."""
    binary = made(world, {"scheme": "token"}, TOKEN, delivery_header="ce-id", event_header="ce-type")
    said = {"ce-specversion": "1.0", "ce-id": "A234", "ce-source": "/shop", "ce-type": "shop.order.placed"}
    assert [posted(send, binary, b'{"n": 1}', TOKEN, **said)[0] for _ in range(2)] == [202, 202]
    receipt = Receipt.objects.get()
    assert (receipt.delivery_id, receipt.event) == ("A234", "shop.order.placed")
    kept = json.loads(sealer_for(receipt.workspace_id).open(bytes(receipt.sealed), receipt_aad(receipt.id)))
    assert kept["body"] == {"n": 1}
    assert said.items() <= kept["headers"].items()
    whole = made(world, {"scheme": "token"}, TOKEN, slug="whole", delivery_path="source + id", event_path="type")
    event = json.dumps({"specversion": "1.0", "id": "A234", "source": "/shop", "type": "x", "data": {"n": 1}}).encode()
    assert posted(send, whole, event, TOKEN, kind="application/cloudevents+json; charset=utf-8")[0] == 202
    assert Receipt.objects.get(endpoint_id=whole.id).delivery_id == "/shop/A234"


ITEM = {"NotificationRequestItem": ADYEN}
CASES: list[tuple[str, bytes, str, dict[str, str], str | None, str]] = [
    ("github", b'{"action": "opened"}', SHARED, {"X-GitHub-Delivery": "g-1", "X-GitHub-Event": "issues"}, "g-1",
     "issues"),
    ("stripe", b'{"id": "evt_1", "type": "charge.failed"}', SHARED, {}, "evt_1", "charge.failed"),
    ("shopify", b'{"id": 1}', SHARED, {"X-Shopify-Webhook-Id": "w-1", "X-Shopify-Topic": "orders/create"}, "w-1",
     "orders/create"),
    ("slack", b'{"event_id": "Ev1", "event": {"type": "message"}}', SHARED, {}, "Ev1", "message"),
    ("twilio", b"MessageSid=SM1&Body=hello+you", SHARED, {"I-Twilio-Idempotency-Token": "t-1"}, "t-1", ""),
    ("square", b'{"event_id": "sq-1", "type": "payment.created"}', SHARED, {}, "sq-1", "payment.created"),
    ("adyen", json.dumps({"notificationItems": [ITEM]}).encode(), ADYEN_KEY, {},
     "7914073381342284/AUTHORISATION/true", "AUTHORISATION"),
    ("basic", b'{"a": 1}', "alice:wonderland", {"webhook-id": "b-1"}, "b-1", ""),
    ("token", b'{"a": 1}', TOKEN, {}, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "body", "secret", "headers", "delivery", "event"), CASES, ids=[one[0] for one in CASES]
)
def test_a_vendors_delivery_is_taken_once_by_its_own_id(
    world: World, send: Send, scheme: str, body: bytes, secret: str, headers: dict[str, str], delivery: str | None,
    event: str,
) -> None:  # fmt: skip
    endpoint = made(world, {"scheme": scheme}, secret)
    kind = FORM if scheme == "twilio" else "application/json"
    status, answer = posted(send, endpoint, body, secret, kind=kind, **headers)
    assert status == 202, answer
    receipt = Receipt.objects.get(id=answer["receipt_id"])
    assert (receipt.delivery_id, receipt.event) == (delivery, event)
    if delivery is not None:
        assert posted(send, endpoint, body, secret, kind=kind, **headers) == (status, answer)
    assert (
        posted(send, endpoint, body, SHARED[::-1] if scheme != "adyen" else "00" * 32, kind=kind, **headers)[0] == 401
    )
    assert Receipt.objects.count() == 1


def test_a_form_reaches_the_flow_as_a_document(world: World, send: Send) -> None:
    world.flow(call("charge"), slug="orders", trigger={"webhook": {"endpoint": "shop"}})
    endpoint = made(world, {"scheme": "twilio"})
    assert posted(send, endpoint, b"id=o-1&Body=caf%C3%A9&Media=a&Media=b", SHARED, kind=FORM)[0] == 202
    world.work()
    assert read_values(Run.objects.get())["trigger"]["body"] == {"id": "o-1", "Body": "café", "Media": ["a", "b"]}


def test_a_form_with_a_payload_is_the_document_in_it(world: World, send: Send) -> None:
    endpoint = world.endpoint()
    body = b"payload=" + quote('{"action": "opened"}').encode()
    status, answer = send(f"/hooks/{endpoint.public_id}", body, content_type=FORM)
    assert status == 202
    receipt = Receipt.objects.get(id=answer["receipt_id"])
    assert read_receipt(receipt, sealer_for(world.workspace.id))["body"] == {"action": "opened"}


@pytest.mark.parametrize(
    "body", [b"a=%ff", b"\xff=1", b"a=%00", b"&".join(b"a=1" for _ in range(1001)), b"payload=%7B"],
    ids=["not utf-8", "not ascii", "nul", "fields", "no json"],
)  # fmt: skip
def test_a_form_that_can_not_be_read_is_refused(world: World, send: Send, body: bytes) -> None:
    assert send(f"/hooks/{world.endpoint().public_id}", body, content_type=FORM)[0] == 400
    assert not Receipt.objects.exists()


def test_both_live_secrets_are_taken_during_a_rotation(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "stripe"})
    secret = Secret.objects.get(slug=endpoint.secret_slug)
    put_version(secret=secret, fields={"signing_secret": TOKEN}, actor=SYSTEM, overlap=timedelta(hours=1))
    for number, one in enumerate((SHARED, TOKEN)):
        assert posted(send, endpoint, b'{"id": "e-%d"}' % number, one)[0] == 202


# -- challenges ------------------------------------------------------------------------------------------------------

CHALLENGE = b'{"type": "url_verification", "challenge": "3eZbrw1a"}'


def test_slacks_challenge_is_answered_only_when_signed(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "slack"})
    assert endpoint.handshake["kind"] == "echo_body"
    assert posted(send, endpoint, CHALLENGE, SHARED) == (200, "3eZbrw1a")
    assert posted(send, endpoint, CHALLENGE, TOKEN)[0] == 401
    assert posted(send, endpoint, CHALLENGE.replace(b"3eZ", b"<b>"), SHARED)[0] == 403
    assert not Receipt.objects.exists()


def test_a_query_parameter_comes_back_and_a_delivery_is_still_checked(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "stripe"}, handshake={"kind": "echo_query", "parameter": "validationToken"})
    path = f"/hooks/{endpoint.public_id}"
    assert send(f"{path}?validationToken=a%20b", b"", content_type="text/plain") == (200, "a b")
    assert send(f"{path}?validationToken=a", b"", method="GET") == (200, "a")
    assert send(f"{path}?validationToken=a", b"{}")[0] == 401
    assert send(f"{path}?validationToken=%3Cscript%3E", b"", method="GET")[0] == 403
    assert send(path, b"", method="GET")[0] == 405


def test_a_subscription_needs_the_verify_token_of_the_secret(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "github"}, handshake={"kind": "hub_challenge"}, fields={"verify_token": "meaty"})
    path = f"/hooks/{endpoint.public_id}?hub.mode=subscribe&hub.challenge=c-1158&hub.verify_token="
    assert send(f"{path}meaty", b"", method="GET") == (200, "c-1158")
    assert send(f"{path}eve", b"", method="GET")[0] == 403


def test_an_endpoint_without_a_handshake_answers_no_get(world: World, send: Send) -> None:
    path = f"/hooks/{made(world, {'scheme': 'github'}).public_id}"
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        assert send(f"{path}?hub.mode=subscribe&hub.challenge=1", b"", method=method)[0] == 405


def test_an_empty_200_is_for_whoever_asks(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "github"}, handshake={"kind": "empty"})
    for method in ("GET", "HEAD", "OPTIONS"):
        assert send(f"/hooks/{endpoint.public_id}", b"", method=method) == (200, "")
    assert send(f"/hooks/{endpoint.public_id}", b"{}")[0] == 401


# -- limits ----------------------------------------------------------------------------------------------------------


def test_only_listed_networks_may_send(world: World, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = made(world, {"scheme": "token"}, TOKEN, sources=["192.0.2.0/24", "2001:db8::/32"])
    status, problem = posted(send, endpoint, b"{}", TOKEN, x_forwarded_for="192.0.2.7")
    assert (status, problem["code"]) == (403, "source_refused"), "nobody is believed about where it comes from"
    monkeypatch.setattr(
        "ipaas.accounts.addresses.settings", lambda: settings().model_copy(update={"trusted_proxies": 1})
    )
    assert posted(send, endpoint, b"{}", TOKEN, x_forwarded_for="10.0.0.1, 192.0.2.7")[0] == 202
    assert posted(send, endpoint, b"{}", TOKEN, x_forwarded_for="192.0.2.7, 10.0.0.1")[0] == 403
    assert posted(send, endpoint, b"{}", TOKEN, x_forwarded_for="::ffff:192.0.2.9")[0] == 202


def test_an_endpoint_has_its_own_largest_body(world: World, send: Send) -> None:
    endpoint = made(world, {"scheme": "token"}, TOKEN, max_body=100)
    assert posted(send, endpoint, b'"%s"' % (b"x" * 98), TOKEN)[0] == 202
    status, problem = posted(send, endpoint, b'"%s"' % (b"x" * 99), TOKEN)
    assert (status, problem["code"], "100 bytes" in problem["detail"]) == (413, "too_large", True)


def test_more_than_the_rate_of_an_endpoint_is_told_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By both doors; what is refused keeps no receipt, and a forged delivery uses up nothing."""
    clock = [1000.0]
    monkeypatch.setattr(caps, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    endpoint = made(world, {"scheme": "token"}, TOKEN, rate_per_minute=2)
    path, token = f"/hooks/{endpoint.public_id}", f"Bearer {TOKEN}"
    answers: list[tuple[int, str]] = []

    async def talk(post: Post) -> None:
        for bearer, seconds in [("Bearer no", 0), (token, 0), (token, 0), (token, 0), (token, 31), (token, 0)]:
            clock[0] += seconds
            status, said = await post(path, b"{}", authorization=bearer)
            answers.append((status, said.get("code", "")))

    through_ingress(talk)
    refused = (429, "too_many_deliveries")
    assert answers == [(401, "signature_invalid"), (202, ""), (202, ""), refused, (202, ""), refused]
    headers = {"authorization": token}
    sent = [Client().post(path, b"{}", content_type="application/json", headers=headers) for _ in range(3)]
    told = [(one.status_code, one.headers.get("Retry-After")) for one in sent]
    assert told == [(202, None), (202, None), (429, "30")]
    assert Receipt.objects.count() == 5
    notes = set(endpoint.arrivals.values_list("verdict", "code"))
    assert notes == {("refused", "signature_invalid"), ("refused", "too_many_deliveries")}


def test_keys_that_can_not_be_fetched_are_the_endpoints_trouble(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the egress guard, and what is told the sender is to come again."""
    asked: list[str] = []

    class Guarded:
        async def __aenter__(self) -> "Guarded":
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def call(self, method: str, url: str, *_: Any, **__: Any) -> None:
            asked.append(url)
            raise EgressRefused(host="keys.example", port=443, reason="it leads to a private address")

    monkeypatch.setattr(key_sets, "HttpClient", Guarded)
    key_sets.forget_keys()
    scheme = {"scheme": "jwt", "algorithm": "HS256", "jwks_url": "https://keys.example/set"}
    endpoint = create_endpoint(actor=SYSTEM, environment=world.environment, slug="shop", title="Shop", signature=scheme)
    for _ in range(3):  # a flood of deliveries is none of questions
        status, problem = send(f"/hooks/{endpoint.public_id}", b"{}", authorization="Bearer a.b.c")
        assert (status, problem["code"], asked) == (503, "endpoint_unready", ["https://keys.example/set"])
    key_sets.forget_keys()


def test_a_token_is_taken_by_a_key_that_its_sender_publishes(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetched once for all deliveries of some minutes."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**jwt.get_algorithm_by_name("ES256").to_jwk(key.public_key(), as_dict=True), "kid": "k1"}
    asked: list[str] = []

    async def published(url: str, egress: EgressPolicy) -> str:
        del egress
        asked.append(url)
        return json.dumps({"keys": [public]})

    monkeypatch.setattr(key_sets, "_fetched", published)
    key_sets.forget_keys()
    scheme = {"scheme": "jwt", "algorithm": "ES256", "jwks_url": "https://keys.example/set", "body_claim": "digest"}
    endpoint = create_endpoint(actor=SYSTEM, environment=world.environment, slug="shop", title="Shop", signature=scheme)
    statuses = []
    for body in (b'{"a": 1}', b'{"a": 2}', b'{"a": 3}'):
        claims = {"exp": int(now().timestamp()) + 60, "digest": hashlib.sha256(body.replace(b"3", b"9")).hexdigest()}
        token = jwt.encode(claims, key, "ES256", headers={"kid": "k1"})
        statuses.append(send(f"/hooks/{endpoint.public_id}", body, authorization=f"Bearer {token}")[0])
    assert (statuses, asked) == ([202, 202, 401], ["https://keys.example/set"])
    key_sets.forget_keys()


def test_a_key_that_nobody_knows_has_the_set_fetched_anew_once_a_minute(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that changed its key is believed at once; whoever makes up key ids causes one request a minute."""
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("k1", "k2", "k3")}
    es256 = jwt.get_algorithm_by_name("ES256")
    published, asked, clock = ["k1"], list[str](), [1000.0]

    async def fetched(url: str, egress: EgressPolicy) -> str:
        del egress
        asked.append(url)
        if not published:
            raise EgressRefused(host="keys.example", port=443, reason="it is away")
        told = [{**es256.to_jwk(keys[name].public_key(), as_dict=True), "kid": name} for name in published]
        return json.dumps({"keys": told})

    monkeypatch.setattr(key_sets, "_fetched", fetched)
    monkeypatch.setattr(key_sets, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    key_sets.forget_keys()
    scheme = {"scheme": "jwt", "algorithm": "ES256", "jwks_url": "https://keys.example/set"}
    endpoint = create_endpoint(actor=SYSTEM, environment=world.environment, slug="shop", title="Shop", signature=scheme)

    def sent(kid: str) -> tuple[int, int]:
        token = jwt.encode({"exp": int(now().timestamp()) + 60}, keys[kid], "ES256", headers={"kid": kid})
        return send(f"/hooks/{endpoint.public_id}", b"{}", authorization=f"Bearer {token}")[0], len(asked)

    assert sent("k1") == (202, 1)
    published[:] = ["k1", "k2"]
    assert sent("k2") == (401, 1)  # fetched a moment ago
    clock[0] += 61
    assert [sent("k2"), sent("k1"), sent("k3"), sent("k3")] == [(202, 2), (202, 2), (401, 2), (401, 2)]
    clock[0] += 61
    published.clear()  # the sender's server is away: the keys at hand stay good
    assert [sent("k3"), sent("k3"), sent("k2")] == [(401, 3), (401, 3), (202, 3)]
    key_sets.forget_keys()
