"""AWS Signature Version 4 in the Authorization header.

Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html); for Amazon S3
"Signature Calculations for the Authorization Header" of its API Reference.
"""

import hashlib
import hmac
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from ipaas.sdk.requests import BuiltRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset(
    {"authorization", "connection", "user-agent", "expect", "cookie", "traceparent", "x-amzn-trace-id"}
)


@dataclass(frozen=True, slots=True, repr=False)
class AwsKeys:
    """An access key, with the session token where the key is a temporary one."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


def signed_headers(
    request: BuiltRequest, *, host: str, keys: AwsKeys, service: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers that sign a request to ``host`` (with its port where that is not the usual one).

    ``request.path`` is percent-encoded as it goes out. Every header of the request is signed, but those that proxies
    may change.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(request.body).hexdigest()
    added = {"x-amz-date": moment}
    if service == "s3":
        added["x-amz-content-sha256"] = digest
    if keys.session_token:
        added["x-amz-security-token"] = keys.session_token
    signed = {name.lower(): " ".join(str(value).split()) for name, value in request.headers.items()}
    signed = {name: value for name, value in signed.items() if name not in _UNSIGNED}
    signed |= {"host": host, **added}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            request.method.upper(),
            _path(request.path, service),
            _query(request.query),
            "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
            names,
            digest,
        )
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_key(keys, moment[:8], region, service), text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={keys.access_key_id}/{scope}"
    return {**added, "authorization": f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}


def _path(path: str, service: str) -> str:
    """Amazon S3 signs the path as it goes out; all others a normalised one, encoded once more."""
    if service == "s3":
        return path or "/"
    clean = posixpath.normpath(path or "/").replace("//", "/")
    if path.endswith("/") and clean != "/":
        clean += "/"
    return quote(clean, safe="/-_.~")


def _query(pairs: tuple[tuple[str, str], ...]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _key(keys: AwsKeys, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def region_of(fields: Mapping[str, str], region: str) -> str:
    """The region to sign for: the secret's own, where it names one, else the manifest's."""
    return fields.get("region") or region or "us-east-1"
