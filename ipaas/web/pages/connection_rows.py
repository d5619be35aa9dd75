"""Connections as the pages show them: health, breaker, quota and traffic together."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection, OAuthToken, Revocation
from ipaas.catalog.resolution import resolve
from ipaas.catalog.state import ConnectionHealth, connections_health
from ipaas.core.clock import now
from ipaas.core.net import EgressRefused
from ipaas.vault.models import Secret
from ipaas.web.pages.traffic import Traffic, traffic_of
from ipaas.web.readmodels import ConnectionRow, Link
from ipaas.web.rendering import number

WORRYING_PERCENT = 5.0
BREAKERS = {
    "closed": "breaker_closed",
    "open": "breaker_open",
    "half open": "breaker_half_open",
    "recovering": "breaker_recovering",
    "off": "breaker_off",
}


def connection_url(row: Connection, name: str = "connection_detail") -> str:
    return reverse(f"catalog:{name}", args=[row.workspace.slug, row.environment.slug, row.slug])


def connection_rows(rows: Sequence[Connection]) -> list[ConnectionRow]:
    """The rows of a list; a connection whose connector is not installed is shown as failed."""
    states = states_of(rows)
    traffic = traffic_of([row.id for row in rows])
    expiries = _expiries(rows)
    return [connection_row(row, states.get(row), traffic.get(row.id, Traffic()), expiries.get(row)) for row in rows]


def connection_row(
    row: Connection, state: ConnectionHealth | None, traffic: Traffic, expires_at: Any = None
) -> ConnectionRow:
    limit = state.daily_quota if state else None
    used = state.quota_used if state else 0
    return ConnectionRow(
        slug=row.slug,
        url=connection_url(row),
        title=row.title,
        connector=f"{row.connector} {row.connector_version}",
        health=_health(row, state, traffic),
        breaker=_breaker(state),
        forced=bool(row.forced_breaker),
        quota_used=used,
        quota_limit=limit,
        quota_text=_("{used} of {limit} today (UTC)").format(used=number(used), limit=number(limit))
        if limit
        else _("no quota"),
        calls_per_minute=traffic.per_minute,
        error_percent=traffic.error_percent,
        expires_at=expires_at,
    )


def states_of(rows: Sequence[Connection]) -> Mapping[Connection, ConnectionHealth]:
    """Limits and breaker of those connections that can be resolved."""
    able = [row for row in rows if can_resolve(row)]
    return dict(zip(able, connections_health(able), strict=True)) if able else {}


def can_resolve(row: Connection) -> bool:
    """Whether the connector is installed, and knows the connection's address and scheme."""
    try:
        resolve(row)
    except (ConnectorMissing, EgressRefused):
        return False
    return True


def _health(row: Connection, state: ConnectionHealth | None, traffic: Traffic) -> str:
    if not row.enabled:
        return "disabled"
    if row.forced_breaker == "open":
        return "paused"
    if state is None or state.breaker == "open" or row.test_ok is False:
        return "failed"
    if state.breaker in ("half open", "recovering") or traffic.error_percent > WORRYING_PERCENT:
        return "degraded"
    return "healthy" if traffic.calls or row.test_ok else "not_used_yet"


def _breaker(state: ConnectionHealth | None) -> str:
    if state is None or not (state.known or state.forced):
        return "breaker_not_known"
    return BREAKERS[state.breaker]


def _expiries(rows: Sequence[Connection]) -> dict[Connection, Any]:
    """When the credential ends: what the provider said of the secret, else of the token that renews itself."""
    slugs = {row.secret for row in rows if row.secret}
    workspace_ids = {row.workspace_id for row in rows}
    told = {
        (secret.workspace_id, secret.slug): secret.expires_at
        for secret in Secret.objects.filter(workspace_id__in=workspace_ids, slug__in=slugs)
    }
    tokens = dict(OAuthToken.objects.filter(connection__in=list(rows)).values_list("connection_id", "expires_at"))
    return {row: told.get((row.workspace_id, row.secret)) or tokens.get(row.id) for row in rows}


def breaker_facts(row: Connection, state: ConnectionHealth | None, parked: int) -> dict[str, Any]:
    """What the page says of the breaker; times are estimates from what the shared limits answered."""
    opened = state is not None and state.breaker == "open" and not row.forced_breaker
    return {
        "failures": state.failed if state else 0,
        "calls": state.ok + state.failed if state else 0,
        "open": opened,
        "probe_at": now() + timedelta(seconds=state.opens_for_s) if opened and state else None,
        "parked": parked,
        "forced": row.forced_breaker,
        "forced_by": row.forced_by,
        "reason": row.forced_reason,
        "known": state is not None and state.known,
    }


def revocations_of(request: WorkspaceRequest, row: Connection) -> list[dict[str, Any]]:
    """What is still to be ended over a connection, with where that is done."""
    may = request.actor.may("connections.edit")
    return [
        {
            "revocation": one,
            "retry_url": _url(row, one, "revocation_retry") if may else "",
            "settle_url": _url(row, one, "revocation_settle") if may else "",
        }
        for one in row.revocations.all()
    ]


def unended_of(secret: Secret) -> list[tuple[Revocation, Link]]:
    """Old versions of a secret that could not be ended, each with the connection where that is seen to."""
    rows = Revocation.objects.filter(connection__workspace_id=secret.workspace_id, secret=secret.slug)
    found = rows.exclude(problem="").select_related("connection__workspace", "connection__environment")
    return [(one, Link(one.connection.title, connection_url(one.connection))) for one in found]


def _url(row: Connection, revocation: Revocation, name: str) -> str:
    return reverse(f"catalog:{name}", args=[row.workspace.slug, row.environment.slug, row.slug, revocation.id])
