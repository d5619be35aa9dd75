"""Senders known by the client certificate of their connection, which a proxy has taken and hands on in a header.

Forms of the header: RFC 9440 (``Client-Cert``), PEM with percent signs (nginx ``$ssl_client_escaped_cert``, AWS), PEM
with blanks for line ends, bare Base64 (Traefik), and Envoy's ``X-Forwarded-Client-Cert``, of which the last element
is the sender of the connection. That the sender holds the private key is the proxy's proof; whether the certificate
is a right one is decided here, by fingerprint, or by authority and name.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from ipaas.core.phrases import said
from ipaas.sdk.signatures.scheme import Delivery, SignatureInvalid, SignatureScheme, SigningSecretUnusable, Verified

MOST_CHARS = 16_384
MOST_SHOWN = 120
_XFCC = re.compile(r'Cert="([^"]*)"\s*(?:;[^,]*)?$', re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")


def verify(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str]) -> Verified:
    """A pinned fingerprint, or an authority of the endpoint together with a subject or name; never an expired one."""
    del secrets
    encoded, found = read_certificate(delivery.certificate)
    if not found.not_valid_before_utc <= delivery.now <= found.not_valid_after_utc:
        raise SignatureInvalid(
            reason=said("the client certificate of {subject} has expired or is not valid yet", subject=_shown(found))
        )
    if any(hmac.compare_digest(fingerprint(encoded), plain_fingerprint(one)) for one in form.fingerprints):
        return Verified(None, None, -1)
    if not form.authority:
        raise SignatureInvalid(
            reason=said("the client certificate of {subject} is not one that the endpoint pins", subject=_shown(found))
        )
    _check_authority(form, delivery, found)
    if not _named(form, found):
        raise SignatureInvalid(
            reason=said("the client certificate of {subject} is for nobody that may send here", subject=_shown(found))
        )
    return Verified(None, None, -1)


def sign(form: SignatureScheme, delivery: Delivery, secrets: Sequence[str], delivery_id: str) -> dict[str, str]:
    del form, delivery, secrets, delivery_id
    raise SigningSecretUnusable(reason=said("only the sender holds the client certificate's private key"))


def read_certificate(header: str) -> tuple[bytes, x509.Certificate]:
    """The certificate of a header in DER, and read; raises SignatureInvalid."""
    if not header:
        raise SignatureInvalid(
            reason=said("no client certificate came with it over a proxy that IPAAS_CLIENT_CERT_PROXIES names")
        )
    if len(header) > MOST_CHARS:
        raise SignatureInvalid(reason=said("the header of the client certificate is too long"))
    try:
        encoded = base64.b64decode(_base64_of(header.strip()), validate=True)
        return encoded, x509.load_der_x509_certificate(encoded)
    except (ValueError, TypeError):
        raise SignatureInvalid(reason=said("the header of the client certificate can not be read as one")) from None


def fingerprint(encoded: bytes) -> str:
    return hashlib.sha256(encoded).hexdigest()


def plain_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as people write it, with colons or capitals, as plain hex."""
    return text.replace(":", "").replace(" ", "").lower()


def authorities(pem: str) -> list[x509.Certificate]:
    """The certificates of an endpoint's authority; raises ValueError."""
    return list(x509.load_pem_x509_certificates(pem.encode()))


def _base64_of(text: str) -> str:
    """The Base64 within one of the known forms."""
    if text.startswith(":") and text.endswith(":"):
        return text[1:-1]
    if (element := _XFCC.search(text)) is not None:
        text = element[1]
    text = unquote(text, errors="strict")
    blocks = _PEM.findall(text)
    return "".join((blocks[0] if blocks else text).split())


def _check_authority(form: SignatureScheme, delivery: Delivery, found: x509.Certificate) -> None:
    try:
        builder = PolicyBuilder().store(_store(form.authority)).time(delivery.now)
        builder = builder.extension_policies(ca_policy=_authority_policy(), ee_policy=_sender_policy())
        builder.build_client_verifier().verify(found, [])
    except (VerificationError, ValueError):
        reason = said(
            "the endpoint's authority does not vouch for the client certificate of {subject}", subject=_shown(found)
        )
        raise SignatureInvalid(reason=reason) from None


@lru_cache(maxsize=64)
def _store(pem: str) -> Store:
    return Store(authorities(pem))


def _authority_policy() -> ExtensionPolicy:
    """Authorities of one's own are often made without key identifiers; that they are one must be said."""
    return ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)


def _sender_policy() -> ExtensionPolicy:
    """A use that is told must be that of a client."""

    def for_clients(_policy: object, _certificate: object, usage: x509.ExtendedKeyUsage | None) -> None:
        allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
        if usage is not None and not allowed & set(usage):
            message = "it is not for clients"
            raise ValueError(message)

    return ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, for_clients)


def _named(form: SignatureScheme, found: x509.Certificate) -> bool:
    if form.subject and found.subject.rfc4514_string() == form.subject:
        return True
    wanted = {name.lower() for name in form.names}
    return not wanted.isdisjoint(name.lower() for name in _alternative_names(found))


def _alternative_names(found: x509.Certificate) -> list[str]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    kinds = (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.IPAddress)
    return [str(one.value) for one in names if isinstance(one, kinds)]


def _shown(found: x509.Certificate) -> str:
    try:
        text = found.subject.rfc4514_string()
    except ValueError:
        text = ""
    return "".join(one for one in text if one.isprintable())[:MOST_SHOWN] or "nobody"
