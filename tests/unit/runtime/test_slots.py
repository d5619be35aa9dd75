"""Slots of schedules where the clock jumps, and where nobody looked for a while."""

from datetime import datetime
from typing import Any

import pytest

from ipaas.runtime.slots import latest_slot, next_slot

BERLIN = "Europe/Berlin"


def slots(cron: str, start: str, count: int) -> list[str]:
    spec = {"cron": cron, "timezone": BERLIN}
    moment, found = datetime.fromisoformat(start), []
    for _ in range(count):
        moment = next_slot(spec, moment)
        found.append(f"{moment:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("cron", "start", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00:00Z", ["03-29 01:00", "03-30 00:30", "03-31 00:30"]),
        ("30 2 * * *", "2026-10-24T12:00:00Z", ["10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        ("0 9 * * *", "2026-03-28T12:00:00Z", ["03-29 07:00", "03-30 07:00"]),
        ("*/30 * * * *", "2026-10-25T00:20:00Z", ["10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]),
        ("*/30 * * * *", "2026-03-29T00:20:00Z", ["03-29 00:30", "03-29 01:00", "03-29 01:30"]),
    ],
    ids=["skipped-in-spring", "twice-in-autumn", "same-wall-time", "every-half-hour-autumn", "every-half-hour-spring"],
)
def test_slots_follow_the_clock_on_the_wall(cron: str, start: str, expected: list[str]) -> None:
    assert slots(cron, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-05-05T05:05:00Z", "2026-05-05T05:05:00+00:00"),
        ("2026-05-05T05:05:59.9Z", "2026-05-05T05:05:00+00:00"),
        ("2026-05-05T05:04:59.9Z", "2026-05-05T05:00:00+00:00"),
    ],
    ids=["on-the-slot", "after-it", "just-before-it"],
)
def test_the_latest_slot_is_never_in_the_future(moment: str, expected: str) -> None:
    spec: dict[str, Any] = {"cron": "*/5 * * * *"}
    assert latest_slot(spec, datetime.fromisoformat(moment)).isoformat() == expected
