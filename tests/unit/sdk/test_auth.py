"""Credentials of requests and tokens."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from ipaas.sdk.auth import CredentialUnusable, apply
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


def test_schemes_that_go_together_are_all_sent() -> None:
    key = scheme("api_key", location="cookie", parameter="app")
    other = scheme("api_key", location="cookie", parameter="sid")
    token = scheme("oauth2_client_credentials", send_header="x-token", send_prefix="")
    both = AuthScheme(name="both", type="all", together=(key, other, token))
    made = apply(both, {"api_key": "k", "access_token": "t"}, REQUEST, NOW)
    assert made.headers == {"cookie": "app=k; sid=k", "x-token": "t"}
    with pytest.raises(CredentialUnusable):
        apply(key, {"api_key": "k;x=y"}, REQUEST, NOW)
