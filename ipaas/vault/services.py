"""Deeds on secrets. Values go in and never come out here: nothing in this module returns one."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.vault.certificates import ending
from ipaas.vault.errors import SecretInUse, SecretMovedOn, StoreReadOnly
from ipaas.vault.models import Backend, Secret, SecretVersion, StoreKind
from ipaas.vault.names import FIELD, SLUG
from ipaas.vault.opening import forget_opened
from ipaas.vault.rotators import rotator_name
from ipaas.vault.stores import WRITABLE, chosen_kind, store_for
from ipaas.vault.uses import SecretUse
from ipaas.vault.versions import next_rotation, seal_version, wipe_version

LARGEST_VALUE = 32 * 1024
MOST_FIELDS = 20
AT_ONCE = 100

UsageFinder = Callable[[UUID, str], list[SecretUse]]
_usage_finders: list[UsageFinder] = []


def on_usage_asked(finder: UsageFinder) -> None:
    """Have ``finder(workspace_id, slug)`` asked for what uses a secret, before it is deleted."""
    _usage_finders.append(finder)


def uses_of(secret: Secret) -> list[SecretUse]:
    """What uses a secret."""
    return sorted({use for finder in _usage_finders for use in finder(secret.workspace_id, secret.slug)})


def used_by(secret: Secret) -> list[str]:
    """Labels of what uses a secret."""
    return [use.label for use in uses_of(secret)]


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
    made_here: bool = False,
) -> Secret:
    """Make a secret with its first version; ``expires_at`` is what the provider says, a reminder only.

    A certificate among the fields says itself when it ends; the earlier of both counts.

    It is kept where the workspace keeps its secrets. Where that can only be read, a value that the platform itself
    has made up (``made_here``) and the login of a backend are kept in the built-in store, and others are refused.
    """
    require_permission(actor, "secrets.write", workspace)
    _check(fields, slug=slug, kind=kind)
    _check_free(workspace, slug)
    store = StoreKind.BUILTIN if kind == Secret.Kind.LOGIN else chosen_kind(workspace.id)
    if store not in WRITABLE:
        if not made_here:
            raise StoreReadOnly(kind=store, slug=slug)
        store = StoreKind.BUILTIN
    ends = ending(fields.values(), expires_at)
    secret = Secret.objects.create(
        workspace=workspace, slug=slug, kind=kind, description=description, expires_at=ends, store=store
    )
    _add_version(secret, fields, actor)
    details = {"version": 1, "kind": kind, "fields": sorted(fields), "store": store}
    record("secret.created", secret, actor, details)
    return secret


@transaction.atomic
def register_secret(
    *,
    workspace: Workspace,
    slug: str,
    actor: Actor,
    kind: str = Secret.Kind.CREDENTIAL,
    description: str = "",
    expires_at: datetime | None = None,
) -> Secret:
    """Make a secret of a value that the workspace's backend holds already, without anybody entering it."""
    require_permission(actor, "secrets.write", workspace)
    _check({"value": "held by the backend"}, slug=slug, kind=kind)
    _check_free(workspace, slug)
    store = chosen_kind(workspace.id)
    if store in (StoreKind.BUILTIN, StoreKind.TRANSIT):
        raise Conflict(what=said("The built-in store holds only what is entered: give the values of the fields."))
    secret = Secret.objects.create(
        workspace=workspace, slug=slug, kind=kind, description=description, expires_at=expires_at, store=store
    )
    version = SecretVersion(secret=secret, number=1, store=store, created_by=actor.label)
    held = store_for(workspace.id, store).open(version)
    version.field_names, version.sealed_fields, version.store_ref = sorted(held.fields), [], held.ref
    version.wrapped_key, version.kek_version = b"", 0
    version.save()
    secret.current_version, secret.rotator = 1, rotator_name(secret, held.fields)
    secret.save(update_fields=["current_version", "rotator"])
    record("secret.registered", secret, actor, {"store": store, "kind": kind, "fields": version.field_names})
    return secret


@transaction.atomic
def put_version(
    *,
    secret: Secret,
    fields: Mapping[str, str],
    actor: Actor,
    overlap: timedelta = timedelta(0),
    expires_at: datetime | None = None,
    handover: bool = False,
    after: int | None = None,
) -> SecretVersion:
    """Enter a new version, which is live at once.

    The one before is accepted for ``overlap`` longer (inbound signatures), then wiped; older ones are wiped now.
    ``expires_at`` is as for ``create_secret``. ``handover``: the platform made the value up, so that it may be
    collected once. ``after`` is the version that it is to follow: raises ``SecretMovedOn`` where another came between,
    so that of two people at once one does not end what the other has just handed out.
    """
    require_permission(actor, "secrets.rotate", secret)
    _check(fields, slug=secret.slug, kind=secret.kind)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    require_login_right(locked, actor)
    require_version(locked, after)
    if locked.store not in WRITABLE:
        raise StoreReadOnly(kind=locked.store, slug=locked.slug)
    _retire(locked, now() + overlap if overlap > timedelta(0) else None)
    version = _add_version(locked, fields, actor, handover=handover)
    locked.expires_at, locked.rotation_due_at = ending(fields.values(), expires_at), next_rotation(locked)
    locked.save(update_fields=["expires_at", "rotation_due_at", "updated_at"])
    details = {"version": version.number, "overlap_s": int(overlap.total_seconds()), "fields": sorted(fields)}
    record("secret.version_added", locked, actor, details)
    return version


@transaction.atomic
def revoke_version(*, secret: Secret, number: int, actor: Actor, reason: str) -> SecretVersion:
    """Wipe a version for good: no call uses it any more, and nobody can bring it back."""
    require_permission(actor, "secrets.write", secret)
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    locked = locked_row(Secret.objects.all(), secret, "secret")
    require_login_right(locked, actor)
    version = locked.versions.select_related("secret").select_for_update(of=("self",)).filter(number=number).first()
    if version is None or version.state == SecretVersion.State.REVOKED:
        raise Conflict(
            what=said(
                "The secret {slug!r} has no version {number} that could be revoked.", slug=locked.slug, number=number
            )
        )
    version.state, version.accept_until = SecretVersion.State.REVOKED, None
    wipe_version(version)
    record("secret.version_revoked", locked, actor, {"version": number, "reason": reason})
    return version


@transaction.atomic
def change_secret(*, secret: Secret, description: str, expires_at: datetime | None, actor: Actor) -> Secret:
    """Change what is known about a secret; its value stays."""
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    locked.description, locked.expires_at = description, expires_at
    locked.save(update_fields=["description", "expires_at", "updated_at"])
    record("secret.changed", locked, actor, {"expires_at": expires_at})
    return locked


@transaction.atomic
def delete_secret(*, secret: Secret, actor: Actor) -> None:
    """Delete a secret with all versions; refused while anything uses it."""
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    require_login_right(locked, actor)
    users = [*used_by(locked), *(f"backend {one}" for one in Backend.objects.filter(login=locked))]
    if users:
        raise SecretInUse(slug=locked.slug, users=", ".join(users))
    for version in locked.versions.select_related("secret").held():
        wipe_version(version)
    record("secret.deleted", locked, actor, {"version": locked.current_version})
    locked.delete()


@transaction.atomic
def wipe_ended() -> int:
    """Wipe retired versions whose overlap is over; returns how many. Several may run at once."""
    rows = SecretVersion.objects.held().filter(state=SecretVersion.State.RETIRED)
    ended = rows.filter(Q(accept_until__lte=now()) | Q(accept_until__isnull=True))
    found = list(ended.select_related("secret").select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
    for version in found:
        wipe_version(version)
    return len(found)


def require_login_right(secret: Secret, actor: Actor) -> None:
    """The login of a backend opens all secrets: only who may change the settings deals with it."""
    if secret.kind == Secret.Kind.LOGIN:
        require_permission(actor, "settings.edit", secret)


def require_version(secret: Secret, after: int | None) -> None:
    """Raise ``SecretMovedOn`` where the newest version of a locked secret is not ``after``; None: any will do."""
    if after is None or secret.current_version == after:
        return
    newest = secret.versions.order_by("-number").first()
    who = newest.created_by if newest is not None else ""
    raise SecretMovedOn(slug=secret.slug, number=secret.current_version, who=who)


def _check_free(workspace: Workspace, slug: str) -> None:
    if Secret.objects.in_workspace(workspace.id).filter(slug=slug).exists():
        raise Conflict(what=said("There is a secret {slug!r} already.", slug=slug))


def _add_version(secret: Secret, fields: Mapping[str, str], actor: Actor, *, handover: bool = False) -> SecretVersion:
    secret.current_version += 1
    version = SecretVersion(
        secret=secret, number=secret.current_version, created_by=actor.label, store=secret.store, handover=handover
    )
    seal_version(version, fields)
    version.save()
    secret.rotator = rotator_name(secret, fields)
    secret.save(update_fields=["current_version", "rotator", "updated_at"])
    return version


def _retire(secret: Secret, accept_until: datetime | None) -> None:
    """Retire the live version and wipe every one that is no longer accepted."""
    rows = secret.versions.select_related("secret").select_for_update(of=("self",))
    for version in rows.exclude(state=SecretVersion.State.REVOKED):
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
        wanted = said("up to 80 lower-case letters, digits and single hyphens, such as payments-key")
        errors.append({"path": "slug", "code": "slug.invalid", "message": wanted})
    if kind not in Secret.Kind.values:
        errors.append(
            {
                "path": "kind",
                "code": "kind.unknown",
                "message": said("one of {choices}", choices=", ".join(Secret.Kind.values)),
            }
        )
    if not 0 < len(fields) <= MOST_FIELDS:
        errors.append(
            {
                "path": "fields",
                "code": "fields.count",
                "message": said("1 to {most} fields", most=MOST_FIELDS),
            }
        )
    for name, value in fields.items():
        if not FIELD.match(name):
            message = said("a field's name has lower-case letters, digits and underscores")
            errors.append({"path": f"fields.{name[:60]}", "code": "field.name", "message": message})
        elif not isinstance(value, str) or not value or "\x00" in value or len(value) > LARGEST_VALUE:
            message = said("text of 1 to {most} characters without NUL", most=LARGEST_VALUE)
            errors.append({"path": f"fields.{name}", "code": "field.value", "message": message})
    if errors:
        raise InvalidInput(errors)


def record(action: str, secret: Secret, actor: Actor, details: Mapping[str, object]) -> None:
    """The entry of a deed; the old value leaves this process's memory when the deed is committed."""
    transaction.on_commit(lambda: forget_opened(secret.workspace_id, secret.slug))
    subject = ("secret", secret.id, secret.slug)
    audit.record(action, actor=actor, workspace_id=secret.workspace_id, subject=subject, details=details)
