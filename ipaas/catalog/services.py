"""Deeds on connections: permission, guard, change, audit, in one transaction."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Environment, Membership, User
from ipaas.catalog import checks, gateway
from ipaas.catalog.errors import ConnectionInUse, ConnectorMissing, CredentialNotEnded
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.catalog.oauth import forget_token
from ipaas.catalog.registry import connector_in, connector_of, connectors, require_pinnable
from ipaas.catalog.releases import keep_release
from ipaas.catalog.resolution import invalidate
from ipaas.core import providers
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.core.state_names import state_name
from ipaas.sdk.connector import Connector

JSON = Any
USES = "catalog.connection_uses"
"""Provider ``(workspace_id, slug) -> list[str]``: labels of what uses connections of this slug."""
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_CHANGEABLE = frozenset(
    {"title", "base_url", "config", "auth_scheme", "secret", "policy", "connector", "connector_version", "owner"}
)


@transaction.atomic
def create_connection(
    *,
    environment: Environment,
    slug: str,
    connector: str,
    actor: Actor,
    title: str = "",
    base_url: str = "",
    config: Mapping[str, JSON] | None = None,
    auth_scheme: str = "",
    secret: str = "",
    policy: Mapping[str, JSON] | None = None,
) -> Connection:
    """Make a connection. Raises InvalidInput with the place of every fault, Conflict for a slug that is taken.

    ``base_url`` defaults to the connector's address for the environment's name, ``auth_scheme`` to its first scheme.
    """
    require_permission(actor, "connections.edit", environment)
    chosen = connector_in(environment.workspace_id, connector)
    manifest = chosen.manifest
    row = Connection(
        workspace=environment.workspace,
        environment=environment,
        slug=slug,
        title=title or manifest.title,
        connector=connector,
        connector_version=manifest.version,
        base_url=base_url or checks.usual_base_url(manifest, environment.slug),
        config=dict(config or {}),
        auth_scheme=auth_scheme or next(iter(manifest.auth)),
        secret=secret,
        policy=dict(policy or {}),
        owner=_person(actor),
    )
    if not _SLUG.match(slug) or len(slug) > 60:
        message = said("use lower-case letters, digits and hyphens, at most 60")
        raise InvalidInput([{"path": "slug", "code": "slug.invalid", "message": message}])
    if Connection.objects.in_workspace(row.workspace_id).in_environment(environment.id).filter(slug=slug).exists():
        raise Conflict(what=said("There is a connection {slug!r} in this environment already.", slug=slug))
    checks.check(row)
    require_pinnable(row.workspace_id, connector, manifest.version)
    _keep(chosen)
    row.secret_origin = checks.origin(row) if secret else ""
    row.save()
    details = {"connector": connector, "environment": environment.slug, "origin": checks.origin(row), "secret": secret}
    _record("connection.created", row, actor, details)
    return row


@transaction.atomic
def update_connection(*, connection: Connection, changes: Mapping[str, JSON], actor: Actor) -> Connection:
    """Change fields of a connection.

    When the address it calls, the connector or the scheme changes, the secret is detached unless ``changes`` names it
    again: a credential never follows to another host by itself. ``owner`` is the address of a member, or empty.
    """
    require_permission(actor, "connections.edit", connection)
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise InvalidInput(
            [{"path": name, "code": "field.unknown", "message": said("can not be set")} for name in unknown]
        )
    row = _locked(connection)
    before = (checks.secret_places(row), row.connector, row.auth_scheme)
    for name, value in changes.items():
        setattr(row, name, _member(row, str(value)) if name == "owner" else value)
    row.connector_version = _version_after(row, changes)
    moved = (checks.secret_places(row), row.connector, row.auth_scheme) != before
    detached = moved and bool(row.secret) and "secret" not in changes
    if detached:
        row.secret = ""
    checks.check(row)
    row.secret_origin = checks.origin(row) if row.secret else ""
    if moved or "secret" in changes:
        _drop_token(row)
    row.save()
    details = {"fields": sorted(changes), "secret_detached": detached}
    details |= {"owner": row.owner.email if row.owner is not None else ""} if "owner" in changes else {}
    _record("connection.changed", row, actor, details)
    _forget_on_commit(row)
    return row


@transaction.atomic
def clone_connection(*, connection: Connection, environment: Environment, actor: Actor, slug: str = "") -> Connection:
    """The same set-up in another environment, or under another slug, without the secret and what was forced.

    Where the connector has an address of its own for each environment, the copy gets that of its own.
    """
    require_permission(actor, "connections.edit", connection)
    if environment.workspace_id != connection.workspace_id:
        raise NotFound(what="environment")
    manifest = connector_of(connection).manifest
    usual = connection.base_url == checks.usual_base_url(manifest, connection.environment.slug)
    made = create_connection(
        environment=environment,
        slug=slug or connection.slug,
        connector=connection.connector,
        actor=actor,
        title=connection.title,
        base_url="" if usual else connection.base_url,
        config=connection.config,
        auth_scheme=connection.auth_scheme,
        policy=connection.policy,
    )
    if made.connector_version != connection.connector_version:
        made = update_connection(
            connection=made, changes={"connector_version": connection.connector_version}, actor=actor
        )
    return made


@transaction.atomic
def set_enabled(*, connection: Connection, enabled: bool, actor: Actor, reason: str = "") -> Connection:
    """Enable or disable; calls over a disabled connection fail as a matter of configuration."""
    require_permission(actor, "connections.edit", connection)
    row = _locked(connection)
    if row.enabled == enabled:
        raise Conflict(
            what=said("The connection {slug!r} is {state} already.", slug=row.slug, state=state_name(row.state))
        )
    row.state = Connection.State.ACTIVE if enabled else Connection.State.DISABLED
    row.save(update_fields=["state", "updated_at"])
    _record("connection.enabled" if enabled else "connection.disabled", row, actor, {"reason": reason})
    _forget_on_commit(row)
    return row


@transaction.atomic
def force_breaker(*, connection: Connection, state: str, actor: Actor, reason: str) -> Connection:
    """Hold the breaker ``open`` or ``closed`` until further notice, or ("") leave it to its own judgement."""
    require_permission(actor, "connections.force_breaker", connection)
    if state not in Connection.Force.values:
        message = said("is open, closed or empty")
        raise InvalidInput([{"path": "state", "code": "breaker.state", "message": message}])
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    row = _locked(connection)
    row.forced_breaker, row.forced_reason = state, reason.strip()[:300] if state else ""
    row.forced_by, row.forced_at = (actor.label[:200], now()) if state else ("", None)
    row.save(update_fields=["forced_breaker", "forced_reason", "forced_by", "forced_at", "updated_at"])
    _record("connection.breaker_forced", row, actor, {"state": state or "own judgement", "reason": reason})
    _forget_on_commit(row)
    return row


@transaction.atomic
def delete_connection(*, connection: Connection, actor: Actor) -> None:
    """Delete a connection that nothing uses.

    Raises ConnectionInUse, or CredentialNotEnded while an old credential is still to be ended over it.
    """
    require_permission(actor, "connections.edit", connection)
    row = _locked(connection)
    users = uses_of(row)
    if users:
        raise ConnectionInUse(connection=row.slug, users=", ".join(users))
    if row.revocations.exists():
        raise CredentialNotEnded(connection=row.slug)
    _record("connection.deleted", row, actor, {"connector": row.connector})
    _forget_on_commit(row)
    row.delete()


def test_connection(*, connection: Connection, actor: Actor) -> GatewayOutcome:
    """Call the connector's test action through the gateway, once, and keep the result. Not inside a transaction."""
    require_permission(actor, "connections.test", connection)
    manifest = connector_of(connection).manifest
    if not manifest.test_action:
        raise Conflict(what=said("The connector {slug!r} has no test action.", slug=manifest.slug))
    call = GatewayCall(
        workspace_id=connection.workspace_id,
        environment_id=connection.environment_id,
        connection=connection.slug,
        action=manifest.test_action,
        params=dict(manifest.test_params),
        flow_label="connection test",
        policy={"retry": {"max_attempts": 1}},
    )
    invalidate(connection)
    outcome = gateway.run_to_end(lambda: gateway.invoke(call))
    if outcome.kind != "deferred" or not actor.is_system:
        _keep_test(connection, outcome, actor)
    return outcome


test_connection.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever a collector thinks


@transaction.atomic
def _keep_test(connection: Connection, outcome: GatewayOutcome, actor: Actor) -> None:
    row = _locked(connection)
    before = row.test_ok
    row.tested_at, row.test_ok = now(), outcome.kind == "ok"
    row.test_message = outcome.error.message[:500] if outcome.error else ""
    row.test_class = outcome.error.error_class.value if outcome.error else ""
    row.save(update_fields=["tested_at", "test_ok", "test_message", "test_class"])
    if actor.is_system and row.test_ok == before:
        return  # looked at again, and nothing is new
    details = {"ok": row.test_ok, "status": outcome.status, "code": outcome.error.code if outcome.error else ""}
    _record("connection.tested", row, actor, details)


def uses_of(connection: Connection) -> list[str]:
    """Labels of what would miss this connection."""
    try:
        find = providers.get(USES)
    except LookupError:
        return []
    return list(find(connection.workspace_id, connection.slug))


def _person(actor: Actor) -> User | None:
    """Who made it looks after it, until somebody else is named."""
    return User.objects.filter(email=actor.label).first() if actor.kind == "user" else None


def _member(row: Connection, email: str) -> User | None:
    """Who looks after a connection from now on; nobody for an empty address."""
    if not email.strip():
        return None
    members = Membership.objects.in_workspace(row.workspace_id).select_related("user")
    found = members.filter(user__email=email.strip().lower()).first()
    if found is None:
        message = said("this is not a member of the workspace; invite the person first")
        raise InvalidInput([{"path": "owner", "code": "member.unknown", "message": message}])
    return found.user


def _version_after(row: Connection, changes: Mapping[str, JSON]) -> str:
    """The version that is pinned: one that was named, else the newest where another connector was chosen.

    A connection stays at its version until somebody moves it, whatever is installed or imported meanwhile.
    """
    newest = "connector" in changes and "connector_version" not in changes
    wanted = "" if newest else str(row.connector_version)
    found = connector_in(row.workspace_id, row.connector, wanted)
    if "connector_version" in changes and found.manifest.version != wanted:
        raise ConnectorMissing(connector=f"{row.connector} {wanted}")
    if {"connector", "connector_version"} & set(changes):
        require_pinnable(row.workspace_id, row.connector, found.manifest.version)
    _keep(found)
    return found.manifest.version


def _keep(connector: Connector) -> None:
    """What a connection is pinned to outlives an update of the installation."""
    if connectors().get(connector.slug) is connector:
        keep_release(connector)


def _locked(connection: Connection) -> Connection:
    return locked_row(Connection.objects.select_related("workspace"), connection, "connection")


def _drop_token(row: Connection) -> None:
    OAuthToken.objects.filter(connection_id=row.id).delete()
    transaction.on_commit(lambda: forget_token(row.id))


def _forget_on_commit(row: Connection) -> None:
    transaction.on_commit(lambda: invalidate(row))


def _record(action: str, row: Connection, actor: Actor, details: Mapping[str, JSON]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=row.workspace_id,
        subject=("connection", row.id, row.slug),
        details=details,
    )
