"""API keys: 256 random bits shown once; the database knows a prefix and a SHA-256 only."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ipaas import audit
from ipaas.accounts.actors import flow_permissions, identity_of
from ipaas.accounts.errors import InvalidApiKey
from ipaas.accounts.models import ApiKey, Membership, ServiceAccount, User, Workspace
from ipaas.accounts.roles import permissions_of
from ipaas.core.actor import Actor, known_permissions, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said

KEY = re.compile(r"ipk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})\Z", re.ASCII)
BINDABLE = ("flows.", "runs.", "deadletters.", "approvals.")
"""Permissions that a key bound to flows can have: those of what belongs to a flow."""
USE_RESOLUTION = timedelta(minutes=1)
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made; ``raw`` is shown once and can not be had again."""

    key: ApiKey
    raw: str

    def __repr__(self) -> str:
        return f"NewApiKey({self.key.prefix})"


@transaction.atomic
def create_api_key(
    *,
    workspace: Workspace,
    name: str,
    scopes: list[str],
    actor: Actor,
    expires_at: datetime | None = None,
    flows: list[UUID] | None = None,
    service_account: ServiceAccount | None = None,
) -> NewApiKey:
    """Make a key that permits ``scopes``, none of which may exceed what the maker (or the service account) has.

    ``flows`` binds the key to these flows; it then permits nothing but deeds on them. The key belongs to the service
    account when one is given, else to the maker, and permits at every use no more than its owner then has.
    """
    require_permission(actor, "apikeys.manage", workspace)
    if service_account is not None:
        require_permission(actor, "apikeys.manage", service_account)
    granted = permissions_of(service_account.roles) if service_account else _of_actor(actor)
    _check(name, scopes, granted & _of_actor(actor), expires_at, bound=flows is not None)
    made = _make(
        workspace_id=workspace.id,
        name=name,
        scopes=sorted(set(scopes)),
        flows=flows,
        owner_id=_owner_of(actor) if service_account is None else None,
        service_account=service_account,
        created_by=actor.label,
        expires_at=expires_at,
    )
    _record("apikey.created", made.key, actor, {"scopes": made.key.scopes, "expires_at": expires_at})
    return made


@transaction.atomic
def rotate_api_key(*, key: ApiKey, actor: Actor, overlap: timedelta = timedelta(days=1)) -> NewApiKey:
    """Make the successor of a key; the old one lives on for ``overlap`` so that callers can change over.

    Rights, owner and flows stay the same; an expiry moves on by the old key's whole life span. A personal key acts in
    its owner's name, so that nobody else gets its successor: others revoke it.
    """
    require_permission(actor, "apikeys.manage", key)
    if not may_rotate(key, actor):
        raise Conflict(
            what=said(
                "The key {name!r} acts in the name of {owner}: they rotate it, others revoke it.",
                name=key.name,
                owner=key.owner,
            )
        )
    old = ApiKey.objects.select_for_update().get(id=key.id)
    moment = now()
    if old.revoked_at or old.replaced_by_id or (old.expires_at and old.expires_at <= moment):
        raise Conflict(what=said("The key {name!r} is no longer live; make a new one.", name=old.name))
    missing = frozenset(old.scopes) - _of_actor(actor)
    if missing:
        require_permission(actor, min(missing), key)
    made = _make(
        workspace_id=old.workspace_id,
        name=old.name,
        scopes=old.scopes,
        flows=old.flows,
        owner_id=old.owner_id,
        service_account=old.service_account,
        created_by=actor.label,
        expires_at=moment + (old.expires_at - old.created_at) if old.expires_at else None,
    )
    old.replaced_by = made.key
    old.expires_at = min(filter(None, (old.expires_at, moment + overlap)))
    old.save(update_fields=["replaced_by", "expires_at"])
    _record("apikey.rotated", old, actor, {"new_prefix": made.key.prefix, "old_ends_at": old.expires_at})
    return made


def may_rotate(key: ApiKey, actor: Actor) -> bool:
    """Whether a key's successor may be shown to an actor: a personal key's to its owner alone."""
    return key.owner_id is None or actor.is_system or identity_of(actor.kind, actor.id) == f"user:{key.owner_id}"


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: Actor) -> ApiKey:
    """End a key at once; revoking twice changes nothing."""
    require_permission(actor, "apikeys.manage", key)
    locked = ApiKey.objects.select_for_update().get(id=key.id)
    if locked.revoked_at is None:
        locked.revoked_at = now()
        locked.save(update_fields=["revoked_at"])
        _record("apikey.revoked", locked, actor, {})
    return locked


def authenticate_api_key(raw: str, ip: str | None = None) -> Actor:
    """The actor of a key, with what its owner may do now and the key's scopes allow.

    Anything but a live key raises the same ``InvalidApiKey``. The digest is compared in constant time, also for an
    unknown prefix.
    """
    key = key_of(raw)
    if key is None or not is_live(key, now()):
        raise InvalidApiKey
    permissions, on_flows = _of_key(key)
    _note_use(key)
    return Actor(
        kind="api_key" if key.service_account_id is None else "service",
        id=str(key.id),
        label=f"{key.service_account or key.owner or 'platform'} (key {key.name})",
        workspace_id=key.workspace_id,
        permissions=permissions,
        ip=ip,
        flows=frozenset(key.flows) if key.flows is not None else None,
        on_flows=on_flows,
        rate_per_minute=key.service_account.rate_per_minute if key.service_account else None,
    )


def key_of(raw: str) -> ApiKey | None:
    """The row of a key, live or not; None unless ``raw`` is the whole key."""
    parts = KEY.match(raw)
    prefix, secret = parts.groups() if parts else ("", "")
    key = ApiKey.objects.select_related("owner", "service_account").filter(prefix=prefix).first()
    expected = bytes(key.digest) if key else _NO_DIGEST
    matches = hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), expected)
    return key if matches else None


def _make(*, workspace_id: UUID, **fields: object) -> NewApiKey:
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).digest()
    key = ApiKey.objects.create(workspace_id=workspace_id, prefix=prefix, digest=digest, **fields)
    return NewApiKey(key, f"ipk_{prefix}_{secret}")


def _check(name: str, scopes: list[str], allowed: frozenset[str], expires_at: datetime | None, *, bound: bool) -> None:
    errors = []
    if not name.strip() or len(name) > 120:
        errors.append(
            {"path": "name", "code": "name.invalid", "message": said("a key needs a name of up to 120 characters")}
        )
    if not scopes:
        errors.append(
            {"path": "scopes", "code": "scopes.missing", "message": said("a key needs at least one permission")}
        )
    if expires_at is not None and expires_at <= now():
        errors.append({"path": "expires_at", "code": "expiry.past", "message": said("the expiry is in the past")})
    for scope in scopes:
        if scope not in known_permissions():
            errors.append(
                {
                    "path": "scopes",
                    "code": "scope.unknown",
                    "message": said("there is no permission {scope!r}", scope=scope),
                }
            )
        elif bound and not scope.startswith(BINDABLE):
            message = said("{scope} reaches beyond flows; a key bound to flows can not have it", scope=scope)
            errors.append({"path": "scopes", "code": "scope.unbindable", "message": message})
        elif scope not in allowed:
            message = said("{scope} is more than the maker or the service account may do", scope=scope)
            errors.append({"path": "scopes", "code": "scope.exceeds", "message": message})
    if errors:
        raise InvalidInput(errors)


def _of_actor(actor: Actor) -> frozenset[str]:
    return frozenset(known_permissions()) if actor.is_system else actor.permissions


def _owner_of(actor: Actor) -> UUID | None:
    """The person behind an actor; a key made by a key belongs to that key's owner."""
    if actor.kind == "user":
        return UUID(actor.id)
    if actor.kind == "api_key":
        return ApiKey.objects.values_list("owner_id", flat=True).get(id=actor.id)
    if actor.is_system:
        return None
    raise InvalidInput(
        [{"path": "service_account", "code": "owner.missing", "message": said("name the service account")}]
    )


def is_live(key: ApiKey, moment: datetime) -> bool:
    """Whether a key counts: not revoked, not ended, its service account not switched off."""
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= moment):
        return False
    return not (key.service_account and key.service_account.disabled)


OnFlows = dict[UUID, frozenset[str]]


def _of_key(key: ApiKey) -> tuple[frozenset[str], OnFlows]:
    """The scopes cut down to what the owner may do now, and on which flows; an owner who left makes the key invalid."""
    scopes = frozenset(key.scopes)
    if key.flows is not None:
        scopes = frozenset(scope for scope in scopes if scope.startswith(BINDABLE))
    if key.service_account is not None:
        return scopes & permissions_of(key.service_account.roles), {}
    if key.owner is None:
        return scopes, {}
    everywhere, on_flows = _of_member(key.owner, key.workspace_id)
    return scopes & everywhere, {flow: scopes & granted for flow, granted in on_flows.items()}


def _of_member(owner: User, workspace_id: UUID) -> tuple[frozenset[str], OnFlows]:
    rows = Membership.objects.with_flow_roles().filter(user=owner, workspace_id=workspace_id)
    membership = rows.first() if owner.is_active else None
    if membership is None:
        raise InvalidApiKey
    return permissions_of(membership.roles), flow_permissions(membership.on_flows)  # type: ignore[attr-defined]  # annotated


def _note_use(key: ApiKey) -> None:
    """Store the time of use at most once a minute, whichever process asks."""
    moment = now()
    stale = moment - USE_RESOLUTION
    if key.last_used_at is None or key.last_used_at <= stale:
        unseen = Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale)
        ApiKey.objects.filter(unseen, id=key.id).update(last_used_at=moment)


def _record(action: str, key: ApiKey, actor: Actor, details: dict[str, object]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=key.workspace_id,
        subject=("apikey", key.id, key.name),
        details={"prefix": key.prefix, **details},
    )
