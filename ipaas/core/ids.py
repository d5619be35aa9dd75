"""Time-ordered identifiers (UUID version 7, RFC 9562 section 5.7)."""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0
_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_LOW_MASK = (1 << 62) - 1
MOST_AHEAD_MS = 1000


def uuid7() -> UUID:
    """A new id; ids made by one process are strictly increasing, also within a millisecond.

    A clock that was set back is followed once it is more than ``MOST_AHEAD_MS`` behind: ids tell when they were made.
    """
    global _last  # noqa: PLW0603 - the process-wide sequence is the point
    stamp = time.time_ns() * 4096 // 1_000_000  # milliseconds with a 12-bit fraction
    with _lock:
        if _last - (MOST_AHEAD_MS << 12) < stamp <= _last:
            stamp = _last + 1
        _last = stamp
    low = int.from_bytes(os.urandom(8), "big") & _LOW_MASK
    return UUID(int=(stamp >> 12) << 80 | _VERSION | (stamp & 0xFFF) << 64 | _VARIANT | low)


def uuid7_at(moment: datetime) -> UUID:
    """The lowest id of an instant: ``id >= uuid7_at(t)`` selects what was made at or after ``t``."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | _VERSION | _VARIANT)


def uuid7_time(value: UUID) -> datetime:
    """When an id was made, to the millisecond."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, tz=UTC)
