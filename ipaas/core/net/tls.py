"""TLS settings: verified always; a private authority or a client certificate where a connection has one."""

import hashlib
import os
import ssl
from collections import OrderedDict
from functools import lru_cache

import certifi

from .errors import TlsFailed

TlsContext = ssl.SSLContext
_CACHE_SIZE = 256
_contexts: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

_UNREADABLE = "the authority, certificate or key entered cannot be read"
_HANDSHAKE_ALERTS = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "UNSUPPORTED_CERTIFICATE",
    "HANDSHAKE_FAILURE",
    "ACCESS_DENIED",
)


@lru_cache(maxsize=1)
def default_tls() -> ssl.SSLContext:
    """The machine's authorities; certifi's where the machine names no bundle of them."""
    context = _client_context(ssl.create_default_context())
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


def unverified_tls(**given: str) -> ssl.SSLContext:
    """Encryption without knowing with whom: only where a connection's settings ask for exactly that.

    ``given`` as for ``tls_context``: a client certificate is shown all the same.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if given.get("client_cert_pem"):
        _show(context, given["client_cert_pem"], given.get("client_key_pem", ""), given.get("key_password", ""))
    return context


def tls_context(
    *, ca_pem: str = "", client_cert_pem: str = "", client_key_pem: str = "", key_password: str = ""
) -> ssl.SSLContext:
    """A context that trusts only ``ca_pem`` (the default authorities when empty) and shows a client certificate.

    The same arguments give the same context, so that connections are shared. Raises TlsFailed for unusable PEM.
    """
    digest = hashlib.sha256()
    for part in (ca_pem, client_cert_pem, client_key_pem, key_password):
        digest.update(hashlib.sha256(part.encode()).digest())
    key = digest.digest()
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = _build(ca_pem, client_cert_pem, client_key_pem, key_password)
        if len(_contexts) > _CACHE_SIZE:
            _contexts.popitem(last=False)
    _contexts.move_to_end(key)
    return context


def _build(ca_pem: str, cert_pem: str, key_pem: str, password: str) -> ssl.SSLContext:
    try:
        context = _client_context(ssl.create_default_context(cadata=ca_pem or None))
        if not ca_pem and not context.cert_store_stats()["x509_ca"]:
            context.load_verify_locations(certifi.where())
    except (ssl.SSLError, ValueError, TypeError) as error:  # a TypeError: not ASCII
        raise TlsFailed(reason=_UNREADABLE) from error
    if cert_pem:
        _show(context, cert_pem, key_pem, password)
    return context


def _show(context: ssl.SSLContext, cert_pem: str, key_pem: str, password: str) -> None:
    try:
        _load_chain(context, cert_pem, key_pem, password)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise TlsFailed(reason=_UNREADABLE) from error


def _client_context(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load_chain(context: ssl.SSLContext, cert_pem: str, key_pem: str, password: str) -> None:
    """The ssl module reads keys from files only: one in memory, which never reaches a disk."""
    handle = os.memfd_create("client-certificate")
    with os.fdopen(handle, "w") as file:
        file.write(f"{cert_pem}\n{key_pem}\n")
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{handle}", password=lambda: password)


def refused_in_handshake(error: BaseException | None) -> bool:
    """Whether the peer refused our certificate. With TLS 1.3 that arrives after our first bytes left, but a peer
    that did not finish the handshake has not handed them to anybody (RFC 8446, 4.4.2.4 and 6.2).
    """
    return isinstance(error, ssl.SSLError) and any(alert in (error.reason or "") for alert in _HANDSHAKE_ALERTS)


def tls_reason(error: BaseException) -> str:
    """A text for people without anything that the peer wrote."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "handshake failed").replace("_", " ").lower()
    return "the connection ended during the handshake"
