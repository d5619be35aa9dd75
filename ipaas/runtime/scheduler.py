"""The scheduler: once a second it rings lanes with due work and does what nobody else does in time.

Any number may run: everything here is claimed in the database or idempotent.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from ipaas.audit.jobs import delete_old_jobs
from ipaas.audit.sequencer import sequence_pending, write_checkpoints
from ipaas.core import providers
from ipaas.core.clock import now
from ipaas.core.logging import get_logger
from ipaas.core.partitions import ensure_partitions
from ipaas.runtime.bell import ring
from ipaas.runtime.holds import release_held
from ipaas.runtime.models import Work
from ipaas.runtime.polls import queue_polls
from ipaas.runtime.retention import apply_retention
from ipaas.runtime.schedules import fire_schedules

log = get_logger(__name__)

TICK_S = 1.0
PARTITION_DAYS_AHEAD = 7
_LANES = {Work.Lane.INTERACTIVE: "interactive", Work.Lane.DEFAULT: "default", Work.Lane.BULK: "bulk"}


class Scheduler:
    """Runs until ``stop``; each duty has its own period in seconds and fails alone."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._duties: list[tuple[float, Callable[[], object]]] = [
            (1.0, ring_due_lanes),
            (1.0, fire_schedules),
            (1.0, queue_polls),
            (1.0, release_held),
            (1.0, sequence_pending),
            (3600.0, write_checkpoints),
            (3600.0, make_partitions),
            (3600.0, apply_retention),
            *providers.get("runtime.duties")(),
            (3600.0, delete_old_jobs),
        ]
        self._last: dict[int, float] = {}

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        elapsed = 0.0
        while not self._stopped.is_set():
            self.tick(elapsed)
            self._stopped.wait(TICK_S)
            elapsed += TICK_S

    def tick(self, elapsed: float) -> None:
        """Do every duty whose period has passed."""
        close_old_connections()
        for number, (period, duty) in enumerate(self._duties):
            if elapsed - self._last.get(number, -period) < period:
                continue
            self._last[number] = elapsed
            try:
                duty()
            except (DatabaseError, psycopg.Error, OSError) as error:
                log.warning("duty put off", action="duty_failed", duty=duty.__name__, error=type(error).__name__)
            except Exception:  # a defect in one duty must not stop the others
                log.exception("duty failed by a defect", action="duty_defect", duty=duty.__name__)


def ring_due_lanes() -> list[str]:
    """Ring the lanes that have due work; a pump that runs already takes no notice."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lane FROM unnest(ARRAY[0, 1, 2]::smallint[]) AS l(lane) WHERE EXISTS "
            "(SELECT 1 FROM runtime_work w WHERE w.lane = l.lane AND w.due_at <= now())"
        )
        lanes = [_LANES[Work.Lane(row[0])] for row in cursor.fetchall()]
    for lane in lanes:
        ring(lane)
    return lanes


def make_partitions() -> int:
    """Partitions for yesterday to a week ahead."""
    today = now().date()
    with connection.cursor() as cursor:
        return ensure_partitions(cursor, today - timedelta(days=1), today + timedelta(days=PARTITION_DAYS_AHEAD))
