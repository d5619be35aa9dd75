"""Signatures by a keyed digest, as a scheme describes them."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ipaas.core.phrases import said
from ipaas.sdk.signatures.scheme import (
    Delivery,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
    header_of,
)

MAX_SIGNATURES = 16
MAX_TIMESTAMP_DIGITS = 15
MAX_TIMESTAMP_CHARS = 40
_PART = re.compile(r"\{(?:id|timestamp|url)\}")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a delivery shows: the signatures in its header, and what they must be over."""

    delivery_id: str | None
    timestamp: int | None
    candidates: Sequence[str]
    signed: bytes


def verify(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """See ``signatures.verify``."""
    shown = read_shown(form, delivery)
    return Verified(shown.delivery_id, shown.timestamp, matching(form, shown.candidates, secrets, [shown.signed]))


def read_shown(form: SignatureScheme, delivery: Delivery) -> Shown:
    """As the scheme's members describe it, the time within the replay window; raises SignatureInvalid."""
    found = delivery.headers
    raw_timestamp, candidates = _presented(form, header_of(found, form.header))
    if form.timestamp_header:
        raw_timestamp = header_of(found, form.timestamp_header)
    timestamp = checked_timestamp(form, raw_timestamp, delivery.now) if raw_timestamp is not None else None
    delivery_id = header_of(found, form.id_header) if form.id_header else None
    return Shown(delivery_id, timestamp, candidates, _signed_bytes(form, delivery_id, raw_timestamp, delivery))


def sign(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    """See ``signatures.sign``."""
    return headers_for(form, delivery, delivery_id, lambda signed: digests(form, secrets, signed))


def headers_for(
    form: SignatureScheme, delivery: Delivery, delivery_id: str, signing: Callable[[bytes], list[str]]
) -> dict[str, str]:
    """The headers of a delivery; ``signing`` makes the signatures over the bytes that the scheme signs."""
    moment = _written_timestamp(form, delivery.now)
    texts = signing(_signed_bytes(form, delivery_id, moment, delivery))
    headers = {form.header: texts[0]}
    if form.kind == "standard-webhooks":
        headers[form.header] = " ".join(texts)
    if form.pairs:
        headers[form.header] = f"{form.pairs[0]}={moment}," + ",".join(f"{form.pairs[1]}={text}" for text in texts)
    if form.timestamp_header:
        headers[form.timestamp_header] = moment
    if form.id_header:
        headers[form.id_header] = delivery_id
    return headers


def matching(form: SignatureScheme, candidates: Sequence[str], secrets: Sequence[str], signed: Sequence[bytes]) -> int:
    """Which live secret makes one of the presented signatures over one of the texts; raises SignatureInvalid."""
    matched = _matching_secret(form, secrets, signed, decoded(form, candidates))
    if matched is None:
        raise SignatureInvalid(reason=said("no live secret produces this signature"))
    return matched


def decoded(form: SignatureScheme, candidates: Sequence[str]) -> list[bytes]:
    """The presented signatures that can be read; raises SignatureInvalid when there are none."""
    presented = [digest for digest in (_decoded(form, text) for text in candidates) if digest is not None]
    if not presented:
        raise SignatureInvalid(reason=said("the signature header holds no readable signature"))
    return presented


def digests(form: SignatureScheme, secrets: Sequence[str], signed: bytes) -> list[str]:
    """The signature of each secret over a text; raises SigningSecretUnusable."""
    keys = [_usable_key(form, secret) for secret in secrets]
    if not keys:
        raise SigningSecretUnusable(reason=said("none is given"))
    return [encoded(form, hmac.digest(key, signed, form.algorithm)) for key in keys]


def _presented(form: SignatureScheme, value: str) -> tuple[str | None, list[str]]:
    if form.pairs is None:
        texts = value.split(" ") if form.kind == "standard-webhooks" else [value.strip()]
        return None, texts[:MAX_SIGNATURES]
    pairs = [part.strip().partition("=") for part in value.split(",")]
    timestamps = [text for name, _, text in pairs if name == form.pairs[0]]
    if len(timestamps) != 1:
        raise SignatureInvalid(reason=said("the signature header holds no single timestamp"))
    return timestamps[0], [text for name, _, text in pairs if name == form.pairs[1]][:MAX_SIGNATURES]


def checked_timestamp(form: SignatureScheme, text: str, now: datetime) -> int:
    """A time within the replay window, in seconds; raises SignatureInvalid."""
    seconds = _moment(text) if form.timestamp_unit == "iso" else _seconds(form, text)
    age = now.timestamp() - seconds
    if age > form.tolerance_s:
        raise SignatureInvalid(reason=said("the timestamp is too old"))
    if -age > form.tolerance_s:
        raise SignatureInvalid(reason=said("the timestamp is too far in the future"))
    return seconds


def _seconds(form: SignatureScheme, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIMESTAMP_DIGITS):
        raise SignatureInvalid(reason=said("the timestamp is not a number of seconds"))
    return int(text) // 1000 if form.timestamp_unit == "ms" else int(text)


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text[:MAX_TIMESTAMP_CHARS])
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise SignatureInvalid(reason=said("the timestamp is not a date with time and zone"))
    return int(found.timestamp())


def _written_timestamp(form: SignatureScheme, now: datetime) -> str:
    if form.timestamp_unit == "iso":
        return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(now.timestamp() * (1000 if form.timestamp_unit == "ms" else 1)))


def _decoded(form: SignatureScheme, text: str) -> bytes | None:
    if not text.startswith(form.prefix) or not text.isascii():
        return None
    raw = text[len(form.prefix) :].encode("ascii")
    try:
        return binascii.unhexlify(raw) if form.encoding == "hex" else base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return None


def encoded(form: SignatureScheme, digest: bytes) -> str:
    """A signature as the scheme writes it."""
    return form.prefix + (digest.hex() if form.encoding == "hex" else base64.b64encode(digest).decode("ascii"))


def _signed_bytes(form: SignatureScheme, delivery_id: str | None, timestamp: str | None, delivery: Delivery) -> bytes:
    if form.signed == "{body}":
        return delivery.body
    parts = {"{id}": delivery_id or "", "{timestamp}": timestamp or "", "{url}": delivery.url}

    def filled(text: str) -> bytes:
        return _PART.sub(lambda found: parts[found[0]], text).encode("utf-8", "surrogatepass")

    head, _, tail = form.signed.partition("{body}")
    return filled(head) + delivery.body + filled(tail)


def _matching_secret(
    form: SignatureScheme, secrets: Sequence[str], signed: Sequence[bytes], presented: Sequence[bytes]
) -> int | None:
    matched: int | None = None
    for index, secret in enumerate(secrets):
        key = _key(form, secret)
        if not key:
            continue
        for text in signed:
            expected = hmac.digest(key, text, form.algorithm)
            for digest in presented:
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


def readable(form: SignatureScheme, secret: str) -> bool:
    """Whether a secret is in the form that the scheme makes its key of; one that is not can verify nothing."""
    return bool(_key(form, secret))


def _usable_key(form: SignatureScheme, secret: str) -> bytes:
    key = _key(form, secret)
    if not key:
        raise SigningSecretUnusable(reason=said("it is empty or not encoded as the scheme says"))
    return key
