"""Deeds on users, workspaces, environments and members: permission, guard, change, audit, in one transaction."""

import re
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.db.models import F, Q
from django.utils.http import urlsafe_base64_encode

from ipaas import audit
from ipaas.accounts.actors import ANONYMOUS, actor_for, actor_in
from ipaas.accounts.api_keys import authenticate_api_key, create_api_key, revoke_api_key, rotate_api_key
from ipaas.accounts.errors import LastAdmin
from ipaas.accounts.flow_roles import assign_flow_role, withdraw_flow_role
from ipaas.accounts.guards import check_password, checked_email, create_user, grantable, own_member, refuse
from ipaas.accounts.invitations import invite_member, renew_invitation, revoke_invitation
from ipaas.accounts.models import (
    PRODUCTION,
    Environment,
    Membership,
    ServiceAccount,
    User,
    Workspace,
    production_among,
)
from ipaas.accounts.second_factor import reset_second_factor
from ipaas.accounts.signin import workspaces_of
from ipaas.accounts.workspace_settings import check_settings
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, NotFound, PermissionDenied
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row

__all__ = [
    "ANONYMOUS",
    "actor_for",
    "actor_in",
    "add_member",
    "assign_flow_role",
    "authenticate_api_key",
    "change_environment",
    "change_roles",
    "change_service_account",
    "change_settings",
    "create_api_key",
    "create_environment",
    "create_service_account",
    "create_workspace",
    "deactivate_user",
    "invite_member",
    "issue_password_link",
    "reactivate_user",
    "remove_member",
    "renew_invitation",
    "reset_second_factor",
    "revoke_api_key",
    "revoke_invitation",
    "rotate_api_key",
    "set_password",
    "set_service_account_disabled",
    "withdraw_flow_role",
]

MOST_PER_MINUTE = 10_000_000
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


@transaction.atomic
def create_workspace(*, slug: str, name: str, actor: Actor) -> Workspace:
    """Make a tenant; only the platform itself may (command line, bootstrap)."""
    if not actor.is_system:
        raise PermissionDenied(permission="workspaces.create")
    _check_slug(slug, 60)
    if Workspace.objects.filter(slug=slug).exists():
        raise Conflict(what=said("There is a workspace {slug!r} already.", slug=slug))
    workspace = Workspace.objects.create(slug=slug, name=name)
    audit.record("workspace.created", actor=actor, workspace_id=workspace.id, subject=("workspace", workspace.id, slug))
    return workspace


@transaction.atomic
def change_settings(*, workspace: Workspace, settings: dict[str, Any], actor: Actor) -> Workspace:
    """Set the given settings (see ``SETTINGS``); a value of None removes one. Others stay as they are."""
    require_permission(actor, "settings.edit", workspace)
    check_settings(settings)
    locked = Workspace.objects.select_for_update().get(id=workspace.id)
    before = {key: locked.settings.get(key) for key in settings}
    merged = {**locked.settings, **settings}
    locked.settings = {key: value for key, value in merged.items() if value is not None}
    locked.save(update_fields=["settings"])
    audit.record(
        "settings.changed",
        actor=actor,
        workspace_id=locked.id,
        subject=("workspace", locked.id, locked.slug),
        details={"before": before, "after": settings},
    )
    return locked


@transaction.atomic
def create_environment(
    *,
    workspace: Workspace,
    slug: str,
    name: str,
    actor: Actor,
    position: int | None = None,
    variables: dict[str, Any] | None = None,
) -> Environment:
    """Add an environment; ``variables`` are the values flows read as ``vars``.

    Without a position it stands before production, which stays where flows arrive at last.
    """
    require_permission(actor, "settings.edit", workspace)
    _check_slug(slug, 40)
    if Environment.objects.filter(workspace=workspace, slug=slug).exists():
        raise Conflict(what=said("There is an environment {slug!r} already.", slug=slug))
    if position is None:
        position = _before_production(workspace, slug)
    environment = Environment.objects.create(
        workspace=workspace, slug=slug, name=name, position=position, variables=variables or {}
    )
    audit.record(
        "environment.created",
        actor=actor,
        workspace_id=workspace.id,
        subject=("environment", environment.id, slug),
        details={"variables": sorted(environment.variables)},
    )
    return environment


def _before_production(workspace: Workspace, slug: str) -> int:
    """The position of a new environment: that of production, which moves on by one; production itself comes last."""
    places = list(Environment.objects.select_for_update().filter(workspace=workspace))
    production = production_among(places)
    if production is None or slug == PRODUCTION:
        return max((one.position + 1 for one in places), default=0)
    taken = production.position
    behind = Environment.objects.filter(Q(id=production.id) | Q(position__gt=taken), workspace=workspace)
    behind.update(position=F("position") + 1)
    return taken


@transaction.atomic
def change_environment(
    *, environment: Environment, name: str, variables: dict[str, Any], actor: Actor, position: int | None = None
) -> Environment:
    """Rename an environment and replace its variables; the audit entry names the variables that changed.

    ``position`` is its place in the order of promotion; None leaves it.
    """
    require_permission(actor, "settings.edit", environment)
    locked = Environment.objects.select_for_update().get(id=environment.id)
    names = locked.variables.keys() | variables.keys()
    changed = sorted(key for key in names if locked.variables.get(key) != variables.get(key))
    details: dict[str, Any] = {"variables": changed}
    if position is not None and position != locked.position:
        details["position"] = locked.position = position
    locked.name, locked.variables = name, variables
    locked.save(update_fields=["name", "variables", "position"])
    audit.record(
        "environment.changed",
        actor=actor,
        workspace_id=locked.workspace_id,
        subject=("environment", locked.id, locked.slug),
        details=details,
    )
    return locked


@transaction.atomic
def add_member(
    *, workspace: Workspace, email: str, roles: list[str], actor: Actor, name: str = "", password: str | None = None
) -> Membership:
    """Give a person roles in a workspace.

    A person the platform does not know yet gets an account with ``name`` and ``password``; for a known one both are
    ignored, so that no workspace can take over an account. Raises ``Conflict`` for someone who is a member already.
    """
    require_permission(actor, "users.manage", workspace)
    roles = grantable(roles, actor)
    email = checked_email(email)
    user = User.objects.filter(email=email).first() or create_user(email=email, name=name, password=password)
    membership, created = Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"roles": roles})
    if not created:
        raise Conflict(what=said("{email} is a member already.", email=user.email))
    _record_member("member.added", membership, actor, {"roles": roles})
    return membership


@transaction.atomic
def change_roles(*, membership: Membership, roles: list[str], actor: Actor) -> Membership:
    """Replace the roles of a member; the last administrator can not lose that role."""
    require_permission(actor, "users.manage", membership)
    roles = grantable(roles, actor)
    locked = _locked_with_admins(membership)
    if "admin" not in roles:
        _keep_an_admin(locked)
    before, locked.roles = locked.roles, roles
    locked.save(update_fields=["roles"])
    _record_member("member.roles_changed", locked, actor, {"before": before, "after": roles})
    return locked


@transaction.atomic
def remove_member(*, membership: Membership, actor: Actor) -> None:
    """End a membership; the person's API keys for this workspace are revoked by it."""
    require_permission(actor, "users.manage", membership)
    locked = _locked_with_admins(membership)
    _keep_an_admin(locked)
    _record_member("member.removed", locked, actor, {"roles": locked.roles})
    locked.delete()


@transaction.atomic
def deactivate_user(*, user: User, workspace: Workspace, actor: Actor) -> User:
    """Refuse every further sign-in and request of a person who belongs to this workspace alone."""
    require_permission(actor, "users.manage", workspace)
    membership = own_member(user, workspace)
    _keep_an_admin(_locked_with_admins(membership))
    user.is_active = False
    user.save(update_fields=["is_active"])
    _record_member("user.deactivated", membership, actor, {})
    return user


@transaction.atomic
def reactivate_user(*, user: User, workspace: Workspace, actor: Actor) -> User:
    """Admit a deactivated person of this workspace alone again."""
    require_permission(actor, "users.manage", workspace)
    membership = own_member(user, workspace)
    user.is_active = True
    user.save(update_fields=["is_active"])
    _record_member("user.reactivated", membership, actor, {})
    return user


@transaction.atomic
def issue_password_link(*, membership: Membership, actor: Actor) -> tuple[str, str]:
    """Id and token with which a person may choose a password once, within ``PASSWORD_RESET_TIMEOUT`` seconds.

    For people who belong to this workspace alone and may do no more than the actor, so that nobody takes over an
    account of others or rises above the own rights. It ends with the next sign-in or change of the password.
    """
    require_permission(actor, "users.manage", membership)
    user = own_member(membership.user, membership.workspace).user
    grantable(membership.roles, actor)
    if not user.is_active:
        raise Conflict(what=said("The account of {email} is switched off; switch it on first.", email=user.email))
    _record_member("user.password_link_issued", membership, actor, {})
    return urlsafe_base64_encode(str(user.pk).encode()), default_token_generator.make_token(user)


@transaction.atomic
def set_password(*, user: User, password: str, actor: Actor) -> None:
    """Set a person's password; the platform (command line) or the person. Ends the person's other sessions.

    An actor without a workspace is recorded in each workspace of the person.
    """
    if not actor.is_system and actor.id != str(user.pk):
        raise PermissionDenied(permission="users.manage")
    check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    places = [actor.workspace_id] if actor.workspace_id or actor.is_system else workspaces_of(user.email)
    for place in places:
        audit.record("user.password_set", actor=actor, workspace_id=place, subject=("user", user.pk, user.email))


@transaction.atomic
def create_service_account(
    *,
    workspace: Workspace,
    slug: str,
    name: str,
    roles: list[str],
    actor: Actor,
    rate_per_minute: int | None = None,
) -> ServiceAccount:
    """Make a program's account; its roles must not permit more than the maker may.

    ``rate_per_minute``: requests that each of its keys may send; None: as many as every key.
    """
    require_permission(actor, "apikeys.manage", workspace)
    _check_slug(slug, 60)
    if ServiceAccount.objects.filter(workspace=workspace, slug=slug).exists():
        raise Conflict(what=said("There is a service account {slug!r} already.", slug=slug))
    account = ServiceAccount.objects.create(
        workspace=workspace,
        slug=slug,
        name=name,
        roles=grantable(roles, actor),
        rate_per_minute=_checked_rate(rate_per_minute),
    )
    _record_service_account("service_account.created", account, actor)
    return account


@transaction.atomic
def change_service_account(
    *, account: ServiceAccount, roles: list[str], rate_per_minute: int | None, actor: Actor
) -> ServiceAccount:
    """Replace roles and rate of a service account; both hold from the next request of its keys on."""
    require_permission(actor, "apikeys.manage", account)
    locked = locked_row(ServiceAccount.objects.all(), account, "service account")
    before = {"roles": locked.roles, "rate_per_minute": locked.rate_per_minute}
    locked.roles, locked.rate_per_minute = grantable(roles, actor), _checked_rate(rate_per_minute)
    locked.save(update_fields=["roles", "rate_per_minute"])
    _record_service_account("service_account.changed", locked, actor, {"before": before})
    return locked


@transaction.atomic
def set_service_account_disabled(*, account: ServiceAccount, disabled: bool, actor: Actor) -> ServiceAccount:
    """Refuse or admit all keys of a service account."""
    require_permission(actor, "apikeys.manage", account)
    account.disabled = disabled
    account.save(update_fields=["disabled"])
    _record_service_account("service_account.disabled" if disabled else "service_account.enabled", account, actor)
    return account


def _checked_rate(rate: int | None) -> int | None:
    if rate is not None and not 1 <= rate <= MOST_PER_MINUTE:
        refuse("rate_per_minute", "rate.range", said("is 1 to {most} requests a minute", most=MOST_PER_MINUTE))
    return rate


def _record_service_account(
    action: str, account: ServiceAccount, actor: Actor, more: dict[str, Any] | None = None
) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=account.workspace_id,
        subject=("service_account", account.id, account.slug),
        details={"roles": account.roles, "rate_per_minute": account.rate_per_minute, **(more or {})},
    )


def _record_member(action: str, membership: Membership, actor: Actor, details: dict[str, Any]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=membership.workspace_id,
        subject=("user", membership.user_id, membership.user.email),
        details=details,
    )


def _locked_with_admins(membership: Membership) -> Membership:
    """Lock all administrators with the member, so that two of them can not remove each other at once."""
    rows = Membership.objects.select_for_update(of=("self",)).in_workspace(membership.workspace_id)
    found = {row.id: row for row in rows}.get(membership.id)
    if found is None:
        raise NotFound(what="member")
    return found


def _keep_an_admin(membership: Membership) -> None:
    others = Membership.objects.in_workspace(membership.workspace_id).with_role("admin").exclude(id=membership.id)
    if "admin" in membership.roles and not others.exists():
        raise LastAdmin(email=membership.user.email)


def _check_slug(slug: str, length: int) -> None:
    if len(slug) > length or not SLUG.match(slug):
        wanted = said("up to {most} lower-case letters, digits and single hyphens, such as my-shop", most=length)
        refuse("slug", "slug.invalid", wanted)
