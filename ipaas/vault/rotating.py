"""Rotating secrets: how often, who does it, and doing it now. ``rotation`` is about the key-encryption key instead."""

from datetime import timedelta

from django.db import transaction

from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.vault.errors import NotRotatable, SecretUnusable
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.rotators import rotator_of
from ipaas.vault.services import put_version, record, require_login_right, require_version
from ipaas.vault.versions import open_version

MOST_DAYS = 3650
LONGEST_OVERLAP = timedelta(days=30)


@transaction.atomic
def set_rotation(*, secret: Secret, every_days: int | None, rotation: str, overlap: timedelta, actor: Actor) -> Secret:
    """Say how often a secret is to be rotated (None: no rule), by whom, and how long two values are good.

    Counted from the day on which the present value was entered; what is overdue by that is due at once.
    """
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    require_login_right(locked, actor)
    _check(locked, every_days, rotation, overlap)
    live = locked.versions.filter(state=SecretVersion.State.LIVE).first()
    since = live.created_at if live is not None else now()
    locked.rotate_every_days, locked.rotation = every_days, rotation
    locked.rotation_overlap_s = int(overlap.total_seconds())
    locked.rotation_due_at = since + timedelta(days=every_days) if every_days else None
    locked.save(update_fields=["rotate_every_days", "rotation", "rotation_overlap_s", "rotation_due_at", "updated_at"])
    details = {"every_days": every_days, "rotation": rotation, "overlap_s": locked.rotation_overlap_s}
    record("secret.rotation_set", locked, actor, details)
    return locked


@transaction.atomic
def rotate_secret(
    *, secret: Secret, actor: Actor, overlap: timedelta | None = None, after: int | None = None
) -> SecretVersion:
    """Have the platform make the next value now; ``overlap`` defaults to that of the secret's rule.

    ``after`` is as for ``put_version``: a second rotation at once would end the value that senders still use.
    Raises ``NotRotatable`` where only who issues the secret can make one, or ``SecretMovedOn``.
    """
    require_permission(actor, "secrets.rotate", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    require_version(locked, after)
    rotator = rotator_of(locked)
    if rotator is None:
        raise NotRotatable(slug=locked.slug)
    overlap = timedelta(seconds=locked.rotation_overlap_s) if overlap is None else overlap
    _check_overlap(overlap)
    live = locked.versions.select_related("secret").filter(state=SecretVersion.State.LIVE).first()
    if live is None:
        raise SecretUnusable(slug=locked.slug)
    opened = open_version(live)
    read = SecretRead(locked.workspace_id, locked.id, locked.slug, opened.version.number)
    note_read(read, purpose="rotation", flow_label="")
    value = rotator.next_value(locked, opened.fields, actor=actor, overlap=overlap)
    kept = overlap if locked.kind == Secret.Kind.SIGNING else timedelta(0)
    version = put_version(
        secret=locked, fields=value.fields, actor=actor, overlap=kept, expires_at=None, handover=value.handover
    )
    record("secret.rotated", locked, actor, {"version": version.number, "by": rotator.name})
    return version


def _check(secret: Secret, every_days: int | None, rotation: str, overlap: timedelta) -> None:
    errors = []
    if every_days is not None and not 1 <= every_days <= MOST_DAYS:
        errors.append(
            {
                "path": "every_days",
                "code": "days.range",
                "message": said("is 1 to {most} days", most=MOST_DAYS),
            }
        )
    if rotation not in Secret.Rotation.values:
        wanted = said("is one of {choices}", choices=", ".join(Secret.Rotation.values))
        errors.append({"path": "rotation", "code": "rotation.unknown", "message": wanted})
    elif rotation == Secret.Rotation.AUTOMATIC and rotator_of(secret) is None:
        message = said("the platform can not make this secret by itself; choose to be reminded")
        errors.append({"path": "rotation", "code": "rotation.impossible", "message": message})
    if errors:
        raise InvalidInput(errors)
    _check_overlap(overlap)


def _check_overlap(overlap: timedelta) -> None:
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        message = said("is 0 to {days} days", days=LONGEST_OVERLAP.days)
        raise InvalidInput([{"path": "overlap_s", "code": "overlap.range", "message": message}])
