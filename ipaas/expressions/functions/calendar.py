"""Functions over wall clocks and calendars: days and times as a place has them."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ipaas.core.jsonio import JSON
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.functions.dates import iso, moment_of, shifted, zone_of
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import function

GROUP = "Dates and times"
_GAPS: Final = ("error", "earlier", "later")
_WORKDAYS = 10_000
_UNITS: Final = ("year", "month", "week", "day", "hour")


@function(
    GROUP,
    ("from_local('2026-07-01T10:00:00', 'Europe/Berlin')", "2026-07-01T08:00:00Z"),
    ("from_local('2026-03-29T02:30:00', 'Europe/Berlin', 'later')", "2026-03-29T01:30:00Z"),
    ("from_local('2026-10-25T02:30:00', 'Europe/Berlin', 'earlier')", "2026-10-25T00:30:00Z"),
)
def from_local(_budget: Budget, text: str, timezone: str, doubt: str = "error") -> str:
    """The moment (UTC) at which the clocks of a time zone show a date and time.

    When clocks go forward an hour is never shown, when they go back one is shown twice. Then doubt says what is meant:
    error (usual), or the earlier or later one; of an hour that is left out, by the offset before or after the change.
    """
    if doubt not in _GAPS:
        raise ExpressionValue(reason="there is no such choice", hint=f"Use one of {', '.join(_GAPS)}.")
    naive = moment_of(text).replace(tzinfo=None)
    zone = zone_of(timezone)
    first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return iso(first)
    if doubt == "error":
        skipped = first.astimezone(zone).replace(tzinfo=None) != naive
        reason = "the clocks leave this time out there" if skipped else "the clocks show this time twice there"
        raise ExpressionValue(
            reason=reason, hint="Say which is meant: from_local(text, timezone, 'earlier' or 'later')."
        )
    return iso(min(first, second) if doubt == "earlier" else max(first, second))


@function(
    GROUP,
    ("date_start('2026-07-15T10:00:00Z', 'month')", "2026-07-01T00:00:00Z"),
    ("date_start('2026-07-15T22:30:00Z', 'day', 'Europe/Berlin')", "2026-07-15T22:00:00Z"),
)
def date_start(_budget: Budget, moment: str, unit: str, timezone: str = "UTC") -> str:
    """When the year, month, week (from Monday), day or hour of a moment began in a time zone, in UTC."""
    if unit not in _UNITS:
        raise ExpressionValue(reason="this is not such a unit", hint=f"Use one of {', '.join(_UNITS)}.")
    local = shifted(moment_of(moment), timezone).replace(minute=0, second=0, microsecond=0)
    if unit != "hour":
        local = local.replace(hour=0)
    if unit == "week":
        local -= timedelta(days=local.weekday())
    elif unit in ("month", "year"):
        local = local.replace(day=1, month=local.month if unit == "month" else 1)
    return iso(local.astimezone(UTC))


@function(
    GROUP,
    ("add_months('2026-01-31', 1)", "2026-02-28"),
    ("add_months('2026-03-31T10:00:00Z', -1)", "2026-02-28T10:00:00Z"),
)
def add_months(_budget: Budget, moment: str, months: int) -> str:
    """A day or moment moved by months; where the month is shorter, its last day."""
    found = moment_of(moment)
    number = found.year * 12 + found.month - 1 + (months if abs(months) < 120_000 else 120_000)
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        raise ExpressionValue(reason="the date is out of range")
    moved = found.replace(year=year, month=month + 1, day=min(found.day, monthrange(year, month + 1)[1]))
    return moved.date().isoformat() if len(moment) == 10 else iso(moved)


@function(
    GROUP,
    ("add_workdays('2026-11-27', 1)", "2026-11-30"),
    ("add_workdays('2026-12-24', 2, ['2026-12-25', '2026-12-26'])", "2026-12-29"),
    ("add_workdays('2026-11-30', -1)", "2026-11-27"),
)
def add_workdays(budget: Budget, day: str, count: int, holidays: list[Any] | None = None) -> str:
    """A day moved by days from Monday to Friday that are not among the holidays given."""
    if abs(count) > _WORKDAYS:
        raise ExpressionValue(f"more than {_WORKDAYS} days are not counted")
    free = {str(one) for one in holidays or []}
    budget.spend(2 * abs(count) + len(free) + 1)
    found: date = moment_of(day).date()
    step, left = timedelta(days=1 if count > 0 else -1), abs(count)
    while left:
        budget.spend(1)
        found += step
        left -= found.weekday() < 5 and found.isoformat() not in free
    return found.isoformat()


@function(
    GROUP,
    (
        "date_parts('2026-07-01T23:30:00Z', 'Europe/Berlin')",
        {
            "year": 2026,
            "month": 7,
            "day": 2,
            "hour": 1,
            "minute": 30,
            "second": 0,
            "weekday": 4,
            "week": 27,
            "offset": 120,
        },
    ),
)
def date_parts(_budget: Budget, moment: str, timezone: str = "UTC") -> dict[str, JSON]:
    """What clock and calendar of a time zone show at a moment; week by ISO 8601, the offset in minutes."""
    local: datetime = shifted(moment_of(moment), timezone)
    offset = local.utcoffset() or timedelta()
    parts: dict[str, JSON] = {
        name: getattr(local, name) for name in ("year", "month", "day", "hour", "minute", "second")
    }
    return {
        **parts,
        "weekday": local.isoweekday(),
        "week": local.isocalendar().week,
        "offset": offset // timedelta(minutes=1),
    }
