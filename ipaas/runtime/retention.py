"""What is kept how long: whole days of runs and deliveries are dropped, keys outlive whatever may be replayed.

A day stays while it holds anything that is not settled: work in the queue, an unended run, an open dead letter. The
results of effects stay as long as a run of the same root is kept, however old the root is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction

from ipaas.config import settings
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.core.logging import get_logger
from ipaas.core.partitions import PartitionedTable, partitions_before
from ipaas.events.arrivals import delete_notes
from ipaas.events.tables import RECEIPT
from ipaas.flows.models import DraftSnapshot
from ipaas.outbox.models import Mail
from ipaas.runtime.models import Approval, BulkJob, DeadLetter, Run, TriggerSlot
from ipaas.runtime.tables import BREACH, EFFECT, RUN_TABLES

log = get_logger(__name__)

BATCH = 10_000
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('runtime/retention', 0))"
_LOCK_WAIT = "SET LOCAL lock_timeout = '500ms'"  # dropping waits for nobody long, so that nobody waits behind it

_UNSETTLED = """
SELECT EXISTS (SELECT 1 FROM runtime_run WHERE id >= %(low)s AND id < %(high)s AND status = ANY(%(unsettled)s))
  OR EXISTS (SELECT 1 FROM runtime_deadletter WHERE run_id >= %(low)s AND run_id < %(high)s AND state = 'open')
  OR EXISTS (SELECT 1 FROM runtime_work WHERE id >= %(low)s AND id < %(high)s)
"""
_READ_BY_RUNS = """
SELECT EXISTS (SELECT 1 FROM runtime_run WHERE receipt_id >= %(low)s AND receipt_id < %(high)s)
  OR EXISTS (SELECT 1 FROM runtime_work WHERE id >= %(low)s AND id < %(high)s)
"""
_ROOT_OF_RUNS = "SELECT EXISTS (SELECT 1 FROM runtime_run WHERE root_run_id >= %(low)s AND root_run_id < %(high)s)"
_OLD_KEYS = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {column} < %s LIMIT {batch}))
"""
_OLD_EVENTS = """
DELETE FROM outbox_outboxevent WHERE id IN (SELECT e.id FROM outbox_outboxevent e WHERE e.id < %s
  AND NOT EXISTS (SELECT 1 FROM runtime_work w WHERE w.id = e.id) LIMIT %s)
"""


Delete = Callable[[datetime], int]
_others: dict[str, Delete] = {}


def also_delete(table: str, delete: Delete) -> None:
    """Have ``delete`` called with the moment up to which settled rows of a higher package go; it says how many went."""
    _others[table] = delete


@dataclass(slots=True)
class Kept:
    """What a pass did: partitions dropped, partitions held back, rows deleted by table."""

    dropped: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)


def apply_retention() -> Kept:
    """Drop and delete what is older than the settings say. Any number of callers may race: one works."""
    done, today = Kept(), now().date()
    runs_from = today - timedelta(days=settings().retention_days)
    keys_from = today - timedelta(days=settings().key_retention_days)
    _drop(done, (*RUN_TABLES, BREACH), runs_from, _UNSETTLED)
    _drop(done, (RECEIPT,), runs_from, _READ_BY_RUNS)
    _drop(done, (EFFECT,), keys_from, _ROOT_OF_RUNS)
    _delete_keys(done, keys_from)
    _delete_settled(done, runs_from)
    for table, delete in _others.items():
        done.deleted[table] = delete(_midnight(runs_from))
    if done.dropped or done.held_back:
        log.info("retention", action="retention", dropped=done.dropped, held_back=done.held_back)
    return done


def _drop(done: Kept, tables: tuple[PartitionedTable, ...], day: date, needed: str) -> None:
    """Drop the partitions of tables with the same days together; the first one lists the days."""
    with connection.cursor() as cursor:
        old = partitions_before(cursor, tables[0], day)
    for name, first, end in old:
        try:
            dropped = _drop_day(tables, first, end, needed)
        except OperationalError as error:  # somebody reads it just now; the next pass tries again
            log.info("partition in use", action="retention_busy", partition=name, error=type(error).__name__)
            dropped = False
        (done.dropped if dropped else done.held_back).append(name)


@transaction.atomic
def _drop_day(tables: tuple[PartitionedTable, ...], first: date, end: date, needed: str) -> bool:
    bounds = {"low": _lowest(first), "high": _lowest(end), "unsettled": [*Run.UNENDED, Run.Status.NEEDS_OPERATOR]}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
        if not cursor.fetchone()[0] or _is_needed(cursor, needed, bounds):
            return False
        cursor.execute(_LOCK_WAIT)
        for table in tables:
            cursor.execute(f"LOCK TABLE {table.partition_name(first)} IN ACCESS EXCLUSIVE MODE")
        if _is_needed(cursor, needed, bounds):  # somebody took a run up again before the lock
            return False
        for table in tables:
            cursor.execute(f"DROP TABLE {table.partition_name(first)}")
    return True


def _is_needed(cursor: Any, query: str, bounds: dict[str, Any]) -> bool:
    cursor.execute(query, bounds)
    return bool(cursor.fetchone()[0])


def _delete_keys(done: Kept, day: date) -> None:
    low, slot = _lowest(day), _midnight(day)
    for table, column in (("events_delivery", "receipt_id"), ("runtime_inboundkey", "run_id")):
        sql = _OLD_KEYS.format(table=table, column=column, batch=BATCH)
        done.deleted[table] = _in_batches(sql, [low])
    done.deleted["runtime_triggerslot"] = TriggerSlot.objects.filter(slot_at__lt=slot).delete()[0]


def _delete_settled(done: Kept, day: date) -> None:
    moment = _midnight(day)
    closed = DeadLetter.objects.exclude(state=DeadLetter.State.OPEN).filter(closed_at__lt=moment)
    done.deleted["runtime_deadletter"] = closed.delete()[0]
    done.deleted["events_arrivalnote"] = delete_notes(moment)
    done.deleted["runtime_approval"] = Approval.objects.filter(decided_at__lt=moment).delete()[0]
    done.deleted["runtime_bulkjob"] = BulkJob.objects.filter(finished_at__lt=moment).delete()[0]
    done.deleted["flows_draftsnapshot"] = DraftSnapshot.objects.filter(used_at__lt=moment).delete()[0]
    mails = Mail.objects.exclude(state=Mail.State.WAITING).filter(id__lt=_lowest(day))
    done.deleted["outbox_mail"] = mails.delete()[0]
    done.deleted["outbox_outboxevent"] = _in_batches(_OLD_EVENTS, [_lowest(day), BATCH])


def _in_batches(sql: str, params: list[Any]) -> int:
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            total += int(cursor.rowcount)
            if cursor.rowcount < BATCH:
                return total


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=now().tzinfo)


def _lowest(day: date) -> Any:
    return uuid7_at(_midnight(day))
