"""Deeds on secrets. Values go in and never come out here: nothing in this module returns one."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.querysets import locked_row
from ipaas.vault.errors import SecretInUse
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.opening import forget_opened
from ipaas.vault.versions import seal_version, wipe_version

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
LARGEST_VALUE = 32 * 1024
MOST_FIELDS = 20

UsageFinder = Callable[[UUID, str], list[str]]
_usage_finders: list[UsageFinder] = []


def on_usage_asked(finder: UsageFinder) -> None:
    """Have ``finder(workspace_id, slug)`` asked for labels of what uses a secret, before it is deleted."""
    _usage_finders.append(finder)


def used_by(secret: Secret) -> list[str]:
    """Labels of what uses a secret."""
    return sorted({label for finder in _usage_finders for label in finder(secret.workspace_id, secret.slug)})


@transaction.atomic
def create_secret(
    *,
    workspace: Workspace,
    slug: str,
    fields: Mapping[str, str],
    actor: Actor,
    kind: str = Secret.Kind.CREDENTIAL,
    description: str = "",
    expires_at: datetime | None = None,
) -> Secret:
    """Make a secret with its first version; ``expires_at`` is what the provider says, a reminder only."""
    require_permission(actor, "secrets.write", workspace)
    _check(fields, slug=slug, kind=kind)
    if Secret.objects.in_workspace(workspace.id).filter(slug=slug).exists():
        raise Conflict(what=f"There is a secret {slug!r} already.")
    secret = Secret.objects.create(
        workspace=workspace, slug=slug, kind=kind, description=description, expires_at=expires_at
    )
    _add_version(secret, fields, actor)
    _record("secret.created", secret, actor, {"version": 1, "kind": kind, "fields": sorted(fields)})
    return secret


@transaction.atomic
def put_version(
    *,
    secret: Secret,
    fields: Mapping[str, str],
    actor: Actor,
    overlap: timedelta = timedelta(0),
    expires_at: datetime | None = None,
) -> SecretVersion:
    """Enter a new version, which is live at once.

    The one before is accepted for ``overlap`` longer (inbound signatures), then wiped; older ones are wiped now.
    """
    require_permission(actor, "secrets.rotate", secret)
    _check(fields, slug=secret.slug, kind=secret.kind)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    _retire(locked, now() + overlap if overlap > timedelta(0) else None)
    version = _add_version(locked, fields, actor)
    locked.expires_at = expires_at
    locked.save(update_fields=["expires_at", "updated_at"])
    details = {"version": version.number, "overlap_s": int(overlap.total_seconds()), "fields": sorted(fields)}
    _record("secret.version_added", locked, actor, details)
    return version


@transaction.atomic
def revoke_version(*, secret: Secret, number: int, actor: Actor, reason: str) -> SecretVersion:
    """Wipe a version for good: no call uses it any more, and nobody can bring it back."""
    require_permission(actor, "secrets.write", secret)
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": "say why"}])
    locked = locked_row(Secret.objects.all(), secret, "secret")
    version = locked.versions.select_for_update().filter(number=number).first()
    if version is None or version.state == SecretVersion.State.REVOKED:
        raise Conflict(what=f"The secret {locked.slug!r} has no version {number} that could be revoked.")
    version.state, version.accept_until = SecretVersion.State.REVOKED, None
    wipe_version(version)
    _record("secret.version_revoked", locked, actor, {"version": number, "reason": reason})
    return version


@transaction.atomic
def change_secret(*, secret: Secret, description: str, expires_at: datetime | None, actor: Actor) -> Secret:
    """Change what is known about a secret; its value stays."""
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    locked.description, locked.expires_at = description, expires_at
    locked.save(update_fields=["description", "expires_at", "updated_at"])
    _record("secret.changed", locked, actor, {"expires_at": expires_at})
    return locked


@transaction.atomic
def delete_secret(*, secret: Secret, actor: Actor) -> None:
    """Delete a secret with all versions; refused while anything uses it."""
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    if users := used_by(locked):
        raise SecretInUse(slug=locked.slug, users=", ".join(users))
    _record("secret.deleted", locked, actor, {"version": locked.current_version})
    locked.delete()


def _add_version(secret: Secret, fields: Mapping[str, str], actor: Actor) -> SecretVersion:
    secret.current_version += 1
    version = SecretVersion(secret=secret, number=secret.current_version, created_by=actor.label)
    seal_version(version, fields)
    version.save()
    secret.save(update_fields=["current_version", "updated_at"])
    return version


def _retire(secret: Secret, accept_until: datetime | None) -> None:
    """Retire the live version and wipe every one that is no longer accepted."""
    for version in secret.versions.select_for_update().exclude(state=SecretVersion.State.REVOKED):
        was_live = version.state == SecretVersion.State.LIVE
        version.state = SecretVersion.State.RETIRED
        version.accept_until = accept_until if was_live else None
        if version.accept_until is None:
            wipe_version(version)
        else:
            version.save(update_fields=["state", "accept_until"])


def _check(fields: Mapping[str, str], *, slug: str, kind: str) -> None:
    errors = []
    if len(slug) > 80 or not SLUG.match(slug):
        wanted = "up to 80 lower-case letters, digits and single hyphens, such as payments-key"
        errors.append({"path": "slug", "code": "slug.invalid", "message": wanted})
    if kind not in Secret.Kind.values:
        errors.append({"path": "kind", "code": "kind.unknown", "message": f"one of {', '.join(Secret.Kind.values)}"})
    if not 0 < len(fields) <= MOST_FIELDS:
        errors.append({"path": "fields", "code": "fields.count", "message": f"1 to {MOST_FIELDS} fields"})
    for name, value in fields.items():
        if not FIELD.match(name):
            message = "a field's name has lower-case letters, digits and underscores"
            errors.append({"path": f"fields.{name[:60]}", "code": "field.name", "message": message})
        elif not isinstance(value, str) or not value or "\x00" in value or len(value) > LARGEST_VALUE:
            message = f"text of 1 to {LARGEST_VALUE} characters without NUL"
            errors.append({"path": f"fields.{name}", "code": "field.value", "message": message})
    if errors:
        raise InvalidInput(errors)


def _record(action: str, secret: Secret, actor: Actor, details: dict[str, object]) -> None:
    """The entry of a deed; the old value leaves this process's memory when the deed is committed."""
    transaction.on_commit(lambda: forget_opened(secret.workspace_id, secret.slug))
    subject = ("secret", secret.id, secret.slug)
    audit.record(action, actor=actor, workspace_id=secret.workspace_id, subject=subject, details=details)
