"""One suite for both doors of webhooks: what is sent, the ingress and the plain view answer and keep alike."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.events import accepting
from ipaas.events.intake import MAX_BODY
from ipaas.events.models import Endpoint, Receipt
from ipaas.ingress import batch
from ipaas.runtime.models import Run, Work
from ipaas.sdk.signatures import SignatureScheme, sign
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.test_deliveries import Answer, Post, said, through_ingress

Send = Callable[..., Answer]
SIGNING = "a-signing-secret-of-length"
HMAC = {"scheme": "hmac", "header": "x-signature", "algorithm": "sha256", "encoding": "hex", "prefix": ""}


def by_ingress(path: str, body: bytes = b"{}", *, method: str = "POST", **headers: str) -> Answer:
    answers: list[Answer] = []

    async def talk(post: Post) -> None:
        answers.append(await post(path, body, method=method, **headers))

    through_ingress(talk)
    return answers[0]


def by_web(path: str, body: bytes = b"{}", *, method: str = "POST", **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = given.pop("content-type", "application/json")
    answer = Client(enforce_csrf_checks=True).generic(method, path, body, content_type=kind, headers=given)
    assert answer.headers["X-Request-ID"]
    told = {name.lower(): value for name, value in answer.headers.items()}
    return Answer.of(answer.status_code, said(answer.content), told)


@pytest.fixture(params=[by_ingress, by_web], ids=["ingress", "web"])
def send(request: pytest.FixtureRequest) -> Send:
    door: Send = request.param
    return door


@pytest.fixture
def signed(world: World) -> Endpoint:
    create_secret(
        workspace=world.workspace, slug="shop-signing", fields={"signing_secret": SIGNING}, actor=SYSTEM,
        kind=Secret.Kind.SIGNING,
    )  # fmt: skip
    endpoint = world.endpoint()
    endpoint.signature, endpoint.signature_required, endpoint.secret_slug = HMAC, True, "shop-signing"
    endpoint.save()
    return endpoint


def listening(world: World) -> None:
    world.flow(call("charge"), slug="orders", trigger={"webhook": {"endpoint": "shop"}})


def test_a_delivery_is_kept_answered_and_run(world: World, send: Send) -> None:
    endpoint = world.endpoint()
    listening(world)
    path = f"/hooks/{endpoint.public_id}"
    status, body = send(
        path, b'{"id": "o-1"}', x_id="d-1", x_topic="order.created", traceparent=f"00-{'a' * 32}-{'b' * 16}-01"
    )
    assert status == 202
    assert Receipt.objects.get(id=body["receipt_id"]).state == "accepted"
    world.work()
    run = Run.objects.get()
    assert (run.status, run.trace_id, str(run.receipt_id)) == ("succeeded", "a" * 32, body["receipt_id"])


def test_a_repeated_delivery_gets_the_first_receipt_and_another_body_is_a_conflict(world: World, send: Send) -> None:
    path = f"/hooks/{world.endpoint().public_id}"
    first = send(path, b'{"id": 1}', x_id="d-1")
    assert send(path, b'{"id": 1}', x_id="d-1") == first
    status, problem = send(path, b'{"id": 2}', x_id="d-1")
    assert (status, problem["code"]) == (409, "delivery_conflict")
    assert sorted(Receipt.objects.values_list("state", flat=True)) == ["accepted", "conflict"]
    assert Work.objects.count() == 1


def test_a_right_signature_is_taken_and_a_wrong_one_is_not(signed: Endpoint, send: Send) -> None:
    path, body = f"/hooks/{signed.public_id}", b'{"id": "o-1"}'
    headers = sign(SignatureScheme.from_document(HMAC), body=body, secrets=[SIGNING], now=now(), delivery_id="d-1")
    right = {name.replace("-", "_"): value for name, value in headers.items()}
    assert send(path, body, **right)[0] == 202
    status, problem = send(path, body + b" ", **right)
    assert (status, problem["code"]) == (401, "signature_invalid")
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("signature", ["", "x", "\xe9\xff", "0" * 63, "=" * 5000, "v1,v1"])
def test_a_malformed_signature_is_401(signed: Endpoint, send: Send, signature: str) -> None:
    assert send(f"/hooks/{signed.public_id}", b"{}", x_signature=signature)[0] == 401
    assert not Receipt.objects.exists()


def test_a_paused_endpoint_says_come_back(world: World, send: Send) -> None:
    endpoint = world.endpoint()
    Endpoint.objects.filter(id=endpoint.id).update(state="paused")
    status, problem = send(f"/hooks/{endpoint.public_id}")
    assert (status, problem["code"]) == (503, "endpoint_paused")


@pytest.mark.parametrize(
    ("path", "body", "method", "headers", "status", "code"),
    [
        ("/hooks/{id}", b'{"a": 1, "a": 2}', "POST", {}, 400, "json.duplicate_key"),
        ("/hooks/{id}", b"[" * 5000, "POST", {}, 400, "json.too_deep"),
        ("/hooks/{id}", b"\xff\xfe", "POST", {}, 400, "json.encoding"),
        ("/hooks/{id}", b"", "POST", {}, 400, "json.syntax"),
        ("/hooks/{id}", b'"' + b"x" * MAX_BODY + b'"', "POST", {}, 413, "too_large"),
        ("/hooks/{id}", b"<a/>", "POST", {"content_type": "text/xml"}, 400, "delivery_invalid"),
        ("/hooks/{id}", b"{}", "POST", {"x_id": "x" * 300}, 400, "delivery_invalid"),
        ("/hooks/{id}", b"", "GET", {}, 405, "method_not_allowed"),
        ("/hooks/{id}", b"", "DELETE", {}, 405, "method_not_allowed"),
        ("/hooks/{id}/more", b"{}", "POST", {}, 404, "endpoint_unknown"),
        ("/hooks/nobody", b"{}", "POST", {}, 404, "endpoint_unknown"),
        ("/hooks/", b"{}", "POST", {}, 404, "endpoint_unknown"),
        ("/hooks/a\0b", b"{}", "POST", {}, 404, "endpoint_unknown"),
        ("/hooks/\u00fc", b"{}", "POST", {}, 404, "endpoint_unknown"),
        ("/hooks/" + "x" * 99, b"{}", "POST", {}, 404, "endpoint_unknown"),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_is_refused_is_a_problem_and_keeps_nothing(
    world: World, send: Send, path: str, body: bytes, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    found, problem = send(path.replace("{id}", world.endpoint().public_id), body, method=method, **headers)
    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert not Receipt.objects.exists()


def test_without_its_database_a_delivery_is_not_accepted(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = world.endpoint()
    monkeypatch.setattr(batch, "ACCEPT", "SELECT nothing")
    monkeypatch.setattr(accepting, "_ACCEPT", "SELECT nothing")
    status, problem = send(f"/hooks/{endpoint.public_id}")
    assert (status, problem["code"]) == (503, "not_stored")
    assert not Receipt.objects.exists()


def test_a_defect_is_told_without_detail(world: World, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr("ipaas.ingress.app.prepare", fail)
    monkeypatch.setattr("ipaas.web.hooks.prepare", fail)
    status, problem = send(f"/hooks/{world.endpoint().public_id}")
    assert (status, problem["code"]) == (503, "not_stored")
    assert "secret" not in json.dumps(problem)


def test_without_an_endpoint_to_load_it_is_not_accepted(
    world: World, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise DatabaseError

    monkeypatch.setattr("ipaas.ingress.app.endpoint_view", fail)
    monkeypatch.setattr("ipaas.events.accepting.endpoint_view", fail)
    assert send("/hooks/abc")[0] == 503


_texts = st.text(st.characters(max_codepoint=255), max_size=60)
_headers = st.dictionaries(
    st.sampled_from(["x_id", "x_topic", "x_signature", "traceparent", "content_type", "user_agent", "x_other"]),
    _texts,
    max_size=4,
)
_bodies = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode()),
)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(st.tuples(_bodies, _headers), min_size=1, max_size=20))
def test_nothing_that_is_sent_becomes_a_defect(world: World, deliveries: list[tuple[bytes, dict[str, str]]]) -> None:
    """Hostile bytes and headers: each is accepted whole or refused with a 4xx, and the rows say the same."""
    endpoint = Endpoint.objects.filter(slug="shop").first() or world.endpoint()
    path, answers = f"/hooks/{endpoint.public_id}", []
    before = Receipt.objects.exclude(state="conflict").count()

    async def talk(post: Post) -> None:
        for body, headers in deliveries:
            answers.append(await post(path, body, **headers))

    through_ingress(talk)
    statuses = [status for status, _ in answers]
    assert all(status == 202 or 400 <= status < 500 for status in statuses), statuses
    kept = {body["receipt_id"] for status, body in answers if status == 202}
    new = Receipt.objects.exclude(state="conflict").count() - before
    assert new <= len(kept)
    assert Receipt.objects.filter(id__in=kept).count() == len(kept)
    assert Work.objects.count() == Receipt.objects.exclude(state="conflict").count()
