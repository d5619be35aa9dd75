"""TLS of a connection for libraries that encrypt by themselves: its private authority, its client certificate."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ipaas.core.net import TlsContext, default_tls, tls_context, unverified_tls
from ipaas.sdk.transports import Transports

_FIELDS = {
    "ca_pem": "tls_ca",
    "client_cert_pem": "tls_client_cert",
    "client_key_pem": "tls_client_key",
    "key_password": "tls_key_password",
}


def tls_settings(io: Transports, mode: str = "verify-full") -> TlsContext | None:
    """What the ``mode`` of a connection asks for: None for ``disable``; ``require`` encrypts without knowing with whom.

    Raises core.net's TlsFailed for PEM that can not be read.
    """
    if mode == "disable":
        return None
    given = {name: io.secret(field) or "" for name, field in _FIELDS.items()}
    if mode != "verify-full":
        return unverified_tls(**{**given, "ca_pem": ""})
    return tls_context(**given) if any(given.values()) else default_tls()


@contextmanager
def tls_files(io: Transports) -> Iterator[dict[str, str]]:
    """The PEM of a connection as files in memory, for libraries that read files: paths by ``ca``, ``cert``, ``key``.

    What the secret does not hold has no path; the files are gone with the context.
    """
    with ExitStack() as opened:
        paths = {}
        for name, field in (("ca", "tls_ca"), ("cert", "tls_client_cert"), ("key", "tls_client_key")):
            if text := io.secret(field):
                handle = os.memfd_create(name)
                opened.callback(os.close, handle)
                os.fchmod(handle, 0o600)
                os.write(handle, text.encode())
                paths[name] = f"/proc/self/fd/{handle}"
        yield paths
