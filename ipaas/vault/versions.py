"""Keeping and opening the values of versions in the store they belong to; for this package alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from ipaas import audit
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.logging import protect_opened
from ipaas.vault.leftovers import leave_over
from ipaas.vault.models import Secret, SecretVersion, StoreKind
from ipaas.vault.stores import Held, store_for

NAMES_OF_ACCOUNTS = frozenset({"username", "user", "login"})
"""Fields that say who, not what proves it: they stay readable in the log."""


class Opened(NamedTuple):
    """A value with the version that it is of: a newer one than asked for where somebody changed it outside."""

    version: SecretVersion
    fields: dict[str, str]


def seal_version(version: SecretVersion, fields: Mapping[str, str]) -> None:
    """Keep the value where the version belongs, and fill in its columns; it has its secret and number."""
    store_for(version.secret.workspace_id, version.store).put(version, fields)


def open_version(version: SecretVersion) -> Opened:
    """The fields in clear, masked in the log from now on.

    Raises ``SealBroken``, a ``KeyProblem``, ``SecretUnusable`` or ``BackendUnavailable``.
    """
    held = store_for(version.secret.workspace_id, version.store).open(version)
    protect_opened(*(value for name, value in held.fields.items() if name not in NAMES_OF_ACCOUNTS))
    if held.ref != version.store_ref and version.state == SecretVersion.State.LIVE:
        version = found_outside(version.secret, held)
    return Opened(version, held.fields)


@transaction.atomic
def found_outside(secret: Secret, held: Held) -> SecretVersion:
    """The version of a value that somebody wrote into the backend by other means; any number of readers may race.

    The value before stays where it is: whoever changed it decides about it. Signing secrets overlap as usual.
    """
    locked = Secret.objects.select_for_update(no_key=True).get(id=secret.id)
    live = locked.versions.filter(state=SecretVersion.State.LIVE).first()
    if live is not None:
        live.secret = locked
        if live.store_ref == held.ref:
            return live
        overlaps = locked.kind == Secret.Kind.SIGNING and locked.store == StoreKind.OPENBAO
        live.state = SecretVersion.State.RETIRED
        live.accept_until = now() + timedelta(seconds=locked.rotation_overlap_s) if overlaps else None
        live.store_ref = live.store_ref if overlaps else ""
        live.save(update_fields=["state", "accept_until", "store_ref"])
    locked.current_version += 1
    version = SecretVersion(
        secret=locked, number=locked.current_version, store=locked.store, store_ref=held.ref,
        field_names=sorted(held.fields), sealed_fields=[], wrapped_key=b"", kek_version=0, created_by=locked.store,
    )  # fmt: skip
    version.save()
    locked.rotation_due_at = next_rotation(locked)
    locked.save(update_fields=["current_version", "rotation_due_at", "updated_at"])
    audit.record(
        "secret.version_found",
        actor=SYSTEM,
        workspace_id=locked.workspace_id,
        subject=("secret", locked.id, locked.slug),
        details={"version": version.number, "store": locked.store, "fields": version.field_names},
    )
    return version


def next_rotation(secret: Secret) -> datetime | None:
    """When a secret whose value is new now is to be rotated."""
    return now() + timedelta(days=secret.rotate_every_days) if secret.rotate_every_days else None


def wipe_version(version: SecretVersion) -> None:
    """Forget the value for good: neither key nor ciphertext stays, and a backend destroys what it has."""
    if version.store_ref:
        leave_over(version.secret, version.store, [version.store_ref])
    version.wrapped_key, version.store_ref, version.handover = b"", "", False
    version.sealed_fields = []
    version.save(update_fields=["state", "accept_until", "wrapped_key", "sealed_fields", "store_ref", "handover"])
