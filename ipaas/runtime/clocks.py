"""How the clocks of a flow stand, for its page and the API."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ipaas.runtime.models import TriggerState


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a scheduled or polling flow in an environment; it stands while the flow is paused.

    ``error`` is the class and code of what went wrong last, without the words of the other side, which could hold
    anything. ``attempts`` counts tries of the present poll, ``failures`` polls in a row that failed for good.
    ``succeeded_at`` is when the source was last read, ``moved_at`` when it last gave a new cursor.
    """

    kind: str
    next_at: datetime
    error: str
    attempts: int
    failures: int
    failing_since: datetime | None
    succeeded_at: datetime | None
    moved_at: datetime | None


def clocks_of(flow_id: UUID) -> dict[UUID, Clock]:
    """The clocks that run, by environment."""
    return {state.environment_id: _clock(state) for state in TriggerState.objects.filter(flow_id=flow_id, active=True)}


def _clock(state: TriggerState) -> Clock:
    return Clock(
        kind=state.kind,
        next_at=state.next_at,
        error=state.last_error.partition(":")[0],
        attempts=state.attempts,
        failures=state.failures,
        failing_since=state.failing_since,
        succeeded_at=state.succeeded_at,
        moved_at=state.moved_at,
    )
