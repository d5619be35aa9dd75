"""What one process remembers of a connection's limits between two round trips."""

import random
from dataclasses import dataclass
from typing import Literal

from ipaas.policies.limits.model import LimitSpec, Mode, Reason

_LONGEST_WAIT_S = 300.0
DRAIN_PER_S = 20.0
FOREVER = float("inf")

Outcome = Literal["ok", "failed", "ignored"]


@dataclass(frozen=True, slots=True)
class Denied:
    """Not now: come again in ``wait_s``."""

    reason: Reason
    wait_s: float


class Ticket:
    """An admitted call; hand it back with ``Gatekeeper.settle`` exactly once."""

    __slots__ = ("gate", "mode", "slot")

    def __init__(self, gate: "Gate", mode: Mode, slot: bool) -> None:
        self.gate = gate
        self.mode = mode
        self.slot = slot


class Bar:
    """Until when nothing is let through, with a place in the queue for each who asks.

    ``tail`` is the end of that queue; it outlives the bar, so that newcomers line up behind those who were sent away.
    """

    __slots__ = ("pace", "reason", "tail", "until")

    def __init__(self) -> None:
        self.until = self.tail = 0.0
        self.pace = DRAIN_PER_S
        self.reason: Reason = "rate_limited"

    def raise_until(self, until: float, reason: Reason, pace: float) -> None:
        if reason != self.reason:
            self.tail = 0.0
        self.until, self.reason, self.pace = until, reason, max(pace, 0.001)

    def refuse(self, now: float) -> Denied:
        place = min(max(self.until, self.tail, now), now + _LONGEST_WAIT_S)
        self.tail = place + 1 / self.pace
        jitter = random.random() / self.pace  # noqa: S311 - spreads load, guards nothing
        return Denied(self.reason, min(place - now + jitter, _LONGEST_WAIT_S))


class Pool:
    """Tokens held by this process for one bucket."""

    __slots__ = ("bar", "expires", "tokens")

    def __init__(self) -> None:
        self.tokens = 0
        self.expires = 0.0
        self.bar = Bar()


class Gate:
    """One connection as this process sees it."""

    __slots__ = (
        *("bar", "dirty_at", "failed", "free", "in_flight", "lease_until", "mode", "ok", "pause_until", "pools"),
        *("probes_failed", "probes_ok", "probes_void", "slot_bar_until", "spec", "touched_slots"),
    )

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self.mode = Mode.CLOSED
        self.lease_until = 0.0
        self.bar = Bar()
        self.pools: dict[str, Pool] = {}
        self.free = self.in_flight = 0
        self.slot_bar_until = 0.0
        self.touched_slots = False
        self.ok = self.failed = self.probes_ok = self.probes_failed = self.probes_void = 0
        self.pause_until = 0.0
        self.dirty_at = FOREVER

    @property
    def idle(self) -> bool:
        return self.in_flight == 0 and self.dirty_at == FOREVER
