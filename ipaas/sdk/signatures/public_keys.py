"""Signatures by a private key that only the sender holds: ECDSA over P-256, Ed25519, RSA (PKCS #1, version 1.5).

The algorithm is the endpoint's, never the delivery's. A public key comes as PEM, as DER in Base64 (SendGrid), as the 32
bytes of Ed25519 in hex or Base64 (Discord, Telnyx), or as a JWK or JWK set.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    load_der_public_key,
    load_pem_private_key,
)

from ipaas.core import jsonio
from ipaas.core.phrases import said
from ipaas.sdk.signatures import bearers, hmacs
from ipaas.sdk.signatures.scheme import (
    Delivery,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
    header_of,
)

SMALLEST_RSA = 2048
MOST_PEM = 20
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]{16,8000})-----END PUBLIC KEY-----")
_JOSE = {"ecdsa-p256-sha256": "ES256", "ecdsa-p256-sha1": "ES256", "ed25519": "EdDSA", "rsa-sha256": "RS256"}
_DIGESTS = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}
_KINDS = {"ecdsa-p256-sha256": "P-256", "ecdsa-p256-sha1": "P-256", "ed25519": "Ed25519", "rsa-sha256": "RSA"}
_RAW_P256 = 64

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def verify(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """With the key of the scheme, that of each live secret, and those that the sender publishes."""
    shown = hmacs.read_shown(form, delivery)
    presented = hmacs.decoded(form, shown.candidates)
    matched = _matching(form.algorithm, _known(form, delivery, secrets), presented, shown.signed, hashes.SHA256())
    return Verified(shown.delivery_id, shown.timestamp, matched)


def sign(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    """Only with a private key in PEM for a secret, which endpoints do not have: their senders keep it."""
    return hmacs.headers_for(
        form,
        delivery,
        delivery_id,
        lambda signed: [hmacs.encoded(form, _signature(form.algorithm, secrets, signed, hashes.SHA256()))],
    )


# -- eBay: a document in the header, the digest named within it ------------------------------------------------------


def verify_ebay(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """The header is a JSON document in Base64: the key's id, the signature, and SHA1 or SHA256 as its digest."""
    try:
        told = jsonio.loads(base64.b64decode(header_of(delivery.headers, form.header), validate=True))
        signature = base64.b64decode(told["signature"], validate=True)
        digest = _DIGESTS[told.get("digest", "SHA1")]()
    except (ValueError, TypeError, KeyError, AttributeError, jsonio.JsonInvalid):
        raise SignatureInvalid(reason=said("the header {header} can not be read", header=form.header)) from None
    known = _known(form, delivery, secrets)
    return Verified(None, None, _matching(form.algorithm, known, [signature], delivery.body, digest))


def sign_ebay(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    signature = _signature(form.algorithm, secrets, delivery.body, hashes.SHA1())  # noqa: S303 - eBay's own choice
    told = {"alg": "ecdsa", "kid": delivery_id, "signature": base64.b64encode(signature).decode(), "digest": "SHA1"}
    return {form.header: base64.b64encode(jsonio.dumps(told)).decode()}


# -- keys ------------------------------------------------------------------------------------------------------------


def holds(algorithm: str, text: str) -> bool:
    """Whether a text is, or holds, a public key of an algorithm."""
    return bool(_keys(algorithm, text))


def _known(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> list[tuple[int, str]]:
    """Texts that may hold keys, each with its number among the secrets (-1: no secret)."""
    found = [(-1, form.key)] if form.key else []
    return [*found, *enumerate(secrets), *((-1, text) for text in delivery.keys)]


def _matching(
    algorithm: str,
    known: Sequence[tuple[int, str]],
    presented: Sequence[bytes],
    signed: bytes,
    digest: hashes.HashAlgorithm,
) -> int:
    usable = False
    for index, text in known:
        for key in _keys(algorithm, text):
            usable = True
            if any(holds_good(key, signature, signed, digest) for signature in presented):
                return index
    if not usable:
        raise SignatureInvalid(
            reason=said("the endpoint knows no public key of the kind {kind}", kind=_KINDS[algorithm])
        )
    raise SignatureInvalid(reason=said("no known public key verifies this signature"))


def holds_good(key: PublicKey, signature: bytes, signed: bytes, digest: hashes.HashAlgorithm) -> bool:
    """Whether a signature over some bytes is that of a key; of ECDSA in DER, or as two plain numbers."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        else:
            key.verify(_in_der(signature), signed, ec.ECDSA(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _in_der(signature: bytes) -> bytes:
    if len(signature) != _RAW_P256:
        return signature
    half = _RAW_P256 // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


@lru_cache(maxsize=256)
def _keys(algorithm: str, text: str) -> tuple[PublicKey, ...]:
    """The public keys in a text that an algorithm can use; none where it is in no form that is known."""
    found = [_fitting(algorithm, key) for key in _read(algorithm, text.strip())]
    return tuple(key for key in found if key is not None)


def _read(algorithm: str, text: str) -> list[Any]:
    if text.startswith("-----BEGIN"):
        return [_der("".join(inner.split())) for inner in _PEM.findall(text)[:MOST_PEM]]
    if text.startswith("{"):
        return [getattr(key, "key", None) for _, key in bearers.keys_of(_JOSE[algorithm], text)]
    return [_raw(algorithm, text) or _der(text)]


def _der(text: str) -> Any:
    try:
        return load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _raw(algorithm: str, text: str) -> Any:
    if algorithm != "ed25519":
        return None
    for decode in (binascii.unhexlify, lambda one: base64.b64decode(one, validate=True)):
        try:
            return ed25519.Ed25519PublicKey.from_public_bytes(decode(text))
        except ValueError:
            continue
    return None


def _fitting(algorithm: str, key: Any) -> PublicKey | None:
    if algorithm.startswith("ecdsa-p256"):
        fits = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    elif algorithm == "ed25519":
        fits = isinstance(key, ed25519.Ed25519PublicKey)
    else:
        fits = isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_RSA
    return key if fits else None


def _signature(algorithm: str, secrets: Sequence[str], signed: bytes, digest: hashes.HashAlgorithm) -> bytes:
    """With a private key in PEM; raises SigningSecretUnusable for anything else."""
    try:
        key = load_pem_private_key((secrets[0] if secrets else "").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey) and algorithm.startswith("ecdsa"):
        return key.sign(signed, ec.ECDSA(digest))
    raise SigningSecretUnusable(reason=said("only the sender holds the private key that signs"))
