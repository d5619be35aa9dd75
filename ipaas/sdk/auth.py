"""Authentication as pure functions; the gateway calls them inside the egress client, nobody else sees the result."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.requests import BuiltRequest


class CredentialUnusable(IpaasError):
    """The secret cannot be used for the authentication {scheme}: {reason}."""

    status = 422
    code = "credential_unusable"
    title = "Credential unusable"
    remedy = "Store a new version of the secret with the fields that the scheme asks for."


class TokenRefused(IpaasError):
    """The token endpoint gave no token: {reason}."""

    status = 502
    code = "token_refused"
    title = "Token refused"
    remedy = "Check client id, client secret, scopes and token URL of the connection."


@dataclass(frozen=True, slots=True)
class Credential:
    """Headers and query parameters to add to the request; never stored, logged or shown."""

    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; ``expires_in_s`` is None when the server does not say."""

    value: str
    expires_in_s: int | None


def apply(scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest, now: datetime) -> Credential:
    """The credential of a request.

    ``fields`` are the secret's fields; for OAuth 2 they hold the ``access_token`` obtained before. ``request.path`` is
    the path that really goes out (base path included). Raises CredentialUnusable.
    """
    if scheme.type == "none":
        return Credential({})
    if scheme.type == "api_key":
        value = scheme.prefix + _field(scheme, fields, scheme.fields[0].name)
        if scheme.location == "query":
            return Credential({}, ((scheme.parameter or "api_key", value),))
        return Credential({(scheme.parameter or "X-Api-Key").lower(): value})
    if scheme.type == "basic":
        return Credential({"authorization": _basic(_field(scheme, fields, "username"), fields.get("password", ""))})
    if scheme.type == "bearer":
        return Credential({"authorization": "Bearer " + _field(scheme, fields, scheme.fields[0].name)})
    if scheme.type == "hmac":
        return Credential(_signed_headers(scheme, fields, request, now))
    return Credential({"authorization": "Bearer " + _field(scheme, fields, "access_token")})


def token_request(scheme: AuthScheme, fields: Mapping[str, str], path: str) -> BuiltRequest:
    """The client credentials request (RFC 6749 4.4); the credential is in it, so it is never shown or journalled."""
    form = {"grant_type": "client_credentials"}
    if scheme.scopes:
        form["scope"] = " ".join(scheme.scopes)
    if scheme.audience:
        form["audience"] = scheme.audience
    client_id, client_secret = _field(scheme, fields, "client_id"), _field(scheme, fields, "client_secret")
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if scheme.client_auth == "basic":
        headers["authorization"] = _basic(quote(client_id, safe=""), quote(client_secret, safe=""))
    else:
        form |= {"client_id": client_id, "client_secret": client_secret}
    return BuiltRequest("POST", path, (), headers, urlencode(form).encode())


def read_token(status: int, body: bytes) -> Token:
    """The token of a token endpoint's answer (RFC 6749 5.1). Raises TokenRefused without quoting the body."""
    try:
        answer = loads(body)
    except JsonInvalid as error:
        raise TokenRefused(reason=f"status {status}, not JSON") from error
    if not isinstance(answer, dict) or status != 200:
        told = answer.get("error") if isinstance(answer, dict) else None
        known = told if isinstance(told, str) and told.isascii() and len(told) <= 60 else "no error code"
        raise TokenRefused(reason=f"status {status}, {known}")
    value, kind, expires = answer.get("access_token"), answer.get("token_type"), answer.get("expires_in")
    if not isinstance(value, str) or not _is_header_text(value):
        raise TokenRefused(reason="the answer holds no access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused(reason="the token is not a bearer token")
    if isinstance(expires, str) and expires.isascii() and expires.isdigit() and len(expires) < 12:
        expires = int(expires)
    return Token(value, expires if isinstance(expires, int) and not isinstance(expires, bool) and expires > 0 else None)


def _signed_headers(
    scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest, now: datetime
) -> dict[str, str]:
    form = scheme.hmac
    moment = str(int(now.timestamp()))
    parts = {
        "method": request.method,
        "path": request.path,
        "query": urlencode(sorted(request.query)),
        "timestamp": moment,
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
    }
    digest = hmac.digest(
        _field(scheme, fields, "secret").encode(), form.signed.format_map(parts).encode(), form.algorithm
    )
    text = digest.hex() if form.encoding == "hex" else base64.b64encode(digest).decode("ascii")
    key_id = _field(scheme, fields, "key_id")
    return {form.header.lower(): text, form.key_header.lower(): key_id, form.timestamp_header.lower(): moment}


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _field(scheme: AuthScheme, fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise CredentialUnusable(scheme=scheme.name, reason=f"the field {name} is empty")
    if scheme.type != "basic" and not _is_header_text(value):
        raise CredentialUnusable(scheme=scheme.name, reason=f"the field {name} holds a character that no header may")
    return value


def _is_header_text(value: str) -> bool:
    return bool(value) and all(32 < ord(char) < 127 for char in value)
