"""Values in the row as in the built-in store, their data keys wrapped by the transit engine of OpenBao or Vault.

Whoever has the database and our key-encryption key still can not open them; the engine says no, and writes a log.
"""

import base64
import re
import secrets

from ipaas.core.phrases import said, sentences
from ipaas.vault.errors import BackendUnavailable
from ipaas.vault.keys import KEY_BYTES
from ipaas.vault.models import Backend, SecretVersion, StoreKind
from ipaas.vault.stores.bao import BaoClient
from ipaas.vault.stores.builtin import BuiltinStore

WRAPPED = re.compile(r"vault:v(\d{1,9}):[A-Za-z0-9+/=]{1,500}\Z")


class TransitStore(BuiltinStore):
    kind = StoreKind.TRANSIT

    def __init__(self, backend: Backend) -> None:
        self.client = BaoClient(backend)
        self.mount, self.key = backend.config["mount"], backend.config["key"]

    def wrap(self, version: SecretVersion, key: bytes) -> None:
        wrapped = self._wrapped(key, version.aad())
        version.kek_version = int(WRAPPED.match(wrapped)[1])  # type: ignore[index]  # checked when it arrived
        version.wrapped_key = wrapped.encode()

    def unwrap(self, version: SecretVersion) -> bytes:
        return self._unwrapped(bytes(version.wrapped_key).decode(), version.aad())

    def check(self) -> str:
        probe, aad = secrets.token_bytes(KEY_BYTES), b"check"
        wrapped = self._wrapped(probe, aad)
        if self._unwrapped(wrapped, aad) != probe:
            raise self.client.unavailable(said("the transit engine gave back another key than it was given"))
        told = said(
            "The key {key} of {mount}/ wraps and unwraps; it is at {version}.",
            key=self.key,
            mount=self.mount,
            version=wrapped[6:8],
        )
        return sentences(self.client.check(), told)

    def _wrapped(self, key: bytes, aad: bytes) -> str:
        given = {"plaintext": _base64(key), "associated_data": _base64(aad)}
        text = self._asked("encrypt", given).get("ciphertext")
        if not isinstance(text, str) or not WRAPPED.match(text):
            raise self.client.unavailable(said("the transit engine answered without a wrapped key"))
        return text

    def _unwrapped(self, wrapped: str, aad: bytes) -> bytes:
        found = self._asked("decrypt", {"ciphertext": wrapped, "associated_data": _base64(aad)}).get("plaintext")
        try:
            key = base64.b64decode(str(found), validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise self.client.unavailable(said("the transit engine answered without a key"))
        return key

    def _asked(self, deed: str, given: dict[str, str]) -> dict[str, object]:
        answer = self.client.ask("POST", f"{self.mount}/{deed}/{self.key}", given)
        if answer is None:
            raise BackendUnavailable(
                backend=self.client.name, reason=said("there is no transit key {key}", key=self.key)
            )
        return answer


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
