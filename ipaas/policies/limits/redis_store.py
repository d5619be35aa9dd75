"""The limits in Redis: two Lua scripts, one round trip each."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from ipaas.policies.limits.model import Admission, AdmitRequest, LimitSpec, LimitState, Mode, Reason, Report
from ipaas.policies.settings import RateSettings

SLOT_TTL_MS = 30_000
PROBE_TTL_MS = 60_000
_ANSWER_IN_S = 0.25
_CONNECT_IN_S = 1.0
_WINDOW_PARTS = 10


class _Script:
    def __init__(self, name: str) -> None:
        self.text = resources.files(__package__).joinpath(name).read_text("utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: "Redis", keys: Sequence[str], args: Sequence[str | int | float]) -> Any:
        client = cast("Any", redis)
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await client.eval(self.text, len(keys), *keys, *args)


_ADMIT = _Script("admit.lua")
_REPORT = _Script("report.lua")


class RedisLimitStore:
    """State shared by all processes. Raises redis and OS errors as they are; ``FallbackLimitStore`` handles them.

    ``process`` names the holder of concurrency slots; those of a process that died are free after 30 seconds.
    """

    def __init__(self, redis: "Redis", process: str | None = None) -> None:
        self._redis = redis
        self._process = process or f"{os.uname().nodename}-{os.getpid()}-{id(self):x}"

    @classmethod
    def from_url(cls, url: str) -> "RedisLimitStore":
        redis = Redis.from_url(
            url,
            socket_timeout=_ANSWER_IN_S,
            socket_connect_timeout=_CONNECT_IN_S,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(redis)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def admit(self, requests: Sequence[AdmitRequest]) -> list[Admission]:
        args: list[str | int | float] = []
        for request in requests:
            args += self._admit_args(request)
        answers = await _ADMIT.run(self._redis, [request.spec.key for request in requests], args)
        return [_admission(answer) for answer in answers]

    def _admit_args(self, request: AdmitRequest) -> list[str | int | float]:
        spec = request.spec
        breaker = spec.breaker
        rate, burst, quota = _rate_args(spec.rate)
        step_rate, step_burst, step_quota = _rate_args(spec.step_rate)
        return [
            *(request.tokens, request.ahead, request.slots, request.cost),
            *(rate, burst, quota, spec.bucket, step_rate, step_burst),
            *(spec.concurrency or 0, self._process, SLOT_TTL_MS),
            *((1, breaker.half_open_probes, _ms(breaker.ramp_s)) if breaker else (0, 0, 0)),
            PROBE_TTL_MS,
            step_quota,
        ]

    async def report(self, reports: Sequence[Report]) -> list[Mode]:
        args: list[str | int | float] = []
        for report in reports:
            args += self._report_args(report)
        answers = await _REPORT.run(self._redis, [report.spec.key for report in reports], args)
        return [Mode(int(answer[0])) for answer in answers]

    def _report_args(self, report: Report) -> list[str | int | float]:
        breaker = report.spec.breaker
        settings: tuple[int | float, ...] = (0, 0, 0, 0, 0, 0, 0)
        if breaker:
            settings = (
                *(1, _ms(breaker.window_s), breaker.min_calls, breaker.failure_ratio),
                *(_ms(breaker.open_s), breaker.half_open_probes, _ms(breaker.ramp_s)),
            )
        return [
            *(report.ok, report.failed, report.probes_ok, report.probes_failed, report.probes_void, report.pause_ms),
            *(-1 if report.held is None else report.held, self._process, SLOT_TTL_MS),
            *settings,
        ]

    async def state(self, spec: LimitSpec) -> LimitState:
        client = cast("Any", self._redis)
        raw: Mapping[bytes, bytes] = await client.hgetall(spec.key)
        seconds, micros = await client.time()
        return _state(
            spec, {key.decode(): value.decode() for key, value in raw.items()}, seconds * 1000 + micros // 1000
        )


def _rate_args(rate: RateSettings | None) -> tuple[float, int, int]:
    return (rate.per_second, rate.burst, rate.daily_quota or 0) if rate else (0, 0, 0)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _admission(answer: Sequence[Any]) -> Admission:
    mode, tokens, slots, wait_ms, reason = answer
    return Admission(
        Mode(int(mode)), int(tokens), int(slots), int(wait_ms), cast("Reason", reason.decode()) if reason else None
    )


def _state(spec: LimitSpec, fields: Mapping[str, str], now_ms: int) -> LimitState:
    mode = Mode(int(fields.get("bs", 0)))
    good, bad = _window(spec, fields, now_ms)
    in_use = sum(
        int(value)
        for name, value in fields.items()
        if name.startswith("c:") and float(fields.get(f"x:{name[2:]}", 0)) > now_ms
    )
    day = datetime.fromtimestamp(now_ms / 1000, tz=UTC).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    return LimitState(
        mode=mode,
        opens_for_ms=max(0, int(float(fields.get("bu", 0))) - now_ms) if mode is Mode.OPEN else 0,
        tokens=_level(spec.rate, fields, now_ms),
        in_use=in_use,
        ok=good,
        failed=bad,
        paused_ms=max(0, int(float(fields.get("tp", 0))) - now_ms),
        quota_used=int(float(fields.get("q", 0))) if fields.get("qd") == str(day) else 0,
    )


def _level(rate: RateSettings | None, fields: Mapping[str, str], now_ms: int) -> float | None:
    if rate is None:
        return None
    level = float(fields.get("tk", rate.burst))
    since = float(fields.get("ts", now_ms))
    return round(min(rate.burst, level + max(0.0, now_ms - since) * rate.per_second / 1000), 1)


def _window(spec: LimitSpec, fields: Mapping[str, str], now_ms: int) -> tuple[int, int]:
    if spec.breaker is None:
        return 0, 0
    part = now_ms // max(1, _ms(spec.breaker.window_s) // _WINDOW_PARTS)
    recent = range(part - _WINDOW_PARTS + 1, part + 1)
    return (
        sum(int(fields.get(f"o{slot}", 0)) for slot in recent),
        sum(int(fields.get(f"f{slot}", 0)) for slot in recent),
    )
