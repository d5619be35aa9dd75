"""When a delivery is tried again: a pure decision."""

from datetime import datetime, timedelta

_MIN, _H = 60.0, 3600.0
DELAYS_S: tuple[float, ...] = (5.0, 5 * _MIN, 30 * _MIN, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
"""Pauses after the first, second, … failure: ten tries within a little more than three days."""
JITTER = 0.1
DISABLE_AFTER = timedelta(days=5)
"""A webhook that failed for so long without one delivery in between is tried no more."""
GONE = 410
"""The receiver says that there is nothing any more at this address (Standard Webhooks): it is believed at once."""


def next_try(step: int, moment: datetime, *, share: float, retry_after_s: float | None = None) -> datetime | None:
    """When the try after failure number ``step`` (from 1) is due; None when there is none left.

    ``share`` in [0, 1) spreads tries of many deliveries. What the receiver asks for (Retry-After) counts where it is
    later, up to the longest pause.
    """
    if step > len(DELAYS_S):
        return None
    delay_s = DELAYS_S[step - 1] * (1 + JITTER * share)
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, DELAYS_S[-1]))
    return moment + timedelta(seconds=delay_s)
