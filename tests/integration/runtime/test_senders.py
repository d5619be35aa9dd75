"""How senders prove themselves beyond a shared secret, and what they are answered, at both doors."""

import base64
import json
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import Store
from django.db import connection

from ipaas.audit.models import AuditEntry
from ipaas.config import settings
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput
from ipaas.core.net import EgressPolicy
from ipaas.events import caps, client_certificates, key_sets
from ipaas.events.greetings import keep_greeting
from ipaas.events.models import ArrivalNote, Endpoint, Receipt, Subscription
from ipaas.events.services import create_endpoint, rotate_endpoint, update_endpoint
from ipaas.sdk.handshakes import Greeting, HandshakeRefused
from ipaas.sdk.signatures import SignatureScheme, paypal, sign
from ipaas.sdk.testing_webhooks import key_pair
from ipaas.vault.inbound import open_versions
from ipaas.vault.models import Secret
from tests.factories.certificates import Authority, Issued
from tests.integration.runtime.conftest import World
from tests.integration.runtime.test_hooks import Send, by_ingress, by_web
from tests.integration.runtime.test_vendor_hooks import SHARED, TOKEN, made, posted

SECRET = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
OTHER = "0" + SECRET[1:]
PAYMENT = b'{"id":"WH-1","event_type":"X"}'


@pytest.fixture(params=[by_ingress, by_web], ids=["ingress", "web"])
def send(request: pytest.FixtureRequest) -> Send:
    door: Send = request.param
    return door


@pytest.fixture
def partner() -> Issued:
    return Authority("Partner CA", now()).issue("partner", names=["partner.example"])


def new(world: World, scheme: dict[str, Any], **more: Any) -> Endpoint:
    given = {"slug": "shop", "title": "Shop", "signature": scheme, **more}
    return create_endpoint(actor=SYSTEM, environment=world.environment, **given)


def proxies(monkeypatch: pytest.MonkeyPatch, *networks: str) -> None:
    changed = settings().model_copy(update={"client_cert_proxies": [ip_network(one) for one in networks]})
    monkeypatch.setattr(client_certificates, "settings", lambda: changed)


def shown(one: Issued) -> str:
    return f":{base64.b64encode(one.der).decode()}:"


# -- client certificates ---------------------------------------------------------------------------------------------


def test_a_client_certificate_is_believed_of_a_trusted_proxy_alone(
    world: World, partner: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = by_ingress
    path = f"/hooks/{new(world, {'scheme': 'client-certificate', 'fingerprints': [partner.fingerprint]}).public_id}"
    proxies(monkeypatch, "10.0.0.0/8")
    assert send(path, client_cert=shown(partner), x_forwarded_for="10.0.0.1")[0] == 401
    assert "over a proxy that IPAAS_CLIENT_CERT_PROXIES names" in ArrivalNote.objects.get().detail
    proxies(monkeypatch, "127.0.0.0/8", "2001:db8::/32")
    assert send(path, client_cert=shown(partner))[0] == 202
    other = Authority("Partner CA", now()).issue("partner")
    refused = {"not one that the endpoint pins": shown(other), "can not be read": ":garbage:", "too long": "A" * 17_000}
    for reason, header in refused.items():
        status, problem = send(path, client_cert=header)
        assert (status, problem["code"]) == (401, "signature_invalid")
        assert reason in problem["detail"]
        assert ArrivalNote.objects.latest("id").detail == problem["detail"]
    assert send(path)[0] == 401
    assert send(path, client_cert=shown(partner) + "," + shown(partner))[0] == 401
    assert by_web(path, client_cert=shown(partner))[0] == 401, "WSGI takes Client_Cert of a sender for the proxy's"
    assert Receipt.objects.count() == 1


def test_an_authority_that_is_none_is_not_stored(world: World) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n-----END CERTIFICATE-----"
    ed25519 = {"scheme": "public-key", "header": "X-S", "algorithm": "ed25519"}
    for signature, path in (
        ({"scheme": "client-certificate", "authority": broken, "subject": "CN=x"}, "/signature/authority"),
        ({"scheme": "client-certificate", "fingerprints": []}, "/signature"),
        ({"scheme": "sendgrid", "key": "x" * 40}, "/signature/key"),
        ({**ed25519, "key": key_pair("rsa-sha256")[1]}, "/signature/key"),
        ({**ed25519, "key_url": "https://10.0.0.1/k"}, "/signature/key_url"),
        ({**ed25519, "key_url": "http://example.com/k"}, "/signature/key_url"),
    ):
        with pytest.raises(InvalidInput) as caught:
            new(world, signature)
        assert path in {error["path"] for error in caught.value.errors}
    assert not Endpoint.objects.exists()


# -- published keys --------------------------------------------------------------------------------------------------


def test_a_published_key_is_fetched_once_and_again_when_the_sender_has_turned_it(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, asked, clock = [key_pair("ed25519"), key_pair("ed25519")], list[str](), [1000.0]
    published = [pairs[0][1]]

    async def fetched(url: str, egress: EgressPolicy) -> str:
        del egress
        asked.append(url)
        return published[0]

    monkeypatch.setattr(key_sets, "_fetched", fetched)
    monkeypatch.setattr(key_sets, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    key_sets.forget_keys()
    scheme = {"scheme": "public-key", "header": "X-Sig", "algorithm": "ed25519", "key_url": "https://keys.example/k"}
    endpoint = new(world, scheme)

    def sent(pair: tuple[str, str]) -> tuple[int, int]:
        form = SignatureScheme.from_document(scheme)
        headers = sign(form, body=b"{}", secrets=[pair[0]], now=now(), delivery_id="d-1")
        return send(f"/hooks/{endpoint.public_id}", b"{}", x_sig=headers["X-Sig"])[0], len(asked)

    assert [sent(pairs[0]), sent(pairs[1]), sent(pairs[0])] == [(202, 1), (401, 1), (202, 1)]
    published[0] = pairs[1][1]
    clock[0] += 61
    assert [sent(pairs[1]), sent(pairs[0])] == [(202, 2), (401, 2)]
    key_sets.forget_keys()


def test_paypals_certificate_is_fetched_from_paypal_and_checked(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Authority("Public CA", now())
    usage = x509.oid.ExtendedKeyUsageOID.SERVER_AUTH
    signer = public.issue("PayPal", names=["messageverificationcerts.paypal.com"], usage=usage)
    asked: list[str] = []

    async def fetched(url: str, egress: EgressPolicy) -> str:
        del egress
        asked.append(url)
        return signer.pem

    monkeypatch.setattr(key_sets, "_fetched", fetched)
    monkeypatch.setattr(key_sets, "_asking", type(key_sets._asking)())
    monkeypatch.setattr(caps, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    monkeypatch.setattr(paypal, "_authorities", lambda: Store([public.certificate]))
    paypal._key.cache_clear()
    key_sets.forget_keys()
    endpoint = made(world, {"scheme": "paypal"}, "9XL90610J3647323C")

    def sent(body: bytes, url: str = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594") -> int:
        at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        assert isinstance(signer.key, rsa.RSAPrivateKey)
        text = f"t-1|{at}|9XL90610J3647323C|{zlib.crc32(PAYMENT)}".encode()
        signature = base64.b64encode(signer.key.sign(text, padding.PKCS1v15(), SHA256())).decode()
        headers = {"paypal_transmission_id": "t-1", "paypal_transmission_time": at,
                   "paypal_transmission_sig": signature,
                   "paypal_cert_url": url, "paypal_auth_algo": "SHA256withRSA"}  # fmt: skip
        return int(send(f"/hooks/{endpoint.public_id}", body, **headers)[0])

    assert [sent(PAYMENT) for _ in range(2)] == [202, 202]
    assert Receipt.objects.get().event == "X"
    assert sent(b'{"id":"WH-2","event_type":"X"}') == 401
    assert sent(b"{}", "https://10.0.0.1/v1/notifications/certs/CERT-360caa42") == 401
    assert len(asked) == 1
    flood = [sent(b"{}", f"https://api.paypal.com/v1/notifications/certs/CERT-{one:08d}") for one in range(30)]
    assert (flood.count(503), len(asked)) == (30 - (key_sets.MOST_ASKED - 1), key_sets.MOST_ASKED)
    key_sets.forget_keys()


# -- secrets that a sender brings ------------------------------------------------------------------------------------


def kept(endpoint: Endpoint) -> list[str]:
    endpoint.refresh_from_db()
    found = open_versions(endpoint.workspace_id, endpoint.secret_slug, purpose="test") if endpoint.secret_slug else []
    return [fields["signing_secret"] for fields in found]


def test_a_brought_secret_is_kept_once_echoed_and_signs_from_then_on(world: World, send: Send) -> None:
    endpoint = new(world, {"scheme": "asana"}, handshake=None)
    path = f"/hooks/{endpoint.public_id}"
    assert send(path, b'{"events": []}', x_hook_signature="00")[0] == 401
    answer = send(path, b"{}", x_hook_secret=SECRET)
    assert (answer[0], answer.headers["x-hook-secret"], kept(endpoint)) == (200, SECRET, [SECRET])
    assert posted(send, endpoint, b'{"events": []}', SECRET)[0] == 202
    assert send(path, b"{}", x_hook_secret=SECRET)[0] == 200, "the answer may have been lost"
    status, problem = send(path, b"{}", x_hook_secret=OTHER)
    assert (status, problem["code"], kept(endpoint)) == (403, "handshake_refused", [SECRET])
    assert send(path, b"", x_hook_secret="x")[0] == 403
    assert AuditEntry.objects.filter(action="endpoint.greeted").count() == 1
    notes = list(ArrivalNote.objects.values_list("verdict", flat=True))
    assert notes.count("challenge") == 2
    assert SECRET not in json.dumps([note.detail for note in ArrivalNote.objects.all()])


def test_a_new_subscription_or_address_waits_for_a_new_secret(world: World) -> None:
    endpoint = made(world, {"scheme": "asana"})
    keep_greeting(endpoint.id, Greeting("X-Hook-Secret", SECRET))
    assert kept(endpoint) == [SECRET]
    told = Subscription.objects.create(endpoint=endpoint, connection="a", trigger="events", created_by="alice")
    keep_greeting(endpoint.id, Greeting("X-Hook-Secret", OTHER))
    assert kept(endpoint) == [OTHER]
    told.refresh_from_db()
    with pytest.raises(HandshakeRefused):
        keep_greeting(endpoint.id, Greeting("X-Hook-Secret", SECRET))
    rotate_endpoint(actor=SYSTEM, endpoint=endpoint, reason="told to the wrong one")
    keep_greeting(endpoint.id, Greeting("X-Hook-Secret", SECRET))
    assert kept(endpoint) == [SECRET]


@pytest.mark.django_db(transaction=True)
def test_of_two_secrets_at_once_one_is_kept(world: World) -> None:
    endpoint = new(world, {"scheme": "asana"})
    both = threading.Barrier(2)

    def bring(secret: str) -> bool:
        both.wait()
        try:
            keep_greeting(endpoint.id, Greeting("X-Hook-Secret", secret))
        except HandshakeRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        taken = list(threads.map(bring, [SECRET, OTHER]))
    assert sorted(taken) == [False, True]
    assert kept(endpoint) == [SECRET if taken[0] else OTHER]
    assert Secret.objects.filter(kind=Secret.Kind.SIGNING).count() == 1


# -- what is answered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_an_endpoint_answers_what_its_vendor_asks_for(world: World, send: Send, status: int) -> None:
    endpoint = made(world, {"scheme": "token"}, TOKEN, answer_status=status)
    answers = [posted(send, endpoint, b"{}", TOKEN, webhook_id="d-1") for _ in range(2)]
    receipt = Receipt.objects.get()
    for answer in answers:
        assert (answer[0], answer.headers["receipt-id"]) == (status, str(receipt.id))
        assert answer[1] == ("" if status == 204 else {"receipt_id": str(receipt.id)})
    assert ArrivalNote.objects.get(verdict="repeated").status == status
    assert posted(send, endpoint, b"{}", SHARED, webhook_id="d-2")[0] == 401


def test_another_status_is_refused_and_the_connectors_is_the_usual_one(world: World) -> None:
    for wrong in (199, 302, 500):
        with pytest.raises(InvalidInput):
            made(world, {"scheme": "token"}, TOKEN, answer_status=wrong)
    endpoint = made(world, {"scheme": "token"}, TOKEN)
    assert endpoint.answer_status == 202
    assert update_endpoint(actor=SYSTEM, endpoint=endpoint, changes={"answer_status": 204}).answer_status == 204
