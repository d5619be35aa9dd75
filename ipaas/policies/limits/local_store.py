"""What holds while Redis is gone: breakers let everything through, rates fall to this process' share."""

import time
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from ipaas.core.logging import get_logger
from ipaas.policies.limits.model import Admission, AdmitRequest, LimitSpec, LimitState, LimitStore, Mode, Reason, Report
from ipaas.policies.meters import LIMIT_FALLBACKS, LIMITS_SHARED
from ipaas.policies.settings import RateSettings

log = get_logger(__name__)
_SHARE = 4
_RETRY_AFTER_S = 1.0
_MAX_BUCKETS = 10_000
Clock = Callable[[], float]


class LocalLimitStore:
    """Buckets of this process alone: a quarter of each rate, burst and cap, at least one call."""

    def __init__(self, share: int = _SHARE, clock: Clock = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._held: dict[str, int] = {}
        self._paused: dict[str, float] = {}

    async def admit(self, requests: Sequence[AdmitRequest]) -> list[Admission]:
        return [self._admit(request) for request in requests]

    def _admit(self, request: AdmitRequest) -> Admission:
        spec = request.spec
        now = self._clock()
        pause = self._paused.get(spec.key, 0.0) - now
        if pause > 0:
            return Admission(Mode.CLOSED, 0, 0, max(1, round(pause * 1000)), "paused")
        granted, wait_ms, reason = request.tokens, 0, None
        for name, rate in ((spec.key, spec.rate), (f"{spec.key}:{spec.bucket}", spec.step_rate)):
            if rate is None:
                continue
            got, wait = self._take(name, rate, granted * request.cost, now)
            if got < granted * request.cost:
                granted, wait_ms, reason = got // request.cost, max(wait_ms, wait), "rate_limited"
        slots = self._slots(spec, request.slots)
        if slots < request.slots and reason is None:
            wait_ms, reason = 50, "concurrency"
        return Admission(Mode.CLOSED, granted, slots, wait_ms, _reason(reason))

    def _take(self, name: str, rate: RateSettings, wanted: int, now: float) -> tuple[int, int]:
        flow, burst = rate.per_second / self._share, max(1.0, rate.burst / self._share)
        level, since = self._buckets.get(name, (burst, now))
        level = min(burst, level + (now - since) * flow)
        taken = min(wanted, int(level))
        if len(self._buckets) >= _MAX_BUCKETS and name not in self._buckets:
            self._buckets.clear()
        self._buckets[name] = (level - taken, now)
        wait_ms = 0 if taken == wanted else max(1, round((1 - (level - taken)) / flow * 1000))
        return taken, wait_ms

    def _slots(self, spec: LimitSpec, wanted: int) -> int:
        if spec.concurrency is None:
            return 0
        held = self._held.get(spec.key, 0)
        got = max(0, min(wanted, max(1, spec.concurrency // self._share) - held))
        self._held[spec.key] = held + got
        return got

    async def report(self, reports: Sequence[Report]) -> list[Mode]:
        for report in reports:
            if report.held is not None:
                self._held[report.spec.key] = report.held
            if report.pause_ms:
                self._paused[report.spec.key] = self._clock() + report.pause_ms / 1000
        return [Mode.CLOSED for _ in reports]

    async def state(self, spec: LimitSpec) -> LimitState:
        return LimitState(known=False)


def _reason(text: str | None) -> Reason | None:
    return "rate_limited" if text == "rate_limited" else "concurrency" if text else None


class FallbackLimitStore:
    """Uses the shared store while it answers; after a failure, the local one for a second before trying again."""

    def __init__(self, shared: LimitStore, local: LimitStore | None = None, clock: Clock = time.monotonic) -> None:
        self._shared = shared
        self._local = local or LocalLimitStore(clock=clock)
        self._clock = clock
        self._down_until = 0.0
        self._down = False

    async def admit(self, requests: Sequence[AdmitRequest]) -> list[Admission]:
        if self._clock() >= self._down_until:
            try:
                answers = await self._shared.admit(requests)
            except (RedisError, OSError, TimeoutError) as error:
                self._failed(error)
            else:
                self._answered()
                return answers
        LIMIT_FALLBACKS.inc()
        return await self._local.admit(requests)

    async def report(self, reports: Sequence[Report]) -> list[Mode]:
        if self._clock() >= self._down_until:
            try:
                modes = await self._shared.report(reports)
            except (RedisError, OSError, TimeoutError) as error:
                self._failed(error)
            else:
                self._answered()
                return modes
        return await self._local.report(reports)

    async def state(self, spec: LimitSpec) -> LimitState:
        try:
            return await self._shared.state(spec)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return await self._local.state(spec)

    def _failed(self, error: Exception) -> None:
        self._down_until = self._clock() + _RETRY_AFTER_S
        if not self._down:
            self._down = True
            LIMITS_SHARED.set(0)
            log.warning(
                "shared limits are gone: breakers let everything through, rates fall to a local share",
                action="limits_lost",
                error=type(error).__name__,
            )

    def _answered(self) -> None:
        if self._down:
            self._down = False
            LIMITS_SHARED.set(1)
            log.info("shared limits are back", action="limits_restored")
