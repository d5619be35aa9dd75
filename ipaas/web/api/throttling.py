"""How many requests a key, a person or an address may make: counted in Redis, or by each process while Redis is gone.

The count runs evenly (GCRA): whoever has used up a minute's requests gets them back one by one, not all at once.
"""

import hashlib
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final, cast

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ipaas.accounts.addresses import client_ip
from ipaas.config import settings
from ipaas.core.actor import Actor
from ipaas.core.errors import RateLimited
from ipaas.core.logging import get_logger

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module through the settings

log = get_logger(__name__)

PERIOD_S: Final = 60
MOST_LOCAL: Final = 10_000
AGAIN_S: Final = 5.0
"""How long Redis is left alone after it failed: a dead server must not cost every request a time-out."""

_SCRIPT = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local step, span = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0)) + step
if full - now > span then return {0, full - step - now, full - span - now} end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return {1, full - now, 0}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The decision on one request; ``reset_s`` until everything is free again, ``retry_s`` until one request is."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_s: int

    @property
    def headers(self) -> dict[str, str]:
        """Policy and what is left of it, as draft-ietf-httpapi-ratelimit-headers-10 writes them."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={PERIOD_S}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset_s}',
        }


class _Local:
    """The same count in this process alone."""

    lock = Lock()
    full: OrderedDict[str, float] = OrderedDict()
    redis_again_at = 0.0


class PrincipalThrottle(BaseThrottle):
    """One allowance per API key, per person in a workspace, or per address when nobody is recognised."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        del view
        actor = getattr(request, "auth", None)
        spend(request, _principal(request), actor.rate_per_minute if isinstance(actor, Actor) else None)
        return True


def spend(request: Request, principal: str, own_rate: int | None = None) -> None:
    """Count a request; raises ``RateLimited`` when it is one too many. ``own_rate`` replaces everybody's."""
    found = allowance(principal, settings().api_rate if own_rate is None else own_rate)
    if found is None:
        return
    vars(request._request)["allowance"] = found  # noqa: SLF001 - where the answer's headers are written
    if not found.allowed:
        raise RateLimited(retry_after_s=found.retry_s)


def allowance(principal: str, per_minute: int) -> Allowance | None:
    """Decide on one request now; None when there is no limit."""
    if per_minute == 0:
        return None
    step, span = round(PERIOD_S * 1e6 / per_minute), PERIOD_S * 1_000_000
    key = hashlib.sha256(principal.encode()).hexdigest()[:32]
    allowed, used, wait = _decide(key, step, span)
    return Allowance(
        allowed=allowed,
        limit=per_minute,
        remaining=max(0, (span - used) // step),
        reset_s=math.ceil(used / 1e6),
        retry_s=max(1, math.ceil(wait / 1e6)),
    )


def _decide(key: str, step: int, span: int) -> tuple[bool, int, int]:
    if time.monotonic() >= _Local.redis_again_at:
        try:
            answer = _script()(keys=[f"ipaas:api:{key}"], args=[step, span])
            allowed, used, wait = cast("list[int]", answer)
        except (RedisError, OSError) as error:
            log.warning("requests are counted by this process alone", action="rate_local", error=type(error).__name__)
            _Local.redis_again_at = time.monotonic() + AGAIN_S
        else:
            return bool(allowed), used, wait
    return _decide_here(key, step, span)


def _decide_here(key: str, step: int, span: int) -> tuple[bool, int, int]:
    now = time.monotonic() * 1e6
    with _Local.lock:
        full = max(now, _Local.full.get(key, 0.0)) + step
        if full - now > span:
            return False, round(full - step - now), round(full - span - now)
        _Local.full[key] = full
        _Local.full.move_to_end(key)
        while len(_Local.full) > MOST_LOCAL:
            _Local.full.popitem(last=False)
    return True, round(full - now), 0


def forget_local() -> None:
    """Begin anew in this process, and ask Redis again."""
    with _Local.lock:
        _Local.full.clear()
        _Local.redis_again_at = 0.0


@cache
def _script() -> Script:
    redis = Redis.from_url(settings().redis_url, socket_timeout=0.25, socket_connect_timeout=0.25)
    return redis.register_script(_SCRIPT)


def _principal(request: Request) -> str:
    actor = getattr(request, "auth", None)
    if isinstance(actor, Actor):
        return f"{actor.kind}:{actor.id}:{actor.workspace_id}"
    return f"address:{client_ip(request)}"
