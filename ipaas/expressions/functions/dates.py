"""Functions over moments and days, which are texts in the form of ISO 8601; the wall clock is never read."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from ipaas.expressions import operators as op
from ipaas.expressions.errors import ExpressionValue
from ipaas.expressions.limits import Budget
from ipaas.expressions.registry import Number, function

GROUP = "Dates and times"

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_DIRECTIVES: Final = re.compile(r"%(.)?", re.DOTALL)
_ALLOWED: Final = frozenset("YmdHMSfzjyIpaAbB%")
_DURATION: Final = re.compile(
    r"(-)?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,10})S)?)?", re.ASCII
)
_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")
_FORMAT_HINT = "Use %Y %m %d %H %M %S %f %z %j %y %I %p %a %A %b %B and %%."


def moment_of(text: str) -> datetime:
    """The moment of an ISO text; one without offset is UTC."""
    match = _ISO.fullmatch(text.strip() if len(text) < 50 else text)
    if match is None:
        raise ExpressionValue(
            reason="this is not a date or time in the form of ISO 8601",
            hint="Read it with parse_date(text, format) first.",
        )
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    micro = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=_offset(match[8]))
    except ValueError:
        raise ExpressionValue(reason="there is no such date or time") from None


def _offset(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        message = "offset"
        raise ValueError(message)
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def zone_of(name: str) -> ZoneInfo:
    try:
        if _ZONE.fullmatch(name) is None:
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ExpressionValue(reason="there is no such time zone", hint="Use a name such as Europe/Berlin.") from None


def iso(moment: datetime) -> str:
    text = moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _checked_format(form: str) -> str:
    if len(form) > 100 or any(directive not in _ALLOWED for directive in _DIRECTIVES.findall(form)):
        raise ExpressionValue(reason="this format of dates is not known", hint=_FORMAT_HINT)
    return form


@function(
    GROUP,
    ("parse_date('2026-03-01T10:00:00+02:00')", "2026-03-01T08:00:00Z"),
    ("parse_date('01.03.2026', '%d.%m.%Y')", "2026-03-01T00:00:00Z"),
    ("parse_date('01.03.2026 10:00', '%d.%m.%Y %H:%M', 'Europe/Berlin')", "2026-03-01T09:00:00Z"),
)
def parse_date(_budget: Budget, text: str, format: str = "", timezone: str = "UTC") -> str:  # noqa: A002 - the word of the language
    """A date or time as a moment in UTC; the zone is that of texts that name none."""
    if not format:
        return iso(moment_of(text).astimezone(UTC))
    if len(text) > 100:
        raise ExpressionValue(reason="this text is too long for a date")
    try:
        found = datetime.strptime(text.strip(), _checked_format(format))  # noqa: DTZ007 - its zone is attached next
        found = found if found.tzinfo else found.replace(tzinfo=zone_of(timezone))
        return iso(found.astimezone(UTC))
    except (ValueError, OverflowError, re.error):
        raise ExpressionValue(reason="the text is not a date of this format", hint=_FORMAT_HINT) from None


@function(
    GROUP,
    ("date_format('2026-03-01T23:30:00Z', '%d.%m.%Y')", "01.03.2026"),
    ("date_format('2026-07-01T23:30:00Z', '%Y-%m-%d %H:%M', 'Europe/Berlin')", "2026-07-02 01:30"),
)
def date_format(_budget: Budget, moment: str, format: str, timezone: str = "UTC") -> str:  # noqa: A002 - the word of the language
    """A moment as text in a format and a time zone; names of days and months are English."""
    return shifted(moment_of(moment), timezone).strftime(_checked_format(format))


@function(GROUP, ("to_timezone('2026-07-01T10:00:00Z', 'America/New_York')", "2026-07-01T06:00:00-04:00"))
def to_timezone(_budget: Budget, moment: str, timezone: str) -> str:
    """The same moment as ISO text with the offset of a time zone."""
    return iso(shifted(moment_of(moment), timezone))


def shifted(moment: datetime, zone: str) -> datetime:
    try:
        return moment.astimezone(zone_of(zone))
    except OverflowError:
        raise ExpressionValue(reason="the date is out of range") from None


@function(GROUP, ("date_of('2026-03-01T23:30:00Z', 'Europe/Berlin')", "2026-03-02"))
def date_of(_budget: Budget, moment: str, timezone: str = "UTC") -> str:
    """The day of a moment in a time zone, as ``YYYY-MM-DD``."""
    return shifted(moment_of(moment), timezone).date().isoformat()


@function(
    GROUP,
    ("date_add('2026-01-31T00:00:00Z', 'P1DT2H')", "2026-02-01T02:00:00Z"),
    ("date_add('2026-01-31', '-P1W')", "2026-01-24"),
)
def date_add(_budget: Budget, moment: str, duration: str) -> str:
    """A moment or day moved by an ISO 8601 duration of weeks, days, hours, minutes and seconds."""
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()[1:]):
        raise ExpressionValue(reason="this is not a duration", hint="Write it as P1D, PT30M or -P2W (ISO 8601).")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    step = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    try:
        if len(moment) == 10 and step.seconds == 0:
            return (moment_of(moment).date() + (-step if match[1] else step)).isoformat()
        return iso(moment_of(moment) + (-step if match[1] else step))
    except OverflowError:
        raise ExpressionValue(reason="the date is out of range") from None


@function(
    GROUP,
    ("date_diff('2026-03-01', '2026-03-03')", 2),
    ("date_diff('2026-03-01T00:00:00Z', '2026-03-01T01:30:00Z', 'hours')", Decimal("1.5")),
)
def date_diff(budget: Budget, start: str, end: str, unit: str = "days") -> Any:
    """The exact time from start to end in seconds, minutes, hours or days; negative when end comes first."""
    if unit not in _UNITS:
        raise ExpressionValue(reason="this is not a unit of time", hint=f"Use one of {', '.join(_UNITS)}.")
    span = moment_of(end) - moment_of(start)
    micros = (span.days * 86400 + span.seconds) * 1_000_000 + span.microseconds
    found = op.div(budget, micros, _UNITS[unit] * 1_000_000)
    return int(found) if found == int(found) else found


@function(GROUP, ("to_timestamp('2026-01-01T00:00:00.5Z')", Decimal("1767225600.5")))
def to_timestamp(budget: Budget, moment: str) -> Any:
    """Seconds since 1970-01-01T00:00:00Z."""
    return date_diff(budget, "1970-01-01T00:00:00Z", moment, "seconds")


@function(GROUP, ("from_timestamp(1767225600)", "2026-01-01T00:00:00Z"))
def from_timestamp(_budget: Budget, seconds: Number) -> str:
    """The moment that many seconds after 1970-01-01T00:00:00Z."""
    try:
        micros = int(Decimal(seconds) * 1_000_000)
        return iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
    except (OverflowError, ArithmeticError):
        raise ExpressionValue(reason="the date is out of range") from None


@function(GROUP, ("weekday('2026-03-01')", 7))
def weekday(_budget: Budget, day: str) -> int:
    """1 for Monday to 7 for Sunday (ISO 8601)."""
    found: date = moment_of(day).date()
    return found.isoweekday()
