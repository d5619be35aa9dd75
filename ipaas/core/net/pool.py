"""Kept-alive connections per origin: last in, first out, so that those not needed age and close."""

import asyncio
import ssl
from collections import deque
from typing import NamedTuple

from .connection import HttpConnection
from .errors import DeadlineExceeded
from .policy import EgressPolicy


class OriginKey(NamedTuple):
    """Connections are shared only by calls that agree in all of this."""

    scheme: str
    host: str
    port: int
    policy: EgressPolicy
    tls: ssl.SSLContext | None


class Origin:
    """The idle connections of one origin and the calls under way or waiting for their turn."""

    __slots__ = ("active", "idle", "waiting")

    def __init__(self) -> None:
        self.idle: list[HttpConnection] = []
        self.active = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class ConnectionPool:
    """Belongs to one loop. ``max_per_origin`` bounds calls at a time; others wait in order within their deadline."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        max_per_origin: int | None = None,
        max_idle_per_origin: int = 128,
        idle_s: float = 15.0,
        max_age_s: float = 300.0,
    ) -> None:
        self._loop = loop
        self._max_per_origin = max_per_origin
        self._max_idle = max_idle_per_origin
        self._idle_s = idle_s
        self._max_age_s = max_age_s
        self._origins: dict[OriginKey, Origin] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def origin(self, key: OriginKey) -> Origin:
        origin = self._origins.get(key)
        if origin is None:
            origin = self._origins[key] = Origin()
        return origin

    async def reserve(self, key: OriginKey, deadline: float) -> Origin:
        """Count a call in, waiting for a place; raises DeadlineExceeded (phase queue). Pair it with ``leave``."""
        origin = self.origin(key)
        if self._max_per_origin is None or origin.active < self._max_per_origin:
            origin.active += 1
            return origin
        place: asyncio.Future[None] = self._loop.create_future()
        origin.waiting.append(place)
        try:
            async with asyncio.timeout_at(deadline):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():  # it was handed to us and is not wanted any more
                self.leave(key, origin)
            elif place in origin.waiting:
                origin.waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(host=key.host, port=key.port, phase="queue") from error
            raise
        return origin

    def leave(self, key: OriginKey, origin: Origin) -> None:
        """Count a call out: its place goes to the one that waits longest."""
        while origin.waiting:
            place = origin.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        origin.active -= 1
        if not origin.active and not origin.idle:
            self._origins.pop(key, None)

    def take(self, origin: Origin) -> HttpConnection | None:
        """The youngest idle connection that is alive; dead and old ones met on the way are closed."""
        now = self._loop.time()
        while origin.idle:
            connection = origin.idle.pop()
            if self._fresh(connection, now) and connection.alive:
                return connection
            connection.abort()
        return None

    def keep(self, origin: Origin, connection: HttpConnection) -> None:
        """Give a connection back for others to use."""
        if self._closed or len(origin.idle) >= self._max_idle:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        origin.idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._idle_s, self._close_idle)

    @property
    def idle_count(self) -> int:
        return sum(len(origin.idle) for origin in self._origins.values())

    def close(self) -> None:
        """Close idle connections and keep none from now on."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for origin in self._origins.values():
            for connection in origin.idle:
                connection.abort()
            origin.idle.clear()

    def _fresh(self, connection: HttpConnection, now: float) -> bool:
        limit = min(self._idle_s, connection.keep_for_s)
        return now - connection.idle_since < limit and now - connection.born_at < self._max_age_s

    def _close_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for key, origin in list(self._origins.items()):
            kept = []
            for connection in origin.idle:
                if self._fresh(connection, now) and connection.alive:
                    kept.append(connection)
                else:
                    connection.abort()
            origin.idle[:] = kept
            if not kept and not origin.active:
                del self._origins[key]
        if self.idle_count:
            self._sweep = self._loop.call_later(self._idle_s / 2, self._close_idle)
