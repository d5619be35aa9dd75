"""Authentication as pure functions; the gateway calls them inside the egress client, nobody else sees the result."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from ipaas.sdk.auth_body import body_with_credential
from ipaas.sdk.credential_fields import CredentialUnusable, basic, checked_field
from ipaas.sdk.digest import DIGEST
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.sigv4 import AwsKeys, region_of, signed_headers
from ipaas.sdk.tokens import JWT, assertion

__all__ = ["Credential", "CredentialUnusable", "apply", "differs_by_request"]


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """Headers and query parameters to add to the request; never stored, logged or shown.

    ``body`` takes the place of the request's where the vendor reads the credential from there.
    """

    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


def differs_by_request(scheme: AuthScheme) -> bool:
    """Whether it is made anew for each request: a signature, a body, or an assertion with a life of its own."""
    return any(one.type in ("hmac", "aws_sigv4", DIGEST) or one.send_body or is_assertion(one) for one in scheme.parts)


def is_assertion(scheme: AuthScheme) -> bool:
    """Whether an assertion is sent itself, instead of being exchanged for a token."""
    return scheme.type == JWT and not scheme.token_url


def apply(
    scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest, now: datetime, *, host: str = ""
) -> Credential:
    """The credential of a request to ``host`` (host header of the address).

    ``fields`` are the secret's fields; a token that is fetched first is among them as ``access_token``.
    ``request.path`` is the path that really goes out (base path included). Digest is not here: it answers a challenge.
    Signatures cover the body that really goes out. Raises CredentialUnusable.
    """
    headers: dict[str, str] = {}
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    for part in scheme.parts:
        if part.send_body:
            body = body_with_credential(part, fields, request)
            request = replace(request, body=body)
    for part in scheme.parts:
        made = _of_part(part, fields, request, now, host)
        cookies = [one["cookie"] for one in (headers, made.headers) if "cookie" in one]
        headers |= made.headers
        if cookies:
            headers["cookie"] = "; ".join(cookies)
        query += made.query
    return Credential(headers, query, body)


def _of_part(
    scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest, now: datetime, host: str
) -> Credential:
    if scheme.type in ("none", DIGEST) or scheme.send_body:
        return Credential({})
    if scheme.type == "api_key":
        return _key(scheme, fields)
    if scheme.type == "basic":
        username = checked_field(scheme, fields, "username", header=False)
        return Credential({"authorization": basic(username, fields.get("password", ""))})
    if scheme.type == "bearer":
        return Credential({"authorization": "Bearer " + checked_field(scheme, fields, scheme.fields[0].name)})
    if scheme.type == "hmac":
        return Credential(_hmac_headers(scheme, fields, request, now))
    if scheme.type == "aws_sigv4":
        return Credential(_aws_headers(scheme, fields, request, host, now))
    token = (
        assertion(scheme, fields, now=now) if is_assertion(scheme) else checked_field(scheme, fields, "access_token")
    )
    return Credential({scheme.send_header: scheme.send_prefix + token})


def _key(scheme: AuthScheme, fields: Mapping[str, str]) -> Credential:
    value = scheme.prefix + checked_field(scheme, fields, scheme.fields[0].name)
    if scheme.location == "query":
        return Credential({}, ((scheme.parameter or "api_key", value),))
    if scheme.location == "cookie":
        if any(char in value for char in '",;\\'):  # RFC 6265 4.1.1
            raise CredentialUnusable(scheme=scheme.name, reason="the key holds a character that no cookie may")
        return Credential({"cookie": f"{scheme.parameter or 'api_key'}={value}"})
    return Credential({(scheme.parameter or "X-Api-Key").lower(): value})


def _aws_headers(
    scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest, host: str, now: datetime
) -> dict[str, str]:
    keys = AwsKeys(
        checked_field(scheme, fields, "access_key_id"),
        checked_field(scheme, fields, "secret_access_key"),
        checked_field(scheme, fields, "session_token") if fields.get("session_token") else "",
    )
    region = region_of(fields, scheme.region)
    return signed_headers(request, host=host, keys=keys, service=scheme.service, region=region, now=now)


def _hmac_headers(
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
        checked_field(scheme, fields, "secret").encode(), form.signed.format_map(parts).encode(), form.algorithm
    )
    text = digest.hex() if form.encoding == "hex" else base64.b64encode(digest).decode("ascii")
    key_id = checked_field(scheme, fields, "key_id")
    return {form.header.lower(): text, form.key_header.lower(): key_id, form.timestamp_header.lower(): moment}
