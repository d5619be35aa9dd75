"""The book of effects: what the idempotency policy asks of it; the runtime keeps it in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

JSON = Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the book holds for an effect key.

    ``open``: the intent is committed and the outcome is not; ``done``: it happened and ``data`` is the action's
    result; ``failed``: it certainly did not happen; ``unknown``: an operator must say. ``changed``: what is to be
    sent now is not what was sent then.
    """

    state: Literal["open", "done", "failed", "unknown"]
    data: JSON = None
    status: int | None = None
    intended_at: datetime | None = None
    request_hash: bytes = b""
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """The wish to cause an effect. ``takeover``: an open (or unknown) intent of an earlier attempt is continued.

    An intent whose outcome is ``failed`` is always made anew.
    """

    effect_key: bytes
    request_hash: bytes
    attempt: int
    takeover: bool


@dataclass(frozen=True, slots=True)
class IntendResult:
    """``fresh``: committed, go ahead. Otherwise nothing may be sent; ``recorded`` holds what the book says."""

    state: Literal["fresh", "recorded", "open_other", "unknown"]
    recorded: Recorded | None = None


class EffectLedger(Protocol):
    """One per call: it knows the run, step and item that the effect key was made from."""

    async def lookup(self, effect_key: bytes) -> Recorded | None:
        """What is known about an effect, or None."""
        ...

    async def intend(self, intent: Intent) -> IntendResult:
        """Commit an intent; returns only once it is durable."""
        ...
