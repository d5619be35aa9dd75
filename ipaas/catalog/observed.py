"""What calls teach about a connection: operations in use, announced rates, announced ends.

Kept in memory and written seldom: an operation once an hour, a rate twice a minute, an end when it is new.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import transaction

from ipaas import audit
from ipaas.catalog.models import AnnouncedRate, Connection, OperationUse
from ipaas.catalog.resolution import Resolved
from ipaas.catalog.threads import in_thread
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.logging import get_logger
from ipaas.sdk.announcements import NAMES, Ending, Rate, ending_of, rate_of

log = get_logger(__name__)
USED_EVERY = timedelta(hours=1)
RATE_EVERY = timedelta(seconds=30)
_MOST_KEPT = 20_000

_used: dict[tuple[UUID, str], tuple[datetime, Ending | None]] = {}
_rates: dict[UUID, datetime] = {}


async def note(resolved: Resolved, operation: str, headers: Mapping[str, str]) -> float:
    """Take notice of an answer; seconds for which the vendor wants nothing more to be sent."""
    moment = now()
    announced = not NAMES.isdisjoint(headers)
    rate = rate_of(headers, moment) if announced else None
    ending = ending_of(headers) if announced else None
    last, known = _used.get((resolved.id, operation), (None, None))
    if last is None or moment - last > USED_EVERY or (ending is not None and ending != known):
        _keep_small(_used)
        _used[resolved.id, operation] = (moment, ending or known)
        await _written(partial(_write_use, resolved.id, operation, moment, ending))
    told = _rates.get(resolved.id)
    if rate is not None and (told is None or moment - told > RATE_EVERY):
        _keep_small(_rates)
        _rates[resolved.id] = moment
        await _written(partial(_write_rate, resolved.id, rate, moment))
    return rate.pause_s if rate is not None else 0.0


def forget_all() -> None:
    _used.clear()
    _rates.clear()


async def _written(write: Callable[[], None]) -> None:
    """Whether this can be written has no say in whether the call went well."""
    try:
        await in_thread(write)
    except DatabaseError as error:
        log.warning("what a call taught was not kept", action="observed_lost", error=type(error).__name__)


@transaction.atomic
def _write_use(connection_id: UUID, operation: str, moment: datetime, ending: Ending | None) -> None:
    connection = Connection.objects.filter(id=connection_id).select_related("environment").first()
    if connection is None:
        return
    row, _ = OperationUse.objects.select_for_update().get_or_create(
        connection=connection, operation=operation[:80], defaults={"last_called_at": moment}
    )
    row.last_called_at = max(row.last_called_at, moment)
    if ending is not None and (row.deprecated_at, row.sunset_at) != (ending.deprecated_at, ending.sunset_at):
        row.deprecated_at, row.sunset_at, row.notice_url = ending.deprecated_at, ending.sunset_at, ending.url
        audit.record(
            "connection.end_announced",
            actor=SYSTEM,
            workspace_id=connection.workspace_id,
            subject=("connection", connection.id, connection.slug),
            details={
                "operation": operation,
                "environment": connection.environment.slug,
                "connector": connection.connector,
                "deprecated_at": ending.deprecated_at.isoformat() if ending.deprecated_at else "",
                "sunset_at": ending.sunset_at.isoformat() if ending.sunset_at else "",
                "url": ending.url,
            },
        )
    row.save()


@transaction.atomic
def _write_rate(connection_id: UUID, rate: Rate, moment: datetime) -> None:
    if not Connection.objects.filter(id=connection_id).exists():
        return
    resets = moment + timedelta(seconds=rate.resets_s) if rate.resets_s is not None else None
    told = {"remaining": rate.remaining, "resets_at": resets, "seen_at": moment}
    if rate.quota is not None:
        told |= {"quota": rate.quota, "window_s": rate.window_s}
    AnnouncedRate.objects.update_or_create(connection_id=connection_id, defaults=told)


def _keep_small(kept: dict[Any, Any]) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
