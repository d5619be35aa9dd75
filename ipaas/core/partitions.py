"""Tables partitioned by the day in a UUIDv7 key: made ahead, dropped by retention, found by name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from ipaas.core.ids import uuid7_at

_registry: dict[str, "PartitionedTable"] = {}


class Cursor(Protocol):
    def execute(self, sql: str, params: Any = None) -> object: ...

    def fetchall(self) -> list[tuple[object, ...]]: ...


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """``name`` is partitioned by range of its UUIDv7 key; ``monthly`` partitions hold a month instead of a day.

    A ``fillfactor`` below 100 leaves room for updates that touch no index (HOT).
    """

    name: str
    monthly: bool = False
    fillfactor: int = 100

    def period_of(self, day: date) -> tuple[date, date]:
        """First day of the period that holds ``day``, and of the next."""
        if not self.monthly:
            return day, day + timedelta(days=1)
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1)

    def partition_name(self, first: date) -> str:
        return f"{self.name}_{first:%Y%m}" if self.monthly else f"{self.name}_{first:%Y%m%d}"


def register_partitioned(*tables: PartitionedTable) -> None:
    """Make tables known to the maintenance of partitions."""
    _registry.update({table.name: table for table in tables})


def partitioned_tables() -> tuple[PartitionedTable, ...]:
    return tuple(_registry.values())


def ensure_partitions(cursor: Cursor, first: date, last: date, tables: tuple[PartitionedTable, ...] = ()) -> int:
    """Make every missing partition for the days ``first`` to ``last``; returns how many were made. Idempotent."""
    made = 0
    for table in tables or partitioned_tables():
        existing = _existing(cursor, table.name)
        day = first
        while day <= last:
            start, end = table.period_of(day)
            name = table.partition_name(start)
            if name not in existing:
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table.name} "
                    f"FOR VALUES FROM ('{_lowest_id(start)}') TO ('{_lowest_id(end)}') "
                    f"WITH (fillfactor = {table.fillfactor})"
                )
                existing.add(name)
                made += 1
            day = end
    return made


def partitions_before(cursor: Cursor, table: PartitionedTable, day: date) -> list[tuple[str, date, date]]:
    """Partitions that end at or before ``day``, oldest first, as (name, first day, day after the last)."""
    found = []
    for name in sorted(_existing(cursor, table.name)):
        stamp = name.removeprefix(f"{table.name}_")
        start = datetime.strptime(stamp, "%Y%m" if table.monthly else "%Y%m%d").replace(tzinfo=UTC).date()
        first, end = table.period_of(start)
        if end <= day:
            found.append((name, first, end))
    return found


def _existing(cursor: Cursor, parent: str) -> set[str]:
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
        [parent],
    )
    return {str(row[0]) for row in cursor.fetchall()}


def _lowest_id(day: date) -> str:
    return str(uuid7_at(datetime.combine(day, time(), tzinfo=UTC))).replace("-7000-8000-", "-0000-0000-")
