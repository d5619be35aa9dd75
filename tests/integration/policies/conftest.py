"""A store in the Valkey of the test settings, with keys that no other test uses."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ipaas.config import settings
from ipaas.policies.limits.model import LimitSpec
from ipaas.policies.limits.redis_store import RedisLimitStore
from ipaas.policies.settings import BreakerSettings, RateSettings

BREAKER = BreakerSettings(window_s=30, min_calls=4, failure_ratio=0.5, open_s=20, half_open_probes=2, ramp_s=5)


class ShiftedRedis:
    """A client whose scripts see another time: TIME is replaced by a value that tests move."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self.now_ms = 1_790_000_000_000

    async def evalsha(self, sha: str, count: int, *rest: object) -> object:
        from ipaas.policies.limits import redis_store

        script = redis_store._ADMIT if sha == redis_store._ADMIT.sha else redis_store._REPORT
        text = script.text.replace(
            "local clock = redis.call('TIME')",
            f"local clock = {{{self.now_ms // 1000}, {self.now_ms % 1000 * 1000}}}",
        )
        return await self._redis.eval(text, count, *rest)  # type: ignore[misc,arg-type]

    async def hgetall(self, key: str) -> object:
        return await self._redis.hgetall(key)  # type: ignore[misc]

    async def time(self) -> tuple[int, int]:
        return self.now_ms // 1000, self.now_ms % 1000 * 1000

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


@pytest_asyncio.fixture
async def redis() -> AsyncIterator["Redis"]:
    client = Redis.from_url(os.environ.get("REDIS_URL", settings().redis_url))
    yield client
    await client.aclose()


@pytest.fixture
def shifted(redis: "Redis") -> ShiftedRedis:
    return ShiftedRedis(redis)


@pytest.fixture
def store(shifted: ShiftedRedis) -> RedisLimitStore:
    return RedisLimitStore(shifted, process="one")  # type: ignore[arg-type]


@pytest.fixture
def other(shifted: ShiftedRedis) -> RedisLimitStore:
    """The same store as another process sees it."""
    return RedisLimitStore(shifted, process="two")  # type: ignore[arg-type]


@pytest.fixture
def spec() -> LimitSpec:
    return LimitSpec(uuid4(), uuid4())


@pytest.fixture
def limited(spec: LimitSpec) -> LimitSpec:
    return replace(spec, rate=RateSettings(per_second=10, burst=5))


@pytest.fixture
def guarded(spec: LimitSpec) -> LimitSpec:
    return replace(spec, breaker=BREAKER)
