"""Effect keys: constant over attempts, workers and replays of one effect, unguessable outside."""

import hashlib
import hmac
from typing import Protocol

from ipaas.runtime.store import EffectKey


class KeySource(Protocol):
    """Holds the workspace's key for effect keys; see ``vault.payloads``."""

    @property
    def effect_hmac_key(self) -> bytes: ...


def effect_key(source: KeySource, key: EffectKey) -> bytes:
    """The idempotency key sent to vendors, as 32 hexadecimal characters: HMAC(root run, step, item, generation)."""
    root, path, item, generation = key
    message = b"%s\0%s\0%s\0%d" % (root.bytes, path.encode(), item.encode(), generation)
    return hmac.new(source.effect_hmac_key, message, hashlib.sha256).hexdigest()[:32].encode()
