"""Posts prepared requests over kept-alive connections, as fast as they are answered or at a given rate."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

CONNECTIONS = 64


@dataclass
class Sent:
    """What became of a batch: when each request left (seconds since the epoch) and how long its answer took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    left_at: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return sum(self.statuses.values()) / self.seconds


class Line(asyncio.Protocol):
    """One connection: writes a request and waits for its whole answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        start = self.data.find(b"content-length: ") + 16
        whole = end + 4 + int(self.data[start : self.data.index(b"\r\n", start)])
        if len(self.data) >= whole:
            answer, self.data = self.data[:whole], self.data[whole:]
            self.waiter.set_result((int(answer[9:12]), answer[end + 4 :]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.waiter.done():
            self.waiter.set_exception(error or ConnectionError("the connection was closed"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self.waiter: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiter


async def _lines(port: int, count: int) -> list[Line]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in range(count)]


async def _ask(line: Line, request: bytes, sent: Sent) -> None:
    left = time.time()
    status, body = await line.ask(request)
    sent.left_at.append(left)
    sent.answered_ms.append((time.time() - left) * 1000)
    sent.statuses[status] += 1
    sent.receipts.append(body[15:51].decode())


def burst(port: int, requests: Sequence[bytes]) -> Sent:
    """Keep every connection busy until all requests are answered."""

    async def main() -> Sent:
        sent, waiting = Sent(), iter(requests)
        lines = await _lines(port, CONNECTIONS)

        async def lane(line: Line) -> None:
            for request in waiting:
                await _ask(line, request, sent)

        started = time.perf_counter()
        await asyncio.gather(*map(lane, lines))
        sent.seconds = time.perf_counter() - started
        _close(lines)
        return sent

    return uvloop.run(main())


def steadily(port: int, requests: Sequence[bytes], per_second: float) -> Sent:
    """Send at a rate, whether or not earlier requests are answered; connections are taken from a free list."""

    async def main() -> Sent:
        loop, sent = asyncio.get_running_loop(), Sent()
        lines = await _lines(port, CONNECTIONS)
        free: asyncio.Queue[Line] = asyncio.Queue()
        for line in lines:
            free.put_nowait(line)

        async def one(request: bytes) -> None:
            line = await free.get()
            await _ask(line, request, sent)
            free.put_nowait(line)

        started, tasks = loop.time(), []
        for number, request in enumerate(requests):
            pause = started + number / per_second - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            tasks.append(asyncio.create_task(one(request)))
        await asyncio.gather(*tasks)
        sent.seconds = loop.time() - started
        _close(lines)
        return sent

    return uvloop.run(main())


def _close(lines: Sequence[Line]) -> None:
    for line in lines:
        line.waiter = asyncio.get_running_loop().create_future()
        line.waiter.cancel()
        line.transport.close()
