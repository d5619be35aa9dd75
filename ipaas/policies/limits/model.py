"""What is asked of the shared limits, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol
from uuid import UUID

from ipaas.policies.settings import BreakerSettings, RateSettings

Reason = Literal["rate_limited", "breaker_open", "concurrency", "quota", "paused"]


class Mode(IntEnum):
    """State of a breaker; the numbers are those of the Lua scripts."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2
    RAMP = 3


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """The limits that hold for calls of one connection; ``bucket`` names a further bucket of rate ``step_rate``."""

    workspace_id: UUID
    connection_id: UUID
    rate: RateSettings | None = None
    concurrency: int | None = None
    breaker: BreakerSettings | None = None
    bucket: str = ""
    step_rate: RateSettings | None = None

    @property
    def unlimited(self) -> bool:
        """Whether nothing is shared between calls."""
        return self.breaker is None and self.rate is None and self.step_rate is None and self.concurrency is None

    @property
    def key(self) -> str:
        """Redis key; holds ids only."""
        return f"ipaas:limit:{self.workspace_id}:{self.connection_id}"


@dataclass(frozen=True, slots=True)
class AdmitRequest:
    """``tokens`` that calls are waiting for now, ``ahead`` more to hold for the calls to come, ``slots`` under way."""

    spec: LimitSpec
    tokens: int
    ahead: int = 0
    slots: int = 0
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer: ``tokens`` and ``slots`` granted; for what was not, ``wait_ms`` and why."""

    mode: Mode
    tokens: int
    slots: int
    wait_ms: int = 0
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a process since its last report. ``held``: slots it holds now; None leaves them as they are."""

    spec: LimitSpec
    ok: int = 0
    failed: int = 0
    probes_ok: int = 0
    probes_failed: int = 0
    probes_void: int = 0
    pause_ms: int = 0
    held: int | None = None


@dataclass(frozen=True, slots=True)
class LimitState:
    """What pages show of a connection; ``tokens`` None: no rate limit."""

    mode: Mode = Mode.CLOSED
    opens_for_ms: int = 0
    tokens: float | None = None
    in_use: int = 0
    ok: int = 0
    failed: int = 0
    paused_ms: int = 0
    quota_used: int = 0
    known: bool = True


class LimitStore(Protocol):
    """Shared state of the limits. One call is one round trip, for up to 32 requests."""

    async def admit(self, requests: Sequence[AdmitRequest]) -> list[Admission]: ...

    async def report(self, reports: Sequence[Report]) -> list[Mode]:
        """Count results; answers with the state of each breaker afterwards."""
        ...

    async def state(self, spec: LimitSpec) -> LimitState: ...
