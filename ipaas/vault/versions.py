"""Sealing and opening the fields of a secret version; used by services, opening and rotation only."""

import secrets
from collections.abc import Mapping

from ipaas.core.logging import protect_opened
from ipaas.vault.keys import KEY_BYTES, keyring
from ipaas.vault.models import SecretVersion
from ipaas.vault.sealing import open_sealed, seal

NAMES_OF_ACCOUNTS = frozenset({"username", "user", "login"})
"""Fields that say who, not what proves it: they stay readable in the log."""


def seal_version(version: SecretVersion, fields: Mapping[str, str]) -> None:
    """Fill in the sealed columns of a version that has its secret and number."""
    ring, key = keyring(), secrets.token_bytes(KEY_BYTES)
    version.field_names = sorted(fields)
    version.sealed_fields = [seal(key, fields[name].encode(), version.aad(name)) for name in version.field_names]
    version.kek_version = ring.current
    version.wrapped_key = ring.wrap(key, version.aad())


def open_version(version: SecretVersion) -> dict[str, str]:
    """The fields in clear, masked in the log from now on; raises ``SealBroken`` or a ``KeyProblem``."""
    ring = keyring(needs=version.kek_version)
    key = ring.unwrap(bytes(version.wrapped_key), version.aad(), version.kek_version)
    sealed = zip(version.field_names, version.sealed_fields, strict=True)
    fields = {name: open_sealed(key, bytes(blob), version.aad(name)).decode() for name, blob in sealed}
    protect_opened(*(value for name, value in fields.items() if name not in NAMES_OF_ACCOUNTS))
    return fields


def wipe_version(version: SecretVersion) -> None:
    """Forget the value for good: neither key nor ciphertext stays."""
    version.wrapped_key = b""
    version.sealed_fields = []
    version.save(update_fields=["state", "accept_until", "wrapped_key", "sealed_fields"])
