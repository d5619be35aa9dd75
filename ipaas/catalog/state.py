"""What pages show of a connection's limits and breaker."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import resolve
from ipaas.config import settings
from ipaas.core.errors import IpaasError
from ipaas.policies.limits.local_store import FallbackLimitStore
from ipaas.policies.limits.model import LimitSpec, LimitState, Mode
from ipaas.policies.limits.redis_store import RedisLimitStore
from ipaas.policies.settings import PolicySettings

JSON = Any
_NAMES = {Mode.CLOSED: "closed", Mode.OPEN: "open", Mode.HALF_OPEN: "half open", Mode.RAMP: "recovering"}


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """``known`` False: the shared limits do not answer. ``tokens`` and ``concurrency`` None: not limited.

    ``ok`` and ``failed`` count the breaker's window; ``forced`` is what an operator ordered.
    """

    breaker: str
    forced: str
    opens_for_s: float
    tokens: float | None
    burst: int | None
    per_second: float | None
    in_use: int
    concurrency: int | None
    ok: int
    failed: int
    paused_s: float
    quota_used: int
    daily_quota: int | None
    known: bool


def usable(rows: Iterable[Connection]) -> list[Connection]:
    """Those whose connector is installed and fits; the others are explained on their own pages."""
    return [row for row in rows if _is_usable(row)]


def _is_usable(row: Connection) -> bool:
    try:
        resolve(row)
    except IpaasError:
        return False
    return True


def connection_health(connection: Connection) -> ConnectionHealth:
    """Breaker, tokens left, slots in use and recent results; for synchronous code."""
    return connections_health([connection])[0]


def connections_health(rows: list[Connection]) -> list[ConnectionHealth]:
    """The same for a list, over one connection to the shared limits."""
    prepared = [resolve(row).settings_for("", "", {}) for row in rows]
    states = asyncio.run(_states([limits for _, limits in prepared]))
    return [_health(row, policy, state) for row, (policy, _), state in zip(rows, prepared, states, strict=True)]


async def _states(specs: list[LimitSpec]) -> list[LimitState]:
    shared = RedisLimitStore.from_url(settings().redis_url)
    store = FallbackLimitStore(shared)
    try:
        return [await store.state(spec) for spec in specs]
    finally:
        await shared.aclose()


def _health(row: Connection, policy: PolicySettings, state: LimitState) -> ConnectionHealth:
    breaker = row.forced_breaker or (_NAMES[state.mode] if policy.breaker is not None else "off")
    return ConnectionHealth(
        breaker=breaker,
        forced=row.forced_breaker,
        opens_for_s=state.opens_for_ms / 1000,
        tokens=state.tokens,
        burst=policy.rate.burst if policy.rate else None,
        per_second=policy.rate.per_second if policy.rate else None,
        in_use=state.in_use,
        concurrency=policy.concurrency,
        ok=state.ok,
        failed=state.failed,
        paused_s=state.paused_ms / 1000,
        quota_used=state.quota_used,
        daily_quota=policy.rate.daily_quota if policy.rate else None,
        known=state.known,
    )
