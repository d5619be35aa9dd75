"""Why a step waited, for how long, and where on the run's time axis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from ipaas.core.clock import now
from ipaas.runtime.models import Attempt, StepRun
from ipaas.runtime.unfinished import STANDING
from ipaas.web.pages.wording import wait_words, words
from ipaas.web.readmodels import WaitView
from ipaas.web.rendering import duration

SHORTEST_MS = 20.0
"""Shorter pauses are the engine's own work."""
_SLACK_MS = 1500.0
At = Callable[[datetime], float]


def waits_of(step: StepRun, attempts: Sequence[Attempt], at: At, end: datetime) -> list[WaitView]:
    """Every wait of a step in order: before its first call, between attempts, and what it waits for now."""
    if step.kind in ("wait", "approval", "flow"):
        return _whole(step, at)
    waits = list(_before_first(step, attempts, at))
    for earlier, later in pairwise(attempts):
        waits += _between(earlier, later, at)
    if step.due_at is not None and step.status in STANDING:
        since = at(attempts[-1].started_at) + attempts[-1].duration_ms if attempts else at(step.started_at)
        length = max(at(min(step.due_at, end)) - since, 0.0)
        waits.append(WaitView(_now(step, attempts), step.due_at, since, length))
    return waits


def _whole(step: StepRun, at: At) -> list[WaitView]:
    """Waiting is all that these steps do."""
    standing = step.status in STANDING
    ended = step.finished_at or (now() if standing else None)
    length = max(at(ended) - at(step.started_at), 0.0) if ended is not None else 0.0
    if length < SHORTEST_MS and not standing:
        return []
    past = {
        "wait": _("Waited for its time"),
        "approval": _("Waited for a decision"),
        "flow": _("Waited for a sub-flow"),
    }
    text = wait_words(step) if standing else past[step.kind]
    return [WaitView(text, step.due_at if standing else None, at(step.started_at), length)]


def _before_first(step: StepRun, attempts: Sequence[Attempt], at: At) -> Iterator[WaitView]:
    if attempts and attempts[0].number == 1:
        length = at(attempts[0].started_at) - at(step.started_at)
        if length > _SLACK_MS:
            yield WaitView(_for_connection(), None, at(step.started_at), length)


def _between(earlier: Attempt, later: Attempt, at: At) -> Iterator[WaitView]:
    """The delay that the retry decided on, and what the connection made it wait beyond that."""
    begun = at(earlier.started_at) + earlier.duration_ms
    length = at(later.started_at) - begun
    if length <= 1:
        return
    verdict = _retry_of(earlier)
    delay = float(verdict.get("delay_s") or 0) * 1000
    if not verdict or delay <= 0:
        yield WaitView(_("Waited before the next attempt"), None, begun, length)
        return
    reason = _("Retry after {time}: {reason}").format(
        time=duration(delay), reason=words(str(verdict.get("reason") or "")).lower()
    )
    rest = length - delay
    if rest > _SLACK_MS:
        yield WaitView(reason, None, begun, delay)
        yield WaitView(_for_connection(), None, begun + delay, rest)
    else:
        yield WaitView(reason, None, begun, length)


def _retry_of(attempt: Attempt) -> Mapping[str, Any]:
    return next((one for one in attempt.verdicts or () if one.get("policy") == "retry"), {})


def _now(step: StepRun, attempts: Sequence[Attempt]) -> str:
    """What it waits for; of a retry with the reason that the last attempt gave."""
    verdict = _retry_of(attempts[-1]) if attempts and step.reason == "retry" else {}
    reason = words(str(verdict.get("reason") or "")).lower()
    return f"{wait_words(step)}: {reason}" if reason else wait_words(step)


def _for_connection() -> str:
    return _("Waited for the connection: its limit, its breaker or a free place")
