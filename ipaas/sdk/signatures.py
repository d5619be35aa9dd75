"""Signatures of webhooks: verify what comes in, sign what goes out.

Two families: Standard Webhooks (https://www.standardwebhooks.com, symmetric ``v1``) and generic HMAC, whose header,
digest, encoding and signed text the connector manifest describes. The raw body bytes are signed, never parsed JSON.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ipaas.core.errors import IpaasError

MAX_HEADER_CHARS = 4096
MAX_SIGNATURES = 16
MAX_TIMESTAMP_DIGITS = 15


class SignatureInvalid(IpaasError):
    """The webhook's signature is not valid: {reason}."""

    status = 401
    code = "signature_invalid"
    title = "Signature invalid"
    remedy = "Check that sender and endpoint share the same secret and that nothing rewrites the body on its way."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason=reason)


class SigningSecretUnusable(IpaasError):
    """The signing secret cannot be used: {reason}."""

    status = 422
    code = "signing_secret_unusable"
    title = "Signing secret unusable"
    remedy = "Store the secret in the form that the signature scheme expects (Standard Webhooks: whsec_ and base64)."


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How a sender signs.

    ``signed`` names the signed text by ``{id}``, ``{timestamp}`` and ``{body}``. ``pairs`` tells that the header holds
    ``t=…,v1=…`` pairs (names of the timestamp's and the signature's pair). A ``tolerance_s`` applies where there is a
    timestamp; without one, only the delivery id protects against repetition.
    """

    kind: Literal["standard-webhooks", "hmac", "none"] = "standard-webhooks"
    header: str = "webhook-signature"
    algorithm: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    timestamp_unit: Literal["s", "ms"] = "s"
    id_header: str = ""
    pairs: tuple[str, str] | None = None
    key_encoding: Literal["utf8", "base64", "hex"] = "utf8"
    tolerance_s: int = 300

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "SignatureScheme":
        """From the ``signature`` object of a manifest or an endpoint (already validated against the schema)."""
        if document["scheme"] == "standard-webhooks":
            return cls(tolerance_s=document.get("tolerance_s", 300))
        if document["scheme"] == "none":
            return cls(kind="none", header="")
        pairs = document.get("pairs")
        plain = {key: value for key, value in document.items() if key not in {"scheme", "pairs"}}
        return cls(kind="hmac", pairs=(pairs["timestamp"], pairs["signature"]) if pairs else None, **plain)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good signature vouches for; ``secret_index`` tells which of the live secrets signed."""

    delivery_id: str | None
    timestamp: int | None
    secret_index: int


STANDARD_WEBHOOKS = SignatureScheme(
    encoding="base64",
    prefix="v1,",
    signed="{id}.{timestamp}.{body}",
    timestamp_header="webhook-timestamp",
    id_header="webhook-id",
)


def verify(
    scheme: SignatureScheme, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime
) -> Verified:
    """Check a delivery against every live secret (two during a rotation).

    Any malformed header, timestamp or secret raises SignatureInvalid and nothing else. Digests are compared in
    constant time over bytes, and every secret is tried, so that timing does not tell which one matched.
    """
    if scheme.kind == "none":
        return Verified(delivery_id=None, timestamp=None, secret_index=-1)
    form = _effective(scheme)
    found = {name.lower(): value for name, value in headers.items()}
    raw_timestamp, candidates = _presented(form, _header(found, form.header))
    if form.timestamp_header:
        raw_timestamp = _header(found, form.timestamp_header)
    timestamp = _checked_timestamp(form, raw_timestamp, now) if raw_timestamp is not None else None
    delivery_id = _header(found, form.id_header) if form.id_header else None
    digests = [digest for digest in (_decoded(form, text) for text in candidates) if digest is not None]
    if not digests:
        raise SignatureInvalid(reason="the signature header holds no readable signature")
    matched = _matching_secret(form, secrets, _signed_bytes(form, delivery_id, raw_timestamp, body), digests)
    if matched is None:
        raise SignatureInvalid(reason="no live secret produces this signature")
    return Verified(delivery_id=delivery_id, timestamp=timestamp, secret_index=matched)


def sign(
    scheme: SignatureScheme, *, body: bytes, secrets: Sequence[str], now: datetime, delivery_id: str
) -> dict[str, str]:
    """The headers that sign ``body``; with several secrets Standard Webhooks sends one signature for each.

    Raises SigningSecretUnusable when a secret is empty or not in the scheme's form.
    """
    if scheme.kind == "none":
        return {}
    form = _effective(scheme)
    moment = int(now.timestamp() * (1000 if form.timestamp_unit == "ms" else 1))
    keys = [_usable_key(form, secret) for secret in secrets]
    if not keys:
        raise SigningSecretUnusable(reason="none is given")
    signed = _signed_bytes(form, delivery_id, str(moment), body)
    texts = [_encoded(form, hmac.digest(key, signed, form.algorithm)) for key in keys]
    headers = {form.header: texts[0]}
    if scheme.kind == "standard-webhooks":
        headers[form.header] = " ".join(texts)
    if form.pairs:
        headers[form.header] = f"{form.pairs[0]}={moment}," + ",".join(f"{form.pairs[1]}={text}" for text in texts)
    if form.timestamp_header:
        headers[form.timestamp_header] = str(moment)
    if form.id_header:
        headers[form.id_header] = delivery_id
    return headers


def _effective(scheme: SignatureScheme) -> SignatureScheme:
    if scheme.kind != "standard-webhooks":
        return scheme
    if scheme.tolerance_s == STANDARD_WEBHOOKS.tolerance_s:
        return STANDARD_WEBHOOKS
    return SignatureScheme(
        encoding="base64",
        prefix="v1,",
        signed=STANDARD_WEBHOOKS.signed,
        timestamp_header=STANDARD_WEBHOOKS.timestamp_header,
        id_header=STANDARD_WEBHOOKS.id_header,
        tolerance_s=scheme.tolerance_s,
    )


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower())
    if not isinstance(value, str) or not value:
        raise SignatureInvalid(reason=f"the header {name} is missing")
    if len(value) > MAX_HEADER_CHARS:
        raise SignatureInvalid(reason=f"the header {name} is too long")
    return value


def _presented(form: SignatureScheme, value: str) -> tuple[str | None, list[str]]:
    if form.pairs is None:
        texts = value.split(" ") if form is STANDARD_WEBHOOKS or form.prefix == "v1," else [value.strip()]
        return None, texts[:MAX_SIGNATURES]
    pairs = [part.strip().partition("=") for part in value.split(",")]
    timestamps = [text for name, _, text in pairs if name == form.pairs[0]]
    if len(timestamps) != 1:
        raise SignatureInvalid(reason="the signature header holds no single timestamp")
    return timestamps[0], [text for name, _, text in pairs if name == form.pairs[1]][:MAX_SIGNATURES]


def _checked_timestamp(form: SignatureScheme, text: str, now: datetime) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIMESTAMP_DIGITS):
        raise SignatureInvalid(reason="the timestamp is not a number of seconds")
    seconds = int(text) // 1000 if form.timestamp_unit == "ms" else int(text)
    age = now.timestamp() - seconds
    if age > form.tolerance_s:
        raise SignatureInvalid(reason="the timestamp is too old")
    if -age > form.tolerance_s:
        raise SignatureInvalid(reason="the timestamp is too far in the future")
    return seconds


def _decoded(form: SignatureScheme, text: str) -> bytes | None:
    if not text.startswith(form.prefix) or not text.isascii():
        return None
    raw = text[len(form.prefix) :].encode("ascii")
    try:
        return binascii.unhexlify(raw) if form.encoding == "hex" else base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return None


def _encoded(form: SignatureScheme, digest: bytes) -> str:
    return form.prefix + (digest.hex() if form.encoding == "hex" else base64.b64encode(digest).decode("ascii"))


def _signed_bytes(form: SignatureScheme, delivery_id: str | None, timestamp: str | None, body: bytes) -> bytes:
    if form.signed == "{body}":
        return body
    head, _, tail = form.signed.partition("{body}")
    return b"".join((_filled(head, delivery_id, timestamp), body, _filled(tail, delivery_id, timestamp)))


def _filled(text: str, delivery_id: str | None, timestamp: str | None) -> bytes:
    filled = text.replace("{id}", delivery_id or "").replace("{timestamp}", timestamp or "")
    return filled.encode("utf-8", "surrogatepass")


def _matching_secret(
    form: SignatureScheme, secrets: Sequence[str], signed: bytes, digests: Sequence[bytes]
) -> int | None:
    matched: int | None = None
    for index, secret in enumerate(secrets):
        key = _key(form, secret)
        if not key:
            continue
        expected = hmac.digest(key, signed, form.algorithm)
        for digest in digests:
            if hmac.compare_digest(expected, digest) and matched is None:
                matched = index
    return matched


def _key(form: SignatureScheme, secret: str) -> bytes | None:
    """The key's bytes, or None when the secret is not in the scheme's form."""
    try:
        if form.kind == "standard-webhooks":
            text = secret.removeprefix("whsec_")
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        if form.key_encoding == "base64":
            return base64.b64decode(secret, validate=True)
        if form.key_encoding == "hex":
            return binascii.unhexlify(secret)
        return secret.encode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _usable_key(form: SignatureScheme, secret: str) -> bytes:
    key = _key(form, secret)
    if not key:
        raise SigningSecretUnusable(reason="it is empty or not encoded as the scheme says")
    return key
