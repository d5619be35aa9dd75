"""Engine rows written from synchronous code, in the caller's Django transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from ipaas.core.jobs import wake_on_commit
from ipaas.events.intake import CHANNEL
from ipaas.runtime.models import Work
from ipaas.runtime.rows import STATEMENTS, Row, Unit

_SQL = {statement.name: statement.sql.replace("%b", "%s") for statement in STATEMENTS}
_LANES = {Work.Lane.INTERACTIVE: "interactive", Work.Lane.DEFAULT: "default", Work.Lane.BULK: "bulk"}


def write_rows(rows: dict[str, list[Row]]) -> None:
    """Write rows as the engine does, unfenced: only for new runs and under locks that the caller holds."""
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            wanted = rows.get(statement.name)
            if wanted:
                cursor.execute(_SQL[statement.name], [list(column) for column in zip(*wanted, strict=True)])


def write_unit(unit: Unit) -> None:
    write_rows(unit.take()[1])


def ring(lane: int = Work.Lane.INTERACTIVE) -> None:
    """Tell waiting pumps and the broker, once the transaction is committed, that there is work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    wake_on_commit(_LANES[Work.Lane(lane)])


def wake_runs(run_ids: Sequence[UUID]) -> None:
    """Let waiting runs look at what has changed."""
    write_rows({"wake": [(run_id,) for run_id in run_ids]})
    ring()


def queue_again(run_id: UUID, *, lane: int, workspace_id: UUID, flow_id: UUID) -> None:
    """Put a stopped run back into the queue, due at once.

    The fence goes on from the number of the run's earlier claims being gone: a fresh row starts at 0, and no earlier
    claim can write, because its row was deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runtime_work (id, kind, lane, workspace_id, group_id, due_at) "
            "VALUES (%s, %s, %s, %s, %s, now())",
            [run_id, Work.Kind.RUN, lane, workspace_id, flow_id],
        )
    ring(lane)


def execute(sql: str, params: Sequence[Any]) -> int:
    """Run one statement of the runtime's own; returns the rows touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
