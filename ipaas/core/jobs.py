"""Wake flags: whoever makes work sets one; a thread of its own rings the bell, never the request path.

A ring may be lost, doubled or late: it costs latency, never work, because the work is a row and workers poll.
"""

import functools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import transaction

LANES: Final = ("interactive", "default", "bulk")
MIN_INTERVAL_S: Final = 0.2

_log = logging.getLogger(__name__)

Ring = Callable[[str], None]


class Bell:
    """Flags per lane and the rule of at most one ring per interval and lane."""

    def __init__(self, *, interval_s: float = MIN_INTERVAL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._changed = threading.Condition()
        self._flags: set[str] = set()
        self._last: dict[str, float] = {}
        self._ring: Ring | None = None
        self._thread: threading.Thread | None = None
        self._failing = False

    def set_ringer(self, ring: Ring | None) -> None:
        """What a ring does (send an empty message); flags set before are rung then."""
        with self._changed:
            self._ring = ring
            self._start()
            self._changed.notify()

    def wake(self, lane: str) -> None:
        """Say that a lane may have work; returns at once and never fails."""
        if lane not in LANES:
            message = f"unknown lane {lane!r}"
            raise LookupError(message)
        if lane in self._flags:
            return
        with self._changed:
            self._flags.add(lane)
            self._start()
            self._changed.notify()

    def take_due(self) -> tuple[list[str], float | None]:
        """Lanes to ring now, their flags cleared, and the seconds until the next one may ring (None: no flag)."""
        now = self._clock()
        due = sorted(lane for lane in self._flags if now - self._last.get(lane, -self._interval_s) >= self._interval_s)
        for lane in due:
            self._flags.discard(lane)
            self._last[lane] = now
        waits = [self._interval_s - (now - self._last[lane]) for lane in self._flags]
        return due, min(waits, default=None)

    def _start(self) -> None:
        if self._ring is not None and self._flags and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wake-bell", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                due, wait = self.take_due()
                ring = self._ring
                if ring is None:
                    self._thread = None
                    return
                if not due:
                    self._changed.wait(wait)
                    continue
            for lane in due:
                self._ring_lane(ring, lane)

    def _ring_lane(self, ring: Ring, lane: str) -> None:
        """A failed ring is only logged, once per outage: the workers' polling is the safety net."""
        try:
            ring(lane)
        except Exception as error:  # whatever the broker's client raises, the thread must live
            if not self._failing:
                _log.warning("The bell of a lane can not be rung", extra={"lane": lane, "error": type(error).__name__})
            self._failing = True
        else:
            self._failing = False

    def after_fork(self) -> None:
        """A child has no thread, and locks in the state of the moment: begin anew with the same ringer."""
        ring = self._ring
        self.__init__(interval_s=self._interval_s, clock=self._clock)  # type: ignore[misc]  # the same object stays bound
        self._ring = ring


_bell = Bell()
os.register_at_fork(after_in_child=_bell.after_fork)

set_ringer = _bell.set_ringer
wake = _bell.wake


def wake_on_commit(lane: str, using: str | None = None) -> None:
    """Wake a lane when the running transaction commits; at once when there is none."""
    transaction.on_commit(functools.partial(wake, lane), using=using, robust=True)
