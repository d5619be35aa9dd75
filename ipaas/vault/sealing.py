"""Sealing small values: AES-256-GCM with a random nonce, one key per secret version, padded lengths."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ipaas.vault.errors import SealBroken

NONCE_BYTES = 12
PAD_TO = 64


def seal(key: bytes, value: bytes, aad: bytes) -> bytes:
    """Seal a value; its length shows only in steps of 64 bytes. For some thousand values per key, not for traffic."""
    nonce = os.urandom(NONCE_BYTES)
    framed = len(value).to_bytes(4, "big") + value
    return nonce + AESGCM(key).encrypt(nonce, framed + bytes(-len(framed) % PAD_TO), aad)


def open_sealed(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """What ``seal`` sealed under the same key and ``aad``; anything else raises ``SealBroken``."""
    try:
        framed = AESGCM(key).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError):
        raise SealBroken from None
    return framed[4 : 4 + int.from_bytes(framed[:4], "big")]


def derive(root: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(hashes.SHA256(), 32, salt or None, b"ipaas|" + purpose.encode()).derive(root)
