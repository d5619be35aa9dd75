"""Telling that a connection's breaker has opened by itself, and that it has closed again.

Breakers live in Redis and are looked at every few seconds, for workspaces in which somebody listens; one that was open
for less may not be told. What was told last is a row, so that any number of schedulers tell it once.
"""

from uuid import UUID

from django.db import transaction

from ipaas.catalog.models import Connection
from ipaas.catalog.state import ConnectionHealth, connections_health, usable
from ipaas.notices.models import OpenBreaker, Webhook
from ipaas.outbox.emitting import emit

OPENED, CLOSED = "ipaas.connection.breaker_opened", "ipaas.connection.breaker_closed"
EVERY_S = 15.0
_AS_OPEN = frozenset({"open", "half open"})


def tell_breakers() -> int:
    """Tell of every breaker that changed since it was looked at last; returns how many."""
    listening = Webhook.objects.filter(events__overlap=[OPENED, CLOSED]).values_list("workspace_id", flat=True)
    workspaces = set(listening)
    if not workspaces:
        return 0
    found = Connection.objects.filter(workspace_id__in=workspaces, state=Connection.State.ACTIVE, forced_breaker="")
    rows = usable(found.select_related("workspace", "environment"))
    told: set[UUID] = set(OpenBreaker.objects.values_list("connection_id", flat=True))
    changed = 0
    for row, health in zip(rows, connections_health(rows), strict=True):
        if health.known and (health.breaker in _AS_OPEN) != (row.id in told):
            changed += _tell(row, health)
    return changed


@transaction.atomic
def _tell(row: Connection, health: ConnectionHealth) -> bool:
    """Whether it was told just now, and not by another scheduler."""
    opened = health.breaker in _AS_OPEN
    if opened:
        _, fresh = OpenBreaker.objects.get_or_create(connection_id=row.id)
    else:
        fresh = OpenBreaker.objects.filter(connection_id=row.id).delete()[0] > 0
    if fresh:
        data = {"connection_id": str(row.id), "connection": row.slug, "environment": row.environment.slug}
        emit(
            OPENED if opened else CLOSED,
            workspace_id=row.workspace_id,
            environment_id=row.environment_id,
            data=data,
            subject=row.slug,
            source=f"connection/{row.slug}",
        )
    return fresh
