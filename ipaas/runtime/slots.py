"""The slots of a schedule: five cron fields in a time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim


def next_slot(spec: dict[str, Any], moment: datetime) -> datetime:
    """The first slot after ``moment``. Local times that the clock skips come right after the gap."""
    return next(CronSim(spec["cron"], local_time(spec, moment))).astimezone(UTC)


def latest_slot(spec: dict[str, Any], moment: datetime) -> datetime:
    """The last slot at or before ``moment``."""
    for slot in CronSim(spec["cron"], local_time(spec, moment + timedelta(seconds=1)), reverse=True):
        if slot.astimezone(UTC) <= moment:
            return slot.astimezone(UTC)
    return moment  # not reached: a schedule that never came true is refused when it is published


def local_time(spec: dict[str, Any], moment: datetime) -> datetime:
    """A moment as the clock of the schedule's time zone shows it."""
    return moment.astimezone(ZoneInfo(spec.get("timezone", "UTC")))
