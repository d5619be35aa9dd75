"""One HTTP/1.1 connection: one exchange at a time, no task and no stream object of its own."""

import asyncio
import math
import select
import socket
from collections.abc import Callable
from time import perf_counter
from typing import cast

from .dial import Opening
from .errors import BodyTooLarge, ConnectionLost, DeadlineExceeded, NetError, ProtocolError, ReadTimeout, TlsFailed
from .response import Limits, ResponseReader
from .tls import refused_in_handshake, tls_reason

_JOIN_BELOW = 65_536
_GONE = "it was closed before the request"


class HttpConnection(asyncio.Protocol):
    """A connected and, where asked, TLS-verified socket. Owned by whoever took it from the pool."""

    __slots__ = (
        "_closed",
        "_host",
        "_limits",
        "_loop",
        "_on_closed",
        "_poll",
        "_port",
        "_reader",
        "_transport",
        "_waiter",
        "born_at",
        "first_byte_at",
        "idle_since",
        "keep_for_s",
        "opening",
        "used",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        on_closed: Callable[["HttpConnection"], None],
    ) -> None:
        self._loop = loop
        self._host = host
        self._port = port
        self._on_closed = on_closed
        self.opening = Opening(host, port)
        self._transport: asyncio.Transport | None = None
        self._closed = loop.create_future()
        self._poll: select.poll | None = None
        self._reader: ResponseReader | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.born_at = self.idle_since = loop.time()
        self.first_byte_at = 0.0
        self.keep_for_s = math.inf
        """How long the server says that it keeps the connection unused."""
        self.used = False
        """Whether an exchange was completed on it before."""

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:  # nobody asked: not a connection to build upon
            self.abort()
            return
        if not reader.seen:
            self.first_byte_at = perf_counter()
        reader.feed(data)
        if reader.complete:
            self._settle(None)
        elif reader.failure:
            self._settle(self._failure(reader))

    def eof_received(self) -> bool:
        self._ended(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        self._poll = None
        self._on_closed(self)
        self._ended(exc)

    # Called by the transport.

    @property
    def alive(self) -> bool:
        """Whether it can carry another request: open, and nothing (not even an end) waiting to be read."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._closed.done():
            return False
        return self._poll is None or not self._poll.poll(0)

    async def exchange(self, head: bytes, body: bytes, reader: ResponseReader, limits: Limits, deadline: float) -> bool:
        """Send one request and read its answer into ``reader``; True when the connection may be kept.

        ``deadline`` is in the loop's time. Every NetError raised has ``sent`` True unless the connection was gone
        before the first byte. After an error or a cancellation the connection is closed.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise self._lost(_GONE, sent=False)
        self._reader, self._limits = reader, limits
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_at(deadline, self._expire)
        try:
            if len(body) < _JOIN_BELOW:
                transport.write(head + body)
            else:
                transport.write(head)
                transport.write(body)
            await waiter
        except BaseException:
            self.abort()
            raise
        finally:
            timer.cancel()
            self._reader = self._waiter = None
        if reader.reusable and transport.get_write_buffer_size() == 0 and not transport.is_closing():
            self.used = True
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once; harmless when closed."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def closed(self) -> bool:
        return self._closed.done()

    async def wait_closed(self) -> None:
        """Return once the socket is closed."""
        await asyncio.shield(self._closed)

    def _expire(self) -> None:
        writing = self._transport is not None and self._transport.get_write_buffer_size() > 0
        if writing:
            self._settle(DeadlineExceeded(host=self._host, port=self._port, phase="write", sent=True))
        else:
            self._settle(ReadTimeout(host=self._host, port=self._port, phase="read", sent=True))

    def _ended(self, exc: Exception | None) -> None:
        reader = self._reader
        if reader is None:
            return
        if exc is None:
            reader.feed_eof()
            if reader.complete:
                self._settle(None)
                return
        if not self.used and not reader.seen and refused_in_handshake(exc):
            reason = tls_reason(cast("Exception", exc))
            self._settle(TlsFailed(host=self._host, port=self._port, reason=reason, sent=False))
            return
        part = "in the middle of the answer" if reader.seen else "before an answer"
        self._settle(self._lost(f"it was closed {part}", sent=True))

    def _failure(self, reader: ResponseReader) -> NetError:
        if reader.too_large:
            return BodyTooLarge(host=self._host, port=self._port, limit=self._limits.max_body, sent=True)
        return ProtocolError(host=self._host, port=self._port, reason=reader.failure, sent=True)

    def _lost(self, reason: str, *, sent: bool) -> ConnectionLost:
        return ConnectionLost(host=self._host, port=self._port, reason=reason, sent=sent)

    def _settle(self, error: NetError | None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
