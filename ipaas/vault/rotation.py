"""Rotating the key-encryption key without a stop: add a version, re-wrap what older ones wrapped, drop them.

Only wrapped data keys are written again, never what they seal; each batch is a transaction of its own, so that an
interrupted run simply goes on, and readers find a key that opens at any moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Model, QuerySet

from ipaas import audit
from ipaas.core.actor import Actor
from ipaas.core.errors import Conflict, PermissionDenied
from ipaas.core.phrases import said
from ipaas.vault.keys import Keyring, add_key_version, drop_key_version, keyring
from ipaas.vault.models import DataKey, SecretVersion, StoreKind

BATCH = 200
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """``moved`` data keys were wrapped anew with ``version``; ``left`` still wait (locked by others just then)."""

    version: int
    moved: int
    left: int


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """A version of the KEK: how many data keys it wraps, and whether this process holds it."""

    version: int
    data_keys: int
    held: bool
    current: bool


def add_key(*, actor: Actor) -> int:
    """Add a version to the key file and use it for everything new; returns its number."""
    _require_platform(actor)
    version = add_key_version()
    audit.record("vault.key_added", actor=actor, workspace_id=None, details={"version": version})
    return version


def rewrap(*, actor: Actor, batch: int = BATCH, progress: Progress | None = None) -> Rewrapped:
    """Wrap with the current version whatever an older one wraps. Online, resumable, safe to run twice at once.

    ``progress(moved, left)`` is called after each batch.
    """
    _require_platform(actor)
    ring, moved = keyring(), 0
    old = [row.version for row in key_versions() if row.version != ring.current]
    for rows in _wrapped_rows():
        while done := _rewrap_batch(rows.filter(kek_version__in=old), ring, batch):
            moved += done
            if progress is not None:
                progress(moved, _left(old))
    left = _left(old)
    if moved:
        details = {"version": ring.current, "moved": moved, "left": left}
        audit.record("vault.rewrapped", actor=actor, workspace_id=None, details=details)
    return Rewrapped(ring.current, moved, left)


def retire_key(*, version: int, actor: Actor) -> None:
    """Remove an old version from the key file; refused while it wraps anything."""
    _require_platform(actor)
    used = next((row.data_keys for row in key_versions() if row.version == version), 0)
    if used:
        raise Conflict(
            what=said(
                "Version {version} still wraps {used} data keys; run `ipaas vault rewrap` first.",
                version=version,
                used=used,
            )
        )
    drop_key_version(version)
    audit.record("vault.key_retired", actor=actor, workspace_id=None, details={"version": version})


def key_versions() -> list[KeyVersion]:
    """Every version that is held or wraps something."""
    ring, counts = keyring(), dict.fromkeys(keyring().keys, 0)
    for rows in _wrapped_rows():
        for row in rows.order_by().values("kek_version").annotate(n=Count("id")):
            counts[row["kek_version"]] = counts.get(row["kek_version"], 0) + row["n"]
    return [
        KeyVersion(version, count, version in ring.keys, version == ring.current)
        for version, count in sorted(counts.items())
    ]


def check_keys() -> None:
    """Open one data key per version in use; raises the ``KeyProblem`` that says which file lacks what."""
    for rows in _wrapped_rows():
        for version in rows.order_by("kek_version").values_list("kek_version", flat=True).distinct():
            row = rows.filter(kek_version=version).order_by("id").first()
            if row is not None:
                keyring(needs=version).unwrap(_wrapped(row), row.aad(), version)


@transaction.atomic
def _rewrap_batch(rows: "QuerySet[Any]", ring: Keyring, batch: int) -> int:
    found = rows.order_by("id").select_for_update(skip_locked=True, of=("self",))[:batch]
    for row in found:
        key = ring.unwrap(_wrapped(row), row.aad(), row.kek_version)
        setattr(row, _column(row), ring.wrap(key, row.aad()))
        row.kek_version = ring.current
        row.save(update_fields=[_column(row), "kek_version"])
    return len(found)


def _wrapped_rows() -> "tuple[QuerySet[Any], ...]":
    """Everything that holds a key wrapped by the KEK: wiped versions hold none, and other stores keep their own."""
    versions = SecretVersion.objects.select_related("secret").filter(store=StoreKind.BUILTIN)
    return versions.exclude(wrapped_key=b""), DataKey.objects.all()


def _left(versions: list[int]) -> int:
    return sum(rows.filter(kek_version__in=versions).count() for rows in _wrapped_rows())


def _column(row: Model) -> str:
    return "wrapped_key" if isinstance(row, SecretVersion) else "wrapped"


def _wrapped(row: Model) -> bytes:
    return bytes(getattr(row, _column(row)))


def _require_platform(actor: Actor) -> None:
    """Keys belong to the installation, not to a workspace: only its own command line may touch them."""
    if not actor.is_system:
        raise PermissionDenied(permission="platform.keys")
