"""Getting tokens, as pure functions: the requests to a token or login endpoint, and what their answers say.

A request made here holds a credential: the gateway sends it, nobody journals or shows it.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import jwt

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.expressions import ExpressionError, compile_value
from ipaas.expressions.templates import ValueTemplate
from ipaas.sdk.credential_fields import CredentialUnusable, basic, checked_field, is_header_text, usable_key
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.paths import MISSING, read_path
from ipaas.sdk.requests import BuiltRequest

CODE, CLIENT, JWT, SESSION = "oauth2_authorization_code", "oauth2_client_credentials", "jwt_bearer", "session"
ASSERTION_LIFE = timedelta(minutes=5)
DEAD_GRANT = frozenset({"invalid_grant", "bad_refresh_token", "token_revoked", "invalid_refresh_token"})
"""Codes that say that only a person can connect again (RFC 6749 5.2, and vendors' words for it)."""
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_MAX_TOKEN_CHARS = 16_384


class TokenRefused(IpaasError):
    """The token endpoint gave no token: {reason}."""

    status = 502
    code = "token_refused"
    title = "Token refused"
    remedy = "Check client id, client secret, scopes and token URL of the connection."

    def __init__(self, *, reason: str, told: str = "") -> None:
        """``told`` is the error code of the answer (RFC 6749 5.2), empty without one."""
        self.told = told
        super().__init__(reason=reason)


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token set. ``expires_in_s`` and ``scopes`` are None when the server does not say."""

    value: str
    expires_in_s: int | None
    refresh_token: str = ""
    scopes: tuple[str, ...] | None = None


def granting(scheme: AuthScheme | None) -> AuthScheme | None:
    """The part of a scheme whose token is fetched before calls; None where calls need none."""
    for part in scheme.parts if scheme is not None else ():
        if part.type in (CODE, CLIENT, SESSION) or (part.type == JWT and part.token_url):
            return part
    return None


def by_consent(scheme: AuthScheme) -> bool:
    """Whether a person says yes at the vendor."""
    part = granting(scheme)
    return part is not None and part.type == CODE


def address_in(text: str, config: Mapping[str, Any]) -> str:
    """An address of the manifest with the connection's settings filled in: ``https://{{ config.domain }}/token``.

    A value is a part of a host or path, never more: it is percent-encoded. Raises CredentialUnusable.
    """
    if "{{" not in text:
        return text
    parts = {name: quote(str(value), safe="-._~") for name, value in config.items() if isinstance(value, str | int)}
    try:
        return str(_compiled(text).evaluate({"config": parts}))
    except ExpressionError as error:
        raise CredentialUnusable(scheme="oauth2", reason=f"its address can not be made: {error.detail}") from error


def token_request(
    scheme: AuthScheme,
    fields: Mapping[str, str],
    path: str,
    *,
    now: datetime,
    audience: str = "",
    config: Mapping[str, Any] | None = None,
) -> BuiltRequest:
    """The request that gets a token without a person; ``audience`` is the absolute address that it goes to.

    Client credentials (RFC 6749 4.4), a signed assertion (RFC 7523 2.1), or the vendor's own login.
    """
    if scheme.type == SESSION:
        return _login(scheme, fields, path, config or {})
    if scheme.type == JWT:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion(scheme, fields, now=now, audience=audience),
        }
        return BuiltRequest("POST", path, (), dict(_FORM), urlencode(form).encode())
    form = {"grant_type": "client_credentials"}
    if scheme.scopes:
        form["scope"] = " ".join(scheme.scopes)
    if scheme.audience:
        form["audience"] = scheme.audience
    return _by_client(scheme, fields, path, form)


def refresh_request(scheme: AuthScheme, fields: Mapping[str, str], path: str, refresh_token: str) -> BuiltRequest:
    """The request that renews a token set (RFC 6749 6)."""
    return _by_client(scheme, fields, path, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def code_request(
    scheme: AuthScheme, fields: Mapping[str, str], path: str, *, code: str, verifier: str, redirect_uri: str
) -> BuiltRequest:
    """The request that turns an authorization code into a token set (RFC 6749 4.1.3, RFC 7636 4.5)."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if scheme.pkce:
        form["code_verifier"] = verifier
    return _by_client(scheme, fields, path, form)


def new_verifier() -> str:
    """A code verifier (RFC 7636 4.1)."""
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def authorize_query(
    scheme: AuthScheme, *, client_id: str, redirect_uri: str, state: str, verifier: str
) -> list[tuple[str, str]]:
    """The parameters of the authorization request (RFC 6749 4.1.1); those of the manifest cannot replace ours."""
    own = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    if scheme.scopes:
        own["scope"] = " ".join(scheme.scopes)
    if scheme.pkce:
        own |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
    return [*((name, value) for name, value in scheme.extra_params.items() if name not in own), *own.items()]


def assertion(scheme: AuthScheme, fields: Mapping[str, str], *, now: datetime, audience: str = "") -> str:
    """A JWT signed with the secret's key (RFC 7523 3); claims of the manifest come on top of the usual ones."""
    moment = int(now.timestamp())
    issuer = checked_field(scheme, fields, "issuer", header=False)
    claims: dict[str, Any] = {"iss": issuer, "sub": fields.get("subject") or issuer, "iat": moment}
    claims |= {"exp": moment + int(ASSERTION_LIFE.total_seconds()), "jti": secrets.token_urlsafe(16)}
    if scheme.audience or audience:
        claims["aud"] = scheme.audience or audience
    if scheme.scopes:
        claims["scope"] = " ".join(scheme.scopes)
    claims |= filled(scheme, scheme.claims, {"secret": _shown(fields), "now": moment})
    headers = {"kid": fields["key_id"]} if fields.get("key_id") else None
    key = usable_key(checked_field(scheme, fields, "private_key", header=False))
    try:
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key,
            algorithm=scheme.algorithm,
            headers=headers,
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        reason = f"the private key does not fit {scheme.algorithm}"
        raise CredentialUnusable(scheme=scheme.name, reason=reason) from error


def read_token(scheme: AuthScheme, status: int, headers: Mapping[str, str], body: bytes) -> Token:
    """The token of an answer (RFC 6749 5.1), or of a login. Raises TokenRefused without quoting the body."""
    if scheme.type == SESSION:
        return _session_token(scheme, status, headers, body)
    answer = _object(status, body)
    told = _code(answer.get("error"))
    if not 200 <= status < 300 or (told and "access_token" not in answer):
        raise TokenRefused(reason=f"status {status}, {told or 'no error code'}", told=told)
    value, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not _is_token(value):
        raise TokenRefused(reason="the answer holds no access_token")
    if scheme.send_header == "authorization" and (not isinstance(kind, str) or kind.lower() != "bearer"):
        raise TokenRefused(reason="the token is not a bearer token")
    refresh = answer.get("refresh_token")
    return Token(
        str(value),
        _seconds(answer.get("expires_in")),
        refresh if isinstance(refresh, str) and 0 < len(refresh) <= _MAX_TOKEN_CHARS else "",
        _scopes(answer.get("scope")),
    )


def next_token(scheme: AuthScheme, headers: Mapping[str, str], body: bytes) -> str:
    """The token that an answer gives for the next call; empty where it gives none and the present one stays."""
    place = scheme.rotates
    if place is None:
        return ""
    value: Any = headers.get(place.header.lower()) if place.header else None
    if place.path:
        try:
            value = read_path(loads(body), place.path)
        except JsonInvalid:
            return ""
    return str(value) if _is_token(value) else ""


def _by_client(scheme: AuthScheme, fields: Mapping[str, str], path: str, form: dict[str, str]) -> BuiltRequest:
    """A form with the client's credentials; a public client (RFC 6749 2.1) says only who it is."""
    client_id, client_secret = checked_field(scheme, fields, "client_id"), fields.get("client_secret", "")
    if scheme.type != CODE or client_secret:
        client_secret = checked_field(scheme, fields, "client_secret")
    headers = dict(_FORM)
    if client_secret and scheme.client_auth == "basic":
        headers["authorization"] = basic(quote(client_id, safe=""), quote(client_secret, safe=""))
    else:
        form = {**form, "client_id": client_id, **({"client_secret": client_secret} if client_secret else {})}
    return BuiltRequest("POST", path, (), headers, urlencode(form).encode())


def _login(scheme: AuthScheme, fields: Mapping[str, str], path: str, config: Mapping[str, Any]) -> BuiltRequest:
    scope = {"secret": dict(fields), "config": dict(config)}
    headers = {"accept": "application/json"}
    made = filled(scheme, scheme.login.headers, scope)
    headers |= {name.lower(): str(value) for name, value in made.items()}
    body = filled(scheme, scheme.login.body, scope) if scheme.login.body is not None else None
    if body is None:
        return BuiltRequest(scheme.login.method, path, (), headers, b"")
    if scheme.login.body_format == "form":
        headers.setdefault("content-type", _FORM["content-type"])
        return BuiltRequest(scheme.login.method, path, (), headers, urlencode(body).encode())
    headers.setdefault("content-type", "application/json")
    return BuiltRequest(scheme.login.method, path, (), headers, jsonio.dumps(body))


def _session_token(scheme: AuthScheme, status: int, headers: Mapping[str, str], body: bytes) -> Token:
    if not 200 <= status < 300:
        raise TokenRefused(reason=f"the login was answered with status {status}", told="invalid_login")
    if scheme.token.header:
        value: Any = headers.get(scheme.token.header.lower())
    else:
        value = read_path(_object(status, body), scheme.token.path)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # a user's number, as some logins give it
    if value is MISSING or not _is_token(value):
        place = scheme.token.header or scheme.token.path
        raise TokenRefused(reason=f"the answer to the login holds no token in {place}")
    return Token(str(value), scheme.expires_s)


def _object(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = loads(body)
    except JsonInvalid as error:
        raise TokenRefused(reason=f"status {status}, not JSON") from error
    if not isinstance(answer, dict):
        raise TokenRefused(reason=f"status {status}, not an object")
    return answer


def _code(told: Any) -> str:
    """An error code that may be shown: a word, not a text that somebody else wrote."""
    known = isinstance(told, str) and told.isascii() and told.replace("_", "").replace("-", "").isalnum()
    return told if known and len(told) <= 60 else ""


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TOKEN_CHARS and is_header_text(value)


def _seconds(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**10 else None


def _scopes(value: Any) -> tuple[str, ...] | None:
    """Scopes are parted by spaces; some vendors use commas or a list."""
    if isinstance(value, list):
        parts = [one for one in value if isinstance(one, str)]
    elif isinstance(value, str):
        parts = value.replace(",", " ").split()
    else:
        return None
    return tuple(dict.fromkeys(part[:200] for part in parts if part.isascii()))[:200]


def _shown(fields: Mapping[str, str]) -> dict[str, str]:
    """Claims may name who somebody is; the key never becomes one."""
    return {name: value for name, value in fields.items() if name != "private_key"}


def filled(scheme: AuthScheme, tree: Any, scope: Mapping[str, Any]) -> Any:
    """A template of the manifest over a secret. Raises CredentialUnusable without quoting a value."""
    try:
        return _compiled_tree(jsonio.dumps(tree)).evaluate(scope)
    except ExpressionError:
        reason = "a template of the manifest can not be filled in"  # why it can not may quote a value
        raise CredentialUnusable(scheme=scheme.name, reason=reason) from None


@lru_cache(maxsize=256)
def _compiled(text: str) -> ValueTemplate:
    return compile_value(text)


@lru_cache(maxsize=256)
def _compiled_tree(raw: bytes) -> ValueTemplate:
    return compile_value(loads(raw))
