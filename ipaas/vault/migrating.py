"""Moving secrets from one store to another: planned first, checked, and taken up again where it stopped.

Each secret is one transaction: its versions are written to the new store, read back from there and compared, and only
then does the row point to them. Whoever calls meanwhile finds the value in the one store or in the other.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput, IpaasError
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.vault.backends import try_store
from ipaas.vault.errors import BackendUnavailable
from ipaas.vault.leftovers import leave_over
from ipaas.vault.models import Secret, SecretVersion, StoreKind
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.services import record
from ipaas.vault.stores import WRITABLE, store_for
from ipaas.vault.versions import open_version


@dataclass(frozen=True, slots=True)
class Move:
    """One secret that is elsewhere; ``problem`` says why it can not be moved at present."""

    slug: str
    store: str
    versions: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far it is: ``left`` includes those with a problem."""

    moved: tuple[str, ...]
    problems: tuple[Move, ...]
    left: int


class CopyDiffers(Conflict):
    """The store {store} gives back another value of {slug} than it was given."""

    code = "vault.copy_differs"
    remedy = "Nothing was moved. See to the store; run the migration again."

    def __init__(self, *, store: str, slug: str) -> None:
        super().__init__(what="", store=store, slug=slug)


def plan_migration(*, workspace: Workspace, to: str, actor: Actor) -> list[Move]:
    """What a migration would move; the store is tried, no value is read. Raises ``BackendUnusable``."""
    require_permission(actor, "settings.edit", workspace)
    _check_kind(to)
    try_store(workspace, to)
    return [_move(secret, to) for secret in _elsewhere(workspace, to)]


def migrate_secrets(*, workspace: Workspace, to: str, actor: Actor, most: int = 20) -> Moved:
    """Move up to ``most`` secrets; call it again while there are some left without a problem.

    Raises ``BackendUnavailable`` when a store is away: what was moved stays moved.
    """
    require_permission(actor, "settings.edit", workspace)
    _check_kind(to)
    try_store(workspace, to)
    moved: list[str] = []
    problems: list[Move] = []
    for secret in _elsewhere(workspace, to):
        if len(moved) >= most:
            break
        move = _move(secret, to)
        if not move.problem:
            try:
                _migrate(secret=secret, to=to, actor=actor)
            except BackendUnavailable:
                raise
            except IpaasError as error:
                move = Move(move.slug, move.store, move.versions, f"{error.detail} {error.advice}".strip())
        if move.problem:
            problems.append(move)
        else:
            moved.append(secret.slug)
    return Moved(tuple(moved), tuple(problems), sum(1 for _ in _elsewhere(workspace, to)))


@transaction.atomic
def _migrate(*, secret: Secret, to: str, actor: Actor) -> None:
    locked = locked_row(Secret.objects.select_related("workspace"), secret, "secret")
    target, came_from, count = store_for(locked.workspace_id, to), locked.store, 0
    given_up: dict[str, list[str]] = {}
    for version in _held(locked, to):
        opened = open_version(version)
        if opened.version.id != version.id:
            raise Conflict(what=said("Somebody changed {slug!r} in its store just now.", slug=locked.slug))
        read = SecretRead(locked.workspace_id, locked.id, locked.slug, version.number)
        note_read(read, purpose="migration", flow_label="")
        old = (version.store, version.store_ref)
        target.put(version, opened.fields)
        back = target.open(version).fields
        if not hmac.compare_digest(_bytes(back), _bytes(opened.fields)):
            raise CopyDiffers(store=to, slug=locked.slug)
        version.save()
        if old[1]:
            given_up.setdefault(old[0], []).append(old[1])
        count += 1
    for store, refs in given_up.items():
        leave_over(locked, store, refs)
    locked.store = to
    locked.save(update_fields=["store", "updated_at"])
    record("secret.migrated", locked, actor, {"from": came_from, "to": to, "versions": count})


def _elsewhere(workspace: Workspace, to: str) -> Iterator[Secret]:
    rows = Secret.objects.in_workspace(workspace.id).usable().exclude(store=to)
    yield from rows.order_by("slug")


def _held(secret: Secret, to: str) -> list[SecretVersion]:
    """The versions that are to be moved, the oldest first."""
    rows = secret.versions.select_related("secret").select_for_update(of=("self",)).held()
    return list(rows.exclude(store=to).order_by("number"))


def _move(secret: Secret, to: str) -> Move:
    versions = list(secret.versions.held().exclude(store=to).values_list("state", flat=True))
    overlapping = [state for state in versions if state != SecretVersion.State.LIVE]
    problem = ""
    if to not in WRITABLE and overlapping:
        problem = "two versions are accepted at present; a store that can only be read takes it when one is left"
    return Move(secret.slug, secret.store, len(versions), problem)


def _bytes(fields: dict[str, str]) -> bytes:
    return jsonio.dumps(dict(sorted(fields.items())))


def _check_kind(to: str) -> None:
    if to not in StoreKind.values:
        message = said("is one of {choices}", choices=", ".join(StoreKind.values))
        raise InvalidInput([{"path": "to", "code": "store.unknown", "message": message}])
