"""Data keys kept in the database, wrapped by the key-encryption key: per workspace and for the platform."""

import secrets
from uuid import UUID

from ipaas.vault.keys import KEY_BYTES, keyring
from ipaas.vault.models import DataKey
from ipaas.vault.sealing import derive


def load_keys(workspace_id: UUID | None, purpose: str) -> dict[int, bytes]:
    """All keys of a purpose by number; the first is made when there is none. Two processes get the same one."""
    rows = list(DataKey.objects.of(workspace_id, purpose))
    if not rows:
        _insert(workspace_id, purpose, 1)
        rows = list(DataKey.objects.of(workspace_id, purpose))
    return {row.number: unwrapped(row) for row in rows}


def derive_key(workspace_id: UUID) -> bytes:
    """The workspace's unchanging root, from which effect and fingerprint keys are derived."""
    return load_keys(workspace_id, "root")[1]


def platform_key(purpose: str) -> bytes:
    """A 32-byte key of the whole installation for one purpose; stays the same when the KEK is rotated."""
    return derive(load_keys(None, "platform")[1], purpose)


def add_payload_key(workspace_id: UUID) -> int:
    """Make a new payload key, used by every process that loads keys from now on; returns its number."""
    number = max(load_keys(workspace_id, "payload")) + 1
    _insert(workspace_id, "payload", number)
    return number


def unwrapped(row: DataKey) -> bytes:
    ring = keyring(needs=row.kek_version)
    return ring.unwrap(bytes(row.wrapped), row.aad(), row.kek_version)


def _insert(workspace_id: UUID | None, purpose: str, number: int) -> None:
    ring = keyring()
    row = DataKey(workspace_id=workspace_id, purpose=purpose, number=number, kek_version=ring.current)
    row.wrapped = ring.wrap(secrets.token_bytes(KEY_BYTES), row.aad())
    DataKey.objects.bulk_create([row], ignore_conflicts=True)
