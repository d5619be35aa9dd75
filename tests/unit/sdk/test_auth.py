"""Credentials of requests and tokens."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.auth import CredentialUnusable, TokenRefused, apply, read_token, token_request
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.manifest_reader import DEFAULT_FIELDS
from ipaas.sdk.requests import BuiltRequest

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REQUEST = BuiltRequest("POST", "/v1/things", (("b", "2"), ("a", "1")), {}, b'{"x":1}')


def scheme(kind: str, **more: object) -> AuthScheme:
    return AuthScheme(name=kind, type=kind, fields=DEFAULT_FIELDS[kind], **more)  # type: ignore[arg-type]


def test_each_scheme_puts_its_credential_in_its_place() -> None:
    assert apply(scheme("none"), {}, REQUEST, NOW).headers == {}
    key = scheme("api_key", parameter="X-Key", prefix="Token ")
    assert apply(key, {"api_key": "k"}, REQUEST, NOW).headers == {"x-key": "Token k"}
    in_query = scheme("api_key", location="query", parameter="key")
    assert apply(in_query, {"api_key": "k"}, REQUEST, NOW).query == (("key", "k"),)
    assert apply(scheme("bearer"), {"token": "t"}, REQUEST, NOW).headers == {"authorization": "Bearer t"}
    basic = apply(scheme("basic"), {"username": "ü", "password": "p:q"}, REQUEST, NOW).headers["authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "ü:p:q"
    oauth = apply(scheme("oauth2_client_credentials"), {"access_token": "at"}, REQUEST, NOW)
    assert oauth.headers == {"authorization": "Bearer at"}


def test_a_signed_request_covers_method_path_query_time_and_body() -> None:
    headers = apply(scheme("hmac"), {"key_id": "id", "secret": "s"}, REQUEST, NOW).headers
    moment = str(int(NOW.timestamp()))
    text = "\n".join(["POST", "/v1/things", "a=1&b=2", moment, hashlib.sha256(REQUEST.body).hexdigest()])
    expected = hmac.new(b"s", text.encode(), hashlib.sha256).hexdigest()
    assert headers == {"x-signature": expected, "x-key-id": "id", "x-timestamp": moment}


@pytest.mark.parametrize("value", ["", "a\r\nHost: x", "ä", "a b"])
def test_a_secret_that_cannot_be_a_header_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(CredentialUnusable) as caught:
        apply(scheme("bearer"), {"token": value}, REQUEST, NOW)
    assert not value or value not in caught.value.detail.replace("a character", "")


def test_the_token_request_follows_the_standard() -> None:
    fields = {"client_id": "id", "client_secret": "s/"}
    built = token_request(scheme("oauth2_client_credentials", scopes=("a", "b")), fields, "/oauth/token")
    assert built.body == b"grant_type=client_credentials&scope=a+b"
    assert base64.b64decode(built.headers["authorization"][6:]) == b"id:s%2F"
    in_body = token_request(scheme("oauth2_client_credentials", client_auth="body"), fields, "/t")
    assert b"client_secret=s%2F" in in_body.body
    assert "authorization" not in in_body.headers


def test_a_token_is_read() -> None:
    token = read_token(200, b'{"access_token":"t","token_type":"bearer","expires_in":"60"}')
    assert (token.value, token.expires_in_s) == ("t", 60)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error":"invalid_client"}'),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"nope"),
        (200, b'{"access_token":"a\\r\\nb","token_type":"bearer"}'),
        (200, b'{"access_token":"a","token_type":"mac"}'),
        (200, b'{"access_token":5,"token_type":"bearer"}'),
    ],
)
def test_a_bad_token_answer_is_refused(status: int, body: bytes) -> None:
    with pytest.raises(TokenRefused):
        read_token(status, body)


@given(st.integers(100, 599), st.binary(max_size=100))
def test_no_token_answer_breaks_the_reader(status: int, body: bytes) -> None:
    with pytest.raises(TokenRefused):
        read_token(status, body)
