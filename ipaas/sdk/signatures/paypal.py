"""PayPal's signatures: over the ids of transmission and webhook and a checksum of the body, by a published certificate.

Source: developer.paypal.com/api/rest/webhooks ("Verify webhook messages"). The certificate stands at an address that
the delivery names: it must be PayPal's own, and what stands there a certificate that a public authority gave to
PayPal's signer. The secret is the webhook's id, which PayPal signs with everything that it sends there.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ipaas.core.phrases import said
from ipaas.sdk.signatures import hmacs
from ipaas.sdk.signatures.public_keys import holds_good
from ipaas.sdk.signatures.scheme import (
    Delivery,
    SignatureInvalid,
    SignatureScheme,
    SigningSecretUnusable,
    Verified,
    header_of,
)

URL_HEADER, ALGORITHM_HEADER, ALGORITHM = "PAYPAL-CERT-URL", "PAYPAL-AUTH-ALGO", "SHA256withRSA"
SIGNERS: Mapping[str, str] = {
    "api.paypal.com": "messageverificationcerts.paypal.com",
    "api-m.paypal.com": "messageverificationcerts.paypal.com",
    "api.sandbox.paypal.com": "messageverificationcerts.sandbox.paypal.com",
    "api-m.sandbox.paypal.com": "messageverificationcerts.sandbox.paypal.com",
}
"""Whom a certificate must be given to, by the host that publishes it."""
_PATH = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{8,100}\Z")


def certificate_url(headers: Mapping[str, str]) -> str:
    """Where the certificate of a delivery is published; raises SignatureInvalid unless that is PayPal's own place."""
    url = header_of(headers, URL_HEADER)
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.netloc in SIGNERS and _PATH.match(parts.path) is not None
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise SignatureInvalid(
            reason=said("the header {header} names no place of PayPal's certificates", header=URL_HEADER)
        )
    return url


def verify(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """``delivery.keys`` is what stands at the address that the delivery names."""
    found = delivery.headers
    host = urlsplit(certificate_url(found)).netloc
    if header_of(found, ALGORITHM_HEADER) != ALGORITHM:
        raise SignatureInvalid(
            reason=said("the header {header} is not {algorithm}", header=ALGORITHM_HEADER, algorithm=ALGORITHM)
        )
    told_at = header_of(found, form.timestamp_header)
    timestamp = hmacs.checked_timestamp(form, told_at, delivery.now)
    presented = hmacs.decoded(form, [header_of(found, form.header)])
    transmission = header_of(found, form.id_header)
    key = _key("".join(delivery.keys), SIGNERS[host], delivery.now.replace(minute=0, second=0, microsecond=0))
    for index, webhook_id in enumerate(secrets):
        signed = f"{transmission}|{told_at}|{webhook_id}|{zlib.crc32(delivery.body)}".encode("utf-8", "replace")
        if webhook_id and any(holds_good(key, one, signed, hashes.SHA256()) for one in presented):
            return Verified(transmission, timestamp, index)
    raise SignatureInvalid(reason=said("PayPal's certificate does not verify this signature with any live webhook id"))


def sign(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    del form, delivery, secrets, delivery_id
    raise SigningSecretUnusable(reason=said("only PayPal holds the private key that signs"))


@lru_cache(maxsize=64)
def _key(pem: str, signer: str, hour: datetime) -> rsa.RSAPublicKey:
    """The key of a chain of certificates, as it stood in an hour; raises SignatureInvalid."""
    try:
        chain = x509.load_pem_x509_certificates(pem.encode())
        verifier = PolicyBuilder().store(_authorities()).time(hour).build_server_verifier(x509.DNSName(signer))
        verifier.verify(chain[0], chain[1:])
        key = chain[0].public_key()
    except (ValueError, IndexError, VerificationError):
        raise SignatureInvalid(
            reason=said("no public authority vouches for the certificate as that of {signer}", signer=signer)
        ) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureInvalid(reason=said("PayPal's certificate holds no RSA key"))
    return key


@lru_cache(maxsize=1)
def _authorities() -> Store:
    return Store(x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes()))
