"""Signatures of webhooks: verify what comes in, sign what goes out.

Standard Webhooks (https://www.standardwebhooks.com, symmetric ``v1``), the generic HMAC that a manifest describes, the
schemes of well-known vendors, signatures by a private key (ECDSA, Ed25519, RSA), client certificates, and bearers of a
shared secret or of a JSON Web Token. The raw body bytes are signed,
never parsed JSON, except where the vendor signs members of it (Adyen) or form parameters (Twilio).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ipaas.core import jsonio
from ipaas.sdk.signatures import bearers, certificates, hmacs, paypal, public_keys, vendors
from ipaas.sdk.signatures.scheme import (
    PLACES,
    SCHEMES,
    STANDARD_WEBHOOKS,
    Delivery,
    Places,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
)

__all__ = [
    "PLACES",
    "SCHEMES",
    "STANDARD_WEBHOOKS",
    "Places",
    "SignatureInvalid",
    "SignatureScheme",
    "SigningSecretUnusable",
    "Verified",
    "sign",
    "signed_body",
    "verify",
    "without_token",
]

_VERIFY: Mapping[str, Callable[[SignatureScheme, Delivery, Sequence[str]], Verified]] = {
    "standard-webhooks": hmacs.verify,
    "hmac": hmacs.verify,
    "public-key": public_keys.verify,
    "ebay": public_keys.verify_ebay,
    "paypal": paypal.verify,
    "client-certificate": certificates.verify,
    "twilio": vendors.verify_twilio,
    "square": vendors.verify_square,
    "adyen": vendors.verify_adyen,
    "basic": bearers.verify_basic,
    "token": bearers.verify_token,
    "jwt": bearers.verify_jwt,
}
_SIGN: Mapping[str, Callable[[SignatureScheme, Delivery, Sequence[str], str], dict[str, str]]] = {
    "standard-webhooks": hmacs.sign,
    "hmac": hmacs.sign,
    "public-key": public_keys.sign,
    "ebay": public_keys.sign_ebay,
    "paypal": paypal.sign,
    "client-certificate": certificates.sign,
    "twilio": vendors.sign_twilio,
    "square": vendors.sign_square,
    "adyen": vendors.sign_nothing,
    "basic": bearers.sign_basic,
    "token": bearers.sign_token,
    "jwt": bearers.sign_jwt,
}


def verify(
    scheme: SignatureScheme,
    *,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    now: datetime,
    url: str = "",
    keys: Sequence[str] = (),
    certificate: str = "",
) -> Verified:
    """Check a delivery against every live secret (two during a rotation).

    ``url`` is the address with its query as the sender knows it, for the schemes that sign it (Twilio, Square);
    ``keys`` and ``certificate`` are as of a ``Delivery``.
    Any malformed header, timestamp, body or secret raises SignatureInvalid and nothing else. Digests are compared in
    constant time over bytes, and every secret is tried, so that timing does not tell which one matched.
    """
    if scheme.kind == "none":
        return Verified(delivery_id=None, timestamp=None, secret_index=-1)
    found = {name.lower(): value for name, value in headers.items()}
    return _VERIFY[scheme.kind](scheme, Delivery(found, body, scheme.url or url, now, keys, certificate), secrets)


def sign(
    scheme: SignatureScheme, *, body: bytes, secrets: Sequence[str], now: datetime, delivery_id: str, url: str = ""
) -> dict[str, str]:
    """The headers that sign ``body``; with several secrets Standard Webhooks sends one signature for each.

    Adyen signs within the body instead: see ``signed_body``. Raises SigningSecretUnusable when a secret is empty or
    not in the scheme's form.
    """
    if scheme.kind == "none":
        return {}
    return _SIGN[scheme.kind](scheme, Delivery({}, body, scheme.url or url, now), secrets, delivery_id)


def without_token(scheme: SignatureScheme, document: Any) -> Any:
    """A verified body as it may be kept: with null for the token that it bore."""
    return bearers.with_token(scheme, document, None) if scheme.kind == "token" and scheme.path else document


def signed_body(scheme: SignatureScheme, *, body: bytes, secrets: Sequence[str]) -> bytes:
    """The body to send: with its signature or token within where the scheme puts it there, else as it is."""
    if scheme.kind == "token" and scheme.path:
        return jsonio.dumps(bearers.with_token(scheme, jsonio.loads(body), secrets[0] if secrets else None))
    return vendors.with_adyen_signatures(body, secrets) if scheme.kind == "adyen" else body
