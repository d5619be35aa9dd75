"""The built-in store: values sealed in the row under a data key of their own, which the KEK wraps."""

import secrets
from collections.abc import Mapping

from ipaas.core.phrases import said
from ipaas.vault.errors import SecretUnusable
from ipaas.vault.keys import KEY_BYTES, keyring
from ipaas.vault.models import SecretVersion, StoreKind
from ipaas.vault.sealing import open_sealed, seal
from ipaas.vault.stores.base import Held


class BuiltinStore:
    kind = StoreKind.BUILTIN

    def open(self, version: SecretVersion) -> Held:
        if not version.wrapped_key:
            raise SecretUnusable(slug=version.secret.slug)
        key = self.unwrap(version)
        sealed = zip(version.field_names, version.sealed_fields, strict=True)
        return Held({name: open_sealed(key, bytes(blob), version.aad(name)).decode() for name, blob in sealed})

    def put(self, version: SecretVersion, fields: Mapping[str, str]) -> None:
        key = secrets.token_bytes(KEY_BYTES)
        names = sorted(fields)
        sealed = [seal(key, fields[name].encode(), version.aad(name)) for name in names]
        self.wrap(version, key)
        version.store, version.store_ref = self.kind, ""
        version.field_names, version.sealed_fields = names, sealed

    def wipe(self, slug: str, refs: list[str]) -> None:
        """The row itself held the value, and forgot it."""

    def check(self) -> str:
        ring = keyring()
        return said(
            "Version {current} of the key-encryption key is held in {place}.", current=ring.current, place=ring.place
        )

    def wrap(self, version: SecretVersion, key: bytes) -> None:
        ring = keyring()
        version.kek_version, version.wrapped_key = ring.current, ring.wrap(key, version.aad())

    def unwrap(self, version: SecretVersion) -> bytes:
        ring = keyring(needs=version.kek_version)
        return ring.unwrap(bytes(version.wrapped_key), version.aad(), version.kek_version)
