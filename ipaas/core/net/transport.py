"""From request to answer over kept-alive, egress-checked connections."""

import asyncio
import re
import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from . import decoding, dial
from .connection import HttpConnection
from .errors import BodyTooLarge, ConnectionLost, NetError, ProtocolError
from .policy import EgressPolicy, check_target
from .pool import ConnectionPool, Origin, OriginKey
from .request import SAFE_METHODS, Headers, request_head
from .resolver import Resolver, default_resolver
from .response import Limits, ResponseReader, Sink
from .tls import default_tls
from .urls import Target, parse_url

DEFAULT_MAX_BODY = 16 * 1024 * 1024
TlsLike = ssl.SSLContext | None
_KEEP_ALIVE = re.compile(rb"timeout\s*=\s*\"?([0-9]{1,6})", re.IGNORECASE)


class Timings(NamedTuple):
    """Where the time of a call went, in milliseconds; the first three are 0 on a reused connection."""

    resolve_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float
    """From the start of the call to the first byte of the answer."""
    total_ms: float
    reused: bool
    address: str
    """The checked address that was connected to."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came: header names in lower case, order and repeats kept; the body decoded."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    timings: Timings

    def header(self, name: bytes) -> bytes | None:
        """The values of a header (name in lower case) joined by a comma; None when it is absent."""
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None


class HttpTransport:
    """Resolve-check-pin, keep-alive and one total deadline per call. Belongs to the loop it is made in.

    ``max_per_origin``: calls at a time to one origin, None for any number. ``idle_s`` and ``max_age_s``: how long a
    connection is kept unused and at all; a shorter Keep-Alive timeout announced by the server is heeded.
    """

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        max_per_origin: int | None = None,
        max_idle_per_origin: int = 128,
        idle_s: float = 15.0,
        max_age_s: float = 300.0,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._resolver = resolver or default_resolver()
        self._connections: set[HttpConnection] = set()
        self.pool = ConnectionPool(
            self._loop,
            max_per_origin=max_per_origin,
            max_idle_per_origin=max_idle_per_origin,
            idle_s=idle_s,
            max_age_s=max_age_s,
        )

    async def call(
        self,
        method: str,
        url: Target | str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        egress: EgressPolicy,
        deadline_s: float,
        max_body: int = DEFAULT_MAX_BODY,
        tls: TlsLike = None,
        sink: Sink | None = None,
    ) -> RawAnswer:
        """See ``HttpClient.call``."""
        started = perf_counter()
        deadline = self._loop.time() + deadline_s
        target = url if isinstance(url, Target) else parse_url(url)
        check_target(target, egress)
        head = request_head(method, target, headers, len(body))
        exchange = _Exchange(method, head, body, Limits(max_body), started, deadline, sink)
        context = (tls or default_tls()) if target.scheme == "https" else None
        key = OriginKey(target.scheme, target.host, target.port, egress, context)
        origin = await self.pool.reserve(key, exchange.deadline)
        try:
            return await self._with_one_resend(exchange, key, origin)
        finally:
            self.pool.leave(key, origin)

    async def aclose(self) -> None:
        """Close every connection, those in use too, and wait for the sockets to be closed."""
        self.pool.close()
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.wait_closed()

    async def _with_one_resend(self, exchange: "_Exchange", key: OriginKey, origin: Origin) -> RawAnswer:
        """A kept connection that was closed under us costs nothing where sending again cannot do harm."""
        connection = self.pool.take(origin)
        if connection is None:
            return await self._fresh(exchange, key, origin)
        try:
            return await self._once(exchange, key, origin, connection)
        except ConnectionLost as lost:
            if exchange.seen or (lost.sent and exchange.method not in SAFE_METHODS):
                raise
            before = lost.sent
        try:
            return await self._fresh(exchange, key, origin)
        except NetError as error:
            error.sent = error.sent or before
            raise

    async def _fresh(self, exchange: "_Exchange", key: OriginKey, origin: Origin) -> RawAnswer:
        return await self._once(exchange, key, origin, await self._connect(key, exchange.deadline))

    async def _connect(self, key: OriginKey, deadline: float) -> HttpConnection:
        opening = dial.Opening(key.host, key.port)
        async with dial.within(opening, deadline):
            sock = await dial.connect(opening, key.policy, self._resolver, deadline)
            _, connection = await dial.attach(
                sock, lambda: HttpConnection(self._loop, key.host, key.port, self._forget), opening, key.tls
            )
        connection.opening = opening
        if not connection.closed:
            self._connections.add(connection)
        return connection

    def _forget(self, connection: HttpConnection) -> None:
        self._connections.discard(connection)

    async def _once(
        self, exchange: "_Exchange", key: OriginKey, origin: Origin, connection: HttpConnection
    ) -> RawAnswer:
        reused = connection.used
        limits = exchange.limits
        reader = exchange.reader = ResponseReader(is_head=exchange.method == "HEAD", limits=limits, sink=exchange.sink)
        if await connection.exchange(exchange.head, exchange.body, reader, limits, exchange.deadline):
            _heed_keep_alive(connection, reader)
            self.pool.keep(origin, connection)
        opening = connection.opening
        now = perf_counter()
        first_ms = (connection.first_byte_at - exchange.started) * 1000
        total_ms = (now - exchange.started) * 1000
        if reused:
            timings = Timings(0.0, 0.0, 0.0, first_ms, total_ms, True, opening.address)
        else:
            timings = Timings(
                opening.resolve_ms, opening.connect_ms, opening.tls_ms, first_ms, total_ms, False, opening.address
            )
        return RawAnswer(reader.status, reader.reason, reader.headers, _body(reader, key, limits.max_body), timings)


class _Exchange:
    """What one call carries through its at most two tries."""

    __slots__ = ("body", "deadline", "head", "limits", "method", "reader", "sink", "started")

    def __init__(
        self,
        method: str,
        head: bytes,
        body: bytes,
        limits: Limits,
        started: float,
        deadline: float,
        sink: Sink | None,
    ) -> None:
        self.method = method
        self.head = head
        self.body = body
        self.limits = limits
        self.started = started
        self.deadline = deadline
        self.sink = sink
        self.reader: ResponseReader | None = None

    @property
    def seen(self) -> bool:
        """Whether any byte of an answer came."""
        return self.reader is not None and self.reader.seen


def _body(reader: ResponseReader, key: OriginKey, max_body: int) -> bytes:
    body = bytes(reader.body)
    codings = [value for name, value in reader.headers if name == b"content-encoding"]
    if not codings or not body:
        return body
    try:
        return decoding.decode(body, b",".join(codings), max_body=max_body)
    except decoding.TooLong as error:
        raise BodyTooLarge(host=key.host, port=key.port, limit=max_body, sent=True) from error
    except decoding.Broken as error:
        raise ProtocolError(host=key.host, port=key.port, reason=str(error), sent=True) from error


def _heed_keep_alive(connection: HttpConnection, reader: ResponseReader) -> None:
    """Give a connection up a second before the server says that it will."""
    for name, value in reader.headers:
        if name == b"keep-alive":
            match = _KEEP_ALIVE.search(value)
            if match is not None:
                connection.keep_for_s = int(match[1]) - 1.0
