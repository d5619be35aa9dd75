"""Challenges of senders: what is answered, and that the answer is no oracle and nothing a browser runs."""

from hashlib import sha256
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.handshakes import HANDSHAKES, HARMLESS, JSON, TEXT, Answer, Handshake, HandshakeRefused
from ipaas.sdk.manifest_reader import manifest_schema

SLACK = Handshake.from_document(HANDSHAKES["slack"])
GRID = Handshake("echo_body", "kind", "validate", "code", "validationResponse")
GRAPH = Handshake("echo_query", parameter="validationToken")
HUB = Handshake("hub_challenge")
PING = Handshake("empty")


def hub(token: str = "", challenge: str = "1158201444", mode: str = "subscribe") -> str:
    query = f"hub.mode={mode}&hub.challenge={quote(challenge)}"
    return f"{query}&hub.verify_token={quote(token)}" if token else query


def test_slacks_challenge_comes_back() -> None:
    """docs.slack.dev, "url_verification event"."""
    asked = {"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
             "type": "url_verification"}  # fmt: skip
    assert SLACK.signed(asked) == Answer(asked["challenge"].encode(), TEXT)
    assert SLACK.unsigned("POST", "", b"{}", ()) is None


def test_a_challenge_in_the_body_may_come_back_in_json() -> None:
    assert GRID.signed({"kind": "validate", "code": "512d38b6"}) == Answer(b'{"validationResponse":"512d38b6"}', JSON)


@pytest.mark.parametrize("document", [{}, [], None, {"type": "event_callback", "challenge": "x"}])
def test_anything_else_in_a_body_is_a_delivery(document: Any) -> None:
    assert SLACK.signed(document) is None


def test_microsofts_token_comes_back() -> None:
    """learn.microsoft.com, "Receive change notifications through webhooks", notificationUrl validation."""
    token = "Validation: Testing client application reachability for subscription Request-Id: 522a8e7e-096a-494c"
    query = "validationToken=" + quote(token)
    for method in ("GET", "POST"):
        assert GRAPH.unsigned(method, query, b"", ()) == Answer(token.encode(), TEXT)
    assert GRAPH.unsigned("POST", query, b'{"value": []}', ()) is None, "with a body it is a delivery"
    assert GRAPH.unsigned("POST", "", b"", ()) is None
    assert GRAPH.unsigned("PUT", query, b"", ()) is None


def test_a_subscription_is_confirmed_to_who_knows_the_token() -> None:
    """developers.facebook.com, "Webhooks: verification requests"."""
    assert HUB.unsigned("GET", hub("meatyhamhock"), b"", ["meatyhamhock"]) == Answer(b"1158201444", TEXT)
    assert HUB.unsigned("GET", hub(), b"", []) == Answer(b"1158201444", TEXT)
    assert HUB.unsigned("GET", "", b"", ["meatyhamhock"]) is None
    refused = [
        (hub("eve"), ["bob"]),
        (hub(), ["bob"]),
        (hub("eve"), []),
        (hub(mode="steal"), []),
        (hub("\xe9"), ["é1"]),
    ]
    for query, tokens in refused:
        with pytest.raises(HandshakeRefused):
            HUB.unsigned("GET", query, b"", tokens)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_an_empty_200_says_nothing(method: str) -> None:
    assert PING.unsigned(method, "a=b", b"", ()) == Answer()
    assert PING.unsigned("POST", "", b"{}", ()) is None


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "a\r\nX: 1", "x" * 1025, "", "é", '"', "'", "\0", "`", "\\"]
)
def test_what_a_browser_could_run_never_comes_back(text: str) -> None:
    asked = (
        lambda: SLACK.signed({"type": "url_verification", "challenge": text}),
        lambda: GRID.signed({"kind": "validate", "code": text}),
        lambda: GRAPH.unsigned("GET", "validationToken=" + quote(text), b"", ()),
        lambda: HUB.unsigned("GET", hub(challenge=text), b"", ()),
    )
    for one in asked:
        with pytest.raises(HandshakeRefused):
            one()


@pytest.mark.parametrize("value", [7, None, ["x"], {"a": "b"}])
def test_a_challenge_is_a_text(value: Any) -> None:
    with pytest.raises(HandshakeRefused):
        SLACK.signed({"type": "url_verification", "challenge": value})


def test_ebays_code_comes_back_as_a_digest_with_the_token_and_the_address() -> None:
    """developer.ebay.com, "Marketplace account deletion": SHA-256 of code, verification token and endpoint."""
    ebay, url = Handshake.from_document(HANDSHAKES["ebay"]), "https://hooks.example.com/hooks/abc"
    expected = sha256(b"a8628072-3d33-45ee-9004-bee86830a22d" + b"71745723-d031-455c-bfa5-f90d11b4f20a" + url.encode())
    query, tokens = "challenge_code=a8628072-3d33-45ee-9004-bee86830a22d", ["71745723-d031-455c-bfa5-f90d11b4f20a"]
    answer = ebay.unsigned("GET", query, b"", tokens, url)
    assert answer == Answer(b'{"challengeResponse":"%s"}' % expected.hexdigest().encode(), JSON)
    assert ebay.unsigned("GET", "", b"", tokens, url) is None
    assert ebay.unsigned("POST", query, b"", tokens, url) is None
    for refused, known in ((query, []), (query + "<", tokens)):
        with pytest.raises(HandshakeRefused):
            ebay.unsigned("GET", refused, b"", known, url)


def test_a_secret_is_brought_by_a_header_and_taken_back_by_it() -> None:
    """developers.asana.com, "Webhooks": the handshake's example."""
    asana = Handshake.from_document(HANDSHAKES["asana"])
    secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
    found = asana.greeting("POST", {"x-hook-secret": secret})
    assert found is not None
    assert (found.secret, found.answer().headers) == (secret, {"X-Hook-Secret": secret})
    assert asana.greeting("POST", {"x-hook-signature": "1"}) is None
    assert asana.greeting("GET", {"x-hook-secret": secret}) is None
    assert SLACK.greeting("POST", {"": secret}) is None
    assert asana.unsigned("POST", "", b"{}", ()) is None
    for odd in ("", "short", "a" * 513, "a" * 20 + "\r\nx: 1", "é" * 20, "<" * 20):
        with pytest.raises(HandshakeRefused):
            asana.greeting("POST", {"x-hook-secret": odd})


@given(query=st.text(max_size=200), method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "X"]))
def test_no_query_is_a_defect(query: str, method: str) -> None:
    for handshake in (SLACK, GRAPH, HUB, PING):
        try:
            answer = handshake.unsigned(method, f"validationToken={query}&hub.challenge={query}", b"", ["t"])
        except HandshakeRefused:
            continue
        assert answer is None or not answer.body or HARMLESS.match(answer.body.decode())


@pytest.mark.parametrize(
    ("document", "good"),
    [
        (HANDSHAKES["slack"], True),
        ({"kind": "echo_query", "parameter": "validationToken"}, True),
        ({"kind": "hub_challenge"}, True),
        ({"kind": "empty"}, True),
        (HANDSHAKES["asana"], True),
        (HANDSHAKES["ebay"], True),
        ({"kind": "keep_secret"}, False),
        ({"kind": "digest_query", "parameter": "code"}, False),
        ({"kind": "echo_body"}, False),
        ({"kind": "echo_query"}, False),
        ({"kind": "empty", "value": "x"}, False),
        ({"kind": "redirect"}, False),
        ({}, False),
    ],
)
def test_a_document_says_only_what_its_kind_knows(document: dict[str, Any], *, good: bool) -> None:
    schema = manifest_schema()
    form = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/handshake", "$defs": schema["$defs"]})
    assert form.is_valid(document) is good
