"""Sealing payloads on the hot path: pure CPU, microseconds, safe over threads and forks.

A blob is ``format(1) | key number(4) | salt(16) | counter(8) | AES-256-GCM ciphertext``. Each process derives its own
key from the workspace's payload key and a random salt and counts its nonces, so that no nonce can repeat however
many payloads are sealed (random 96-bit nonces would reach NIST SP 800-38D's bound of 2**32 within days).
"""

import itertools
import os
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from uuid import UUID

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ipaas.vault.data_keys import derive_key, load_keys
from ipaas.vault.errors import PayloadKeyNotLoaded, SealBroken
from ipaas.vault.sealing import derive

PLAIN, ZSTD = 1, 2
COMPRESS_ABOVE = 2048
LARGEST_PAYLOAD = 64 * 1024 * 1024
_NUMBER = slice(1, 5)
_SALT = slice(5, 21)
_COUNTER = slice(21, 29)
_HEADER_BYTES = 29
_READERS = 256

_sealers: dict[UUID, "PayloadSealer"] = {}
_lock = Lock()
_alive: "weakref.WeakSet[PayloadSealer]" = weakref.WeakSet()


class PayloadSealer:
    """Seals and opens the payloads of one workspace; get it from ``sealer_for``."""

    def __init__(self, workspace_id: UUID, keys: Mapping[int, bytes], root: bytes) -> None:
        """``keys``: payload keys by number, the highest seals; ``root``: the workspace's unchanging key."""
        self.workspace_id = workspace_id
        self._place = b"ipaas-payload-1|" + workspace_id.bytes
        self._keys = dict(keys)
        self._root = root
        self._readers: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._effect_key = derive(root, "effect")
        self._fingerprint_key = derive(root, "fingerprint")
        self._start()
        _alive.add(self)

    def _start(self) -> None:
        """Take a salt of this process's own; repeated in a forked child, which must not share its parent's nonces."""
        number = max(self._keys).to_bytes(4, "big")
        salt = os.urandom(16)
        self._write = (number + salt, self._cipher(number + salt), itertools.count())

    def seal(self, data: bytes, aad: bytes) -> bytes:
        """Seal ``data`` so that it opens only under the same ``aad``; compressed first above 2 KB."""
        prefix, cipher, counter = self._write
        form = PLAIN
        if len(data) > COMPRESS_ABOVE:
            data, form = zstandard.ZstdCompressor(level=3).compress(data), ZSTD
        count = next(counter).to_bytes(8, "big")
        header = bytes((form,)) + prefix + count
        return header + cipher.encrypt(b"\0\0\0\0" + count, data, header + self._place + aad)

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """What ``seal`` sealed; altered data or another ``aad`` raises ``SealBroken``.

        ``PayloadKeyNotLoaded`` says that the key was made after this process loaded its keys: use
        ``sealer_for(…, fresh=True)``.
        """
        header = bytes(blob[:_HEADER_BYTES])
        if len(header) < _HEADER_BYTES or header[0] not in (PLAIN, ZSTD):
            raise SealBroken
        cipher = self._reader(header[_NUMBER] + header[_SALT])
        try:
            data = cipher.decrypt(b"\0\0\0\0" + header[_COUNTER], blob[_HEADER_BYTES:], header + self._place + aad)
        except (InvalidTag, ValueError):
            raise SealBroken from None
        return _expand(data) if header[0] == ZSTD else data

    @property
    def effect_hmac_key(self) -> bytes:
        """Keys the HMAC of effect keys; never changes, so that a replay years later finds its effect."""
        return self._effect_key

    @property
    def fingerprint_key(self) -> bytes:
        """Keys the fingerprints that stand for redacted values; never changes."""
        return self._fingerprint_key

    def _reader(self, name: bytes) -> AESGCM:
        cipher = self._readers.get(name)
        if cipher is None:
            cipher = self._readers[name] = self._cipher(name)
            while len(self._readers) > _READERS:
                self._readers.popitem(last=False)
        return cipher

    def _cipher(self, name: bytes) -> AESGCM:
        number = int.from_bytes(name[:4], "big")
        key = self._keys.get(number)
        if key is None:
            raise PayloadKeyNotLoaded(number=number)
        return AESGCM(derive(key, "payload", salt=name[4:]))

    def __repr__(self) -> str:
        return f"PayloadSealer({self.workspace_id})"


def sealer_for(workspace_id: UUID, *, fresh: bool = False) -> PayloadSealer:
    """The workspace's sealer, loaded once per process (``fresh``: again). May query: not on an event loop."""
    sealer = None if fresh else _sealers.get(workspace_id)
    if sealer is None:
        loaded = PayloadSealer(workspace_id, load_keys(workspace_id, "payload"), derive_key(workspace_id))
        with _lock:
            sealer = loaded if fresh else _sealers.setdefault(workspace_id, loaded)
            _sealers[workspace_id] = sealer
    return sealer


def cached_sealer(workspace_id: UUID) -> PayloadSealer | None:
    """The sealer if this process has loaded it; never queries."""
    return _sealers.get(workspace_id)


def effect_hmac_key(workspace_id: UUID) -> bytes:
    """See ``PayloadSealer.effect_hmac_key``."""
    return sealer_for(workspace_id).effect_hmac_key


def fingerprint_key(workspace_id: UUID) -> bytes:
    """See ``PayloadSealer.fingerprint_key``."""
    return sealer_for(workspace_id).fingerprint_key


def forget_sealers() -> None:
    """Drop all loaded keys (tests, and after a key was rotated in this process)."""
    with _lock:
        _sealers.clear()


def _expand(data: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= LARGEST_PAYLOAD:
            raise SealBroken
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=size or 1)
    except zstandard.ZstdError:
        raise SealBroken from None


def _restart_all() -> None:
    global _lock  # noqa: PLW0603 - the parent may have held it in the moment of the fork
    _lock = Lock()
    for sealer in list(_alive):
        sealer._start()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_restart_all)
