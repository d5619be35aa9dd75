"""Meters of the installation as a whole, read from the database and Redis when somebody asks."""

import time
from collections.abc import Iterator
from threading import Lock
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import connection, transaction

from ipaas.catalog.models import Connection
from ipaas.catalog.state import connections_health, usable
from ipaas.core.logging import get_logger
from ipaas.core.meter_sharing import Family
from ipaas.notices.models import WebhookDelivery
from ipaas.runtime.models import Approval, DeadLetter, Work

log = get_logger(__name__)

KEEP_S: Final = 5.0
TIMEOUT_MS: Final = 3000
_LANES = {Work.Lane.INTERACTIVE: "interactive", Work.Lane.DEFAULT: "default", Work.Lane.BULK: "bulk"}
_BREAKERS = ("closed", "open", "half open", "recovering", "off")

_BACKLOG = """
SELECT lane, CASE WHEN leased AND due_at > now() THEN 'leased' WHEN due_at <= now() THEN 'due' ELSE 'waiting' END,
  count(*), coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())), 0)
FROM runtime_work GROUP BY 1, 2
"""
_RUNS = """
SELECT w.slug, f.slug, r.status, count(*) FROM runtime_work q
JOIN runtime_run r ON r.id = q.id JOIN flows_flow f ON f.id = r.flow_id
JOIN accounts_workspace w ON w.id = r.workspace_id
WHERE q.kind = %s GROUP BY 1, 2, 3
"""
_AUDIT = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM audit_entry WHERE seq IS NULL
"""

_lock = Lock()
_known: dict[str, tuple[float, list[Family]]] = {}


def installation_families() -> list[Family]:
    """Backlog, runs under way, what waits for people, breakers and the audit's lag; at most once in ``KEEP_S``.

    ``ipaas_database_up`` is 0, and the rest of the database's meters are missing, when it does not answer in time.
    """
    with _lock:
        if "now" not in _known or _known["now"][0] < time.monotonic():
            found = list(_read())
            _known["now"] = (time.monotonic() + KEEP_S, found)
        return _known["now"][1]


def forget() -> None:
    """Read anew the next time."""
    _known.clear()


def _read() -> Iterator[Family]:
    up = 1.0
    try:
        yield from _of_the_database()
        yield from _breakers()
    except DatabaseError as error:
        log.warning("meters of the installation not read", action="gauges_failed", error=type(error).__name__)
        up = 0.0
    yield _family("ipaas_database_up", "1 while the database answers in time.", [({}, up)])


def _of_the_database() -> list[Family]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
        backlog = _rows(cursor, _BACKLOG)
        runs = _rows(cursor, _RUNS, [Work.Kind.RUN])
        ((unnumbered, lag),) = _rows(cursor, _AUDIT)
        letters = DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count()
        approvals = Approval.objects.filter(state=Approval.State.PENDING).count()
        deliveries = WebhookDelivery.objects.waiting().count()
    work = [({"lane": _LANES[Work.Lane(lane)], "state": state}, count) for lane, state, count, _ in backlog]
    oldest = dict.fromkeys(_LANES.values(), 0.0)
    oldest |= {_LANES[Work.Lane(lane)]: age for lane, state, _, age in backlog if state == "due"}
    under_way = [({"workspace": place, "flow": flow, "status": status}, count) for place, flow, status, count in runs]
    return [
        _family("ipaas_work", "Work in the queue, by lane and state.", work),
        _family(
            "ipaas_oldest_due_seconds",
            "How late the oldest due work is.",
            [({"lane": k}, v) for k, v in oldest.items()],
        ),
        _family("ipaas_runs", "Runs that have not ended, by flow and status.", under_way),
        _family("ipaas_dead_letters_open", "Runs that need a person.", [({}, letters)]),
        _family("ipaas_approvals_pending", "Approvals nobody has decided.", [({}, approvals)]),
        _family("ipaas_webhook_deliveries_waiting", "Deliveries of webhooks not yet ended.", [({}, deliveries)]),
        _family("ipaas_audit_unnumbered", "Audit entries not yet in the chain.", [({}, unnumbered)]),
        _family("ipaas_audit_lag_seconds", "Age of the oldest audit entry not yet in the chain.", [({}, lag)]),
    ]


def _breakers() -> Iterator[Family]:
    rows = usable(Connection.objects.select_related("workspace", "environment"))
    states = []
    for row, health in zip(rows, connections_health(rows), strict=True):
        place = {"workspace": row.workspace.slug, "environment": row.environment.slug, "connection": row.slug}
        if health.known or health.forced:
            now = health.forced or health.breaker
            states += [({**place, "state": state}, float(state == now)) for state in _BREAKERS]
    yield _family("ipaas_breaker", "1 for the state a connection's circuit breaker is in.", states)


def _rows(cursor: Any, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    cursor.execute(sql, params)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _family(name: str, text: str, values: list[tuple[dict[str, str], Any]]) -> Family:
    return Family(name, text, "gauge", [(name, labels, float(value)) for labels, value in values])
