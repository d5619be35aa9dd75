"""Effect keys: constant over attempts, workers and replays of one effect, unguessable outside."""

import hashlib
import hmac
from typing import Protocol
from uuid import UUID

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


def derived_id(root: UUID, path: str, item: str) -> UUID:
    """The id of what a step makes elsewhere (an event, the effects of a sub-flow), the same in every replay.

    A UUIDv7 with the time of the root run, so that it lives in the root's partition.
    """
    digest = hashlib.sha256(b"%s\0%s\0%s" % (root.bytes, path.encode(), item.encode())).digest()
    noise = int.from_bytes(digest[:10], "big")
    high, low = noise >> 68, noise & ((1 << 62) - 1)
    return UUID(int=(root.int >> 80 << 80) | (7 << 76) | (high << 64) | (2 << 62) | low)
