"""What a vendor's answers announce: its rate limit, and the end of an operation.

Sources: ``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers), ``X-RateLimit-*`` as vendors use
it, ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), ``Link`` relations deprecation and sunset. What can not be read
says nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WINDOW_S = 31 * 86_400
_EPOCH_FROM = 1_000_000_000
_NUMBER = re.compile(r"\s*([0-9]{1,15})(?:\.[0-9]+)?\s*(?:[,;]|\Z)")
_PART = re.compile(r";\s*(q|w|r|t)\s*=\s*\"?([0-9]{1,15})\b")
_PAIR = re.compile(r"\b(limit|remaining|reset)\s*=\s*([0-9]{1,15})\b")
_LINK = re.compile(r"<([^<>\s]{1,300})>\s*;[^,]*\brel=\"?(deprecation|sunset)\"?")
NAMES = frozenset(
    {
        *("ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
        *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        *("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),
        *("deprecation", "sunset"),
    }
)


@dataclass(frozen=True, slots=True)
class Rate:
    """``quota`` calls in ``window_s``, of which ``remaining`` are left until ``resets_s`` from now."""

    quota: int | None = None
    window_s: int | None = None
    remaining: int | None = None
    resets_s: float | None = None

    @property
    def pause_s(self) -> float:
        """How long nothing should be sent: until the reset, when nothing is left."""
        return self.resets_s if self.remaining == 0 and self.resets_s is not None else 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """An operation that ends. ``deprecated_at``: from then on it should not be built on; ``sunset_at``: it is gone."""

    deprecated_at: datetime | None
    sunset_at: datetime | None
    url: str = ""


def rate_of(headers: Mapping[str, str], now: datetime) -> Rate | None:
    """The rate that headers (names in lower case) announce, or None."""
    policy, state = headers.get("ratelimit-policy", ""), headers.get("ratelimit", "")
    parts = {**dict(_PART.findall(policy)), **dict(_PART.findall(state))}
    pairs = dict(_PAIR.findall(state))
    quota = _first(parts.get("q"), pairs.get("limit"), *_both(headers, "limit"))
    window = _first(parts.get("w"), *(found[1] for found in re.finditer(r";\s*w=([0-9]{1,9})", _limit(headers))))
    remaining = _first(parts.get("r"), pairs.get("remaining"), *_both(headers, "remaining"))
    reset = _first(parts.get("t"), pairs.get("reset"), *_both(headers, "reset"))
    if quota is None and not policy and window is None and remaining is None:
        return None
    if quota is None and policy:
        quota = _first(policy)  # the older form: "100;w=60"
    return Rate(quota, window if window and window <= LONGEST_WINDOW_S else None, remaining, _seconds(reset, now))


def ending_of(headers: Mapping[str, str]) -> Ending | None:
    """The end that headers announce, or None."""
    deprecated, sunset = _deprecated(headers.get("deprecation", "").strip()), _date(headers.get("sunset", "").strip())
    if deprecated is None and sunset is None:
        return None
    link = _LINK.search(headers.get("link", ""))
    url = link[1] if link is not None and link[1].startswith(("https://", "http://")) else ""
    return Ending(deprecated, sunset, url)


def _both(headers: Mapping[str, str], name: str) -> tuple[str | None, ...]:
    return tuple(headers.get(f"{prefix}-{name}") for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"))


def _limit(headers: Mapping[str, str]) -> str:
    return next((text for text in _both(headers, "limit") if text), "")


def _first(*texts: str | None) -> int | None:
    for text in texts:
        match = _NUMBER.match(text) if text else None
        if match is not None:
            return int(match[1])
    return None


def _seconds(reset: int | None, now: datetime) -> float | None:
    """A reset is told in seconds from now, or as a point in time (also in milliseconds)."""
    if reset is None:
        return None
    if reset >= _EPOCH_FROM * 1000:
        reset //= 1000
    seconds = reset - now.timestamp() if reset >= _EPOCH_FROM else float(reset)
    return seconds if 0 <= seconds <= LONGEST_WINDOW_S else None


def _deprecated(text: str) -> datetime | None:
    """``@1688169599`` (RFC 9745); older drafts have a date, or only ``true``, which counts from the epoch."""
    if text.startswith("@") and text[1:].isascii() and text[1:].isdigit() and len(text) < 13:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text[1:]))
    if text == "true":
        return datetime(1970, 1, 1, tzinfo=UTC)
    return _date(text)


def _date(text: str) -> datetime | None:
    if not text.isascii() or not text.endswith("GMT") or len(text) > 40:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
