"""Engine rows written from synchronous code, in the caller's Django transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from ipaas.core.jobs import wake_on_commit
from ipaas.events.intake import CHANNEL
from ipaas.runtime.models import Work
from ipaas.runtime.rows import Row, Unit
from ipaas.runtime.statements import STATEMENTS
from ipaas.runtime.store import Claimed, ClaimLost

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
    write_rows(unit.take())


def ring(lane: int = Work.Lane.INTERACTIVE) -> None:
    """Tell waiting pumps and the broker, once the transaction is committed, that there is work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    wake_on_commit(_LANES[Work.Lane(lane)])


def wake_runs(run_ids: Sequence[UUID]) -> None:
    """Let waiting runs look at what has changed."""
    write_rows({"wake": [(run_id,) for run_id in run_ids]})
    ring()


def queue_again(work_id: UUID, *, lane: int, workspace_id: UUID, group_id: UUID, kind: int = Work.Kind.RUN) -> None:
    """Put stopped work back into the queue, due at once.

    The fence starts at a number nobody has held: from 0 it would come by the fences of earlier claims again, and a
    worker that stalled before the stop could then write.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runtime_work (id, kind, lane, workspace_id, group_id, due_at, fence) "
            "VALUES (%s, %s, %s, %s, %s, now(), 1024 + (random() * 1000000000)::integer)",
            [work_id, kind, lane, workspace_id, group_id],
        )
    ring(lane)


def own(claim: Claimed) -> None:
    """Lock a claim for the rest of the transaction. Raises ``ClaimLost`` when it is no longer held."""
    try:
        execute("SELECT runtime_own(%s::uuid[], %s::integer[])", [[claim.id], [claim.fence]])
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == "IP001":
            raise ClaimLost from None
        raise


def execute(sql: str, params: Sequence[Any]) -> int:
    """Run one statement of the runtime's own; returns the rows touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
