"""Requests for tokens, and what their answers say."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.auth import CredentialUnusable, apply
from ipaas.sdk.manifest import AuthScheme, Login, Place
from ipaas.sdk.manifest_reader import DEFAULT_FIELDS
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.testing import _signing_key
from ipaas.sdk.tokens import (
    TokenRefused,
    address_in,
    authorize_query,
    challenge_of,
    code_request,
    read_token,
    refresh_request,
    token_request,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLIENT = {"client_id": "id", "client_secret": "s/"}
REQUEST = BuiltRequest("GET", "/v1/things", (), {}, b"")


def scheme(kind: str, **more: Any) -> AuthScheme:
    return AuthScheme(name=kind, type=kind, fields=DEFAULT_FIELDS[kind], **more)


CODE = scheme("oauth2_authorization_code", scopes=("a", "b"), extra_params={"access_type": "offline", "state": "mine"})


def form_of(request: BuiltRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_the_token_request_follows_the_standard() -> None:
    built = token_request(scheme("oauth2_client_credentials", scopes=("a", "b")), CLIENT, "/oauth/token", now=NOW)
    assert built.body == b"grant_type=client_credentials&scope=a+b"
    assert base64.b64decode(built.headers["authorization"][6:]) == b"id:s%2F"
    in_body = token_request(scheme("oauth2_client_credentials", client_auth="body"), CLIENT, "/t", now=NOW)
    assert b"client_secret=s%2F" in in_body.body
    assert "authorization" not in in_body.headers


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_parameters_of_the_manifest_replace_none_of_the_standards() -> None:
    query = dict(authorize_query(CODE, client_id="id", redirect_uri="https://us/cb", state="s", verifier="v" * 43))
    assert (query["state"], query["access_type"], query["response_type"]) == ("s", "offline", "code")
    assert (query["code_challenge_method"], query["scope"]) == ("S256", "a b")


def test_a_code_and_a_refresh_token_are_sent_with_the_client() -> None:
    sent = code_request(CODE, CLIENT, "/t", code="c", verifier="v", redirect_uri="https://us/cb")
    assert form_of(sent) == {
        "grant_type": "authorization_code",
        "code": "c",
        "code_verifier": "v",
        "redirect_uri": "https://us/cb",
    }
    assert sent.headers["authorization"].startswith("Basic ")
    public = refresh_request(CODE, {"client_id": "id"}, "/t", "r")
    assert form_of(public) == {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "id"}
    assert "authorization" not in public.headers


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "HS256"])
def test_an_assertion_is_signed_with_the_key_and_says_what_the_manifest_adds(algorithm: str) -> None:
    key = _signing_key(algorithm)
    one = scheme(
        "jwt_bearer",
        token_url="/t",
        algorithm=algorithm,
        scopes=("x",),
        claims={"tenant": "{{ secret.subject }}", "jti": None},
    )
    fields = {"issuer": "me@project", "private_key": key.replace("\n", "\\n"), "subject": "them", "key_id": "k1"}
    sent = form_of(token_request(one, fields, "/t", now=NOW, audience="https://vendor/t"))
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(sent["assertion"], options={"verify_signature": False})
    moment = int(NOW.timestamp())
    assert claims == {
        "iss": "me@project", "sub": "them", "aud": "https://vendor/t", "scope": "x", "tenant": "them",
        "iat": moment, "exp": moment + 300,
    }  # fmt: skip
    assert jwt.get_unverified_header(sent["assertion"])["kid"] == "k1"


def test_without_a_token_endpoint_the_assertion_is_the_bearer_token() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    from cryptography.hazmat.primitives import serialization as s

    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    one = scheme("jwt_bearer", audience="vendor")
    header = apply(one, {"issuer": "i", "private_key": pem}, REQUEST, NOW).headers["authorization"]
    claims = jwt.decode(
        header.removeprefix("Bearer "), key.public_key(), algorithms=["RS256"], audience="vendor",
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["iss"] == claims["sub"] == "i"


def test_a_key_that_does_not_fit_is_refused_without_being_quoted() -> None:
    with pytest.raises(CredentialUnusable) as caught:
        apply(scheme("jwt_bearer"), {"issuer": "i", "private_key": "not-a-key-at-all"}, REQUEST, NOW)
    assert "not-a-key-at-all" not in caught.value.detail


LOGIN = scheme(
    "session",
    login=Login(
        path="/login", body={"user": "{{ secret.username }}", "pass": "{{ secret.password }}", "db": "{{ config.db }}"}
    ),
    token=Place(path="data.token"),
    send_header="x-session",
    send_prefix="",
    expires_s=600,
)


def test_a_session_is_opened_and_its_token_sent_in_its_place() -> None:
    sent = token_request(LOGIN, {"username": "u", "password": 'p"w'}, "/login", now=NOW, config={"db": "main"})
    assert json.loads(sent.body) == {"user": "u", "pass": 'p"w', "db": "main"}
    token = read_token(LOGIN, 200, {}, b'{"data":{"token":"t-1"}}')
    assert (token.value, token.expires_in_s) == ("t-1", 600)
    assert apply(LOGIN, {"access_token": "t-1"}, REQUEST, NOW).headers == {"x-session": "t-1"}
    by_header = AuthScheme(name="s", type="session", token=Place(header="X-Auth-Token"))
    assert read_token(by_header, 204, {"x-auth-token": "t-2"}, b"").value == "t-2"
    for status, body in ((401, b"{}"), (200, b'{"data":{}}'), (200, b"no")):
        with pytest.raises(TokenRefused):
            read_token(LOGIN, status, {}, body)


def test_a_token_set_is_read() -> None:
    token = read_token(
        CODE,
        200,
        {},
        b'{"access_token":"t","token_type":"bearer","expires_in":"60","refresh_token":"r","scope":"a,b c"}',
    )
    assert (token.value, token.expires_in_s, token.refresh_token, token.scopes) == ("t", 60, "r", ("a", "b", "c"))
    bare = read_token(CODE, 200, {}, b'{"access_token":"t"}')
    assert (bare.expires_in_s, bare.refresh_token, bare.scopes) == (None, "", None)
    assert "value=" not in repr(bare)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error":"invalid_client"}'),
        (200, b'{"error":"bad_verification_code"}'),
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
        read_token(CODE, status, {}, body)


def test_the_word_of_an_error_is_told_and_nothing_else_of_it() -> None:
    with pytest.raises(TokenRefused) as caught:
        read_token(CODE, 400, {}, b'{"error":"invalid_grant","error_description":"<b>secret-value</b>"}')
    assert caught.value.told == "invalid_grant"
    assert "secret-value" not in caught.value.detail
    with pytest.raises(TokenRefused) as caught:
        read_token(CODE, 400, {}, b'{"error":"<script>alert(1)</script>"}')
    assert caught.value.told == ""


@given(st.integers(100, 599), st.binary(max_size=100))
def test_no_token_answer_breaks_the_reader(status: int, body: bytes) -> None:
    with pytest.raises(TokenRefused):
        read_token(CODE, status, {}, body)


def test_settings_fill_in_an_address_and_can_not_lead_it_elsewhere() -> None:
    address = "https://{{ config.shop }}.example.com/oauth"
    assert address_in(address, {"shop": "acme"}) == "https://acme.example.com/oauth"
    assert address_in(address, {"shop": "evil.test/#"}) == "https://evil.test%2F%23.example.com/oauth"
    with pytest.raises(CredentialUnusable):
        address_in(address, {})
