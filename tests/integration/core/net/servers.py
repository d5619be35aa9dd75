"""Loopback servers that behave as badly as a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from ipaas.core.net import EgressPolicy

Talk = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """The server's side of one connection."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "Server"

    async def request(self) -> bytes:
        """Read one request, head and body, and note it; raises IncompleteReadError at the end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        request = head + await self.reader.readexactly(length)
        self.server.requests.append((self.number, request))
        return request

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self) -> None:
        """Say nothing until the other side goes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SOL_SOCKET, SO_LINGER: on, 0 s
        self.writer.transport.abort()


@dataclass
class Server:
    """Address of a running server and what it has seen."""

    port: int = 0
    tls: bool = False
    connections: int = 0
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    gone: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    """Numbers of the connections whose talk has ended."""

    @property
    def policy(self) -> EgressPolicy:
        return EgressPolicy(frozenset({("127.0.0.1", self.port), ("localhost", self.port)}))

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(talk: Talk, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve ``talk`` on a free loopback port; it is called for each connection and ends it by returning."""
    server = Server(tls=tls is not None)
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        server.connections += 1
        peer = Peer(server.connections, reader, writer, server)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await talk(peer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(0.2):  # a stream whose STARTTLS failed never says that it is closed
                    await writer.wait_closed()
            writer.transport.abort()
            talks.discard(task)
            server.gone.put_nowait(peer.number)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await listener.wait_closed()


def ok(body: bytes = b"ok", *headers: bytes) -> bytes:
    """A plain answer."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def friendly(peer: Peer) -> None:
    """Answer every request with ``ok``."""
    while True:
        await peer.request()
        await peer.say(ok())


def answering(*pieces: bytes, close: bool = True) -> Talk:
    """Take one request and answer with exactly these bytes, then close (or wait for the other side to)."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.say(piece)
        if not close:
            await peer.hang()

    return talk
