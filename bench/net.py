"""Microseconds per call of the HTTP client beside the floor of the same minute.

The floor is the same exchange over a bare asyncio Protocol with no parsing at all; the server, a process of its own,
is the same for all. Run from the repository: ``python -m bench.net [--calls N] [--at-once N ...]``.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import h11
import httptools
import httpx

from ipaas.core.net import EgressPolicy, HttpClient, Request, parse_url

ANSWER_BODY = b'{"id": "ch_1", "status": "succeeded", "amount": 1999}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Cache-Control: no-store\r\nX-Request-Id: 0123456789abcdef\r\nContent-Length: %d\r\n\r\n%b"
    % (len(ANSWER_BODY), ANSWER_BODY)
)
BODY = b'{"order": "A-1001", "amount": 1999, "currency": "EUR", "customer": "c_42"}'
HEADERS = [(b"content-type", b"application/json"), (b"idempotency-key", b"k" * 32), (b"authorization", b"Bearer x")]
Call = Callable[[], Awaitable[object]]


class Answering(asyncio.Protocol):
    """Answers as often as the known body has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.tail = b""

    def data_received(self, data: bytes) -> None:
        data = self.tail + data
        for _ in range(data.count(BODY)):
            self.transport.write(ANSWER)
        self.tail = data.rpartition(BODY)[2]


def serve(pipe: Connection) -> None:
    """Serve on a free port until ended."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


class Bare(asyncio.Protocol):
    """The floor: writes, then waits until as many bytes as the answer has have come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.got = 0

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        if self.got >= len(ANSWER):
            self.got = 0
            self.waiter.set_result(None)

    async def call(self, request: bytes) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self.waiter


async def measure(call: Call, calls: int, at_once: int, warm: int = 5) -> float:
    """Microseconds of wall time per call with ``at_once`` under way, after ``warm`` calls of each."""

    async def lane(count: int) -> None:
        for _ in range(count):
            await call()

    await asyncio.gather(*(lane(warm) for _ in range(at_once)))
    each = max(1, calls // at_once)
    started = time.perf_counter()
    await asyncio.gather(*(lane(each) for _ in range(at_once)))
    return (time.perf_counter() - started) / (each * at_once) * 1e6


async def bare_call(port: int, at_once: int) -> tuple[Call, list[Bare]]:
    loop = asyncio.get_running_loop()
    free = [(await loop.create_connection(Bare, "127.0.0.1", port))[1] for _ in range(at_once)]
    request = b"POST /v1/charges HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"x: y\r\n" * 6 + b"\r\n" + BODY

    async def call() -> None:
        connection = free.pop()
        await connection.call(request)
        free.append(connection)

    return call, free


async def compare(port: int, calls: int, at_once: int) -> None:
    policy = EgressPolicy(frozenset({("127.0.0.1", port)}))
    url = f"http://127.0.0.1:{port}/v1/charges"
    target = parse_url(url)
    bare, connections = await bare_call(port, at_once)
    async with HttpClient() as client, httpx.AsyncClient(trust_env=False) as stock:
        ways: dict[str, Call] = {
            "floor (bare asyncio)": bare,
            "call": lambda: client.call("POST", target, HEADERS, BODY, egress=policy, deadline_s=10),
            "call, address as text": lambda: client.call("POST", url, HEADERS, BODY, egress=policy, deadline_s=10),
            "send, httpx types": lambda: client.send(
                Request("POST", url, headers=HEADERS, content=BODY), egress=policy, deadline_s=10
            ),
            "stock httpx": lambda: stock.post(url, headers=HEADERS, content=BODY),
        }
        figures: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(3):
            for name, call in ways.items():
                figures[name].append(await measure(call, calls if name != "stock httpx" else calls // 5, at_once))
    for connection in connections:
        connection.transport.close()
    print(f"{at_once} at once, {calls} calls, median of 3, us per call:")
    for name, values in figures.items():
        print(f"  {name:24} {statistics.median(values):8.1f}")


class Sink:
    """Takes what httptools finds."""

    def on_header(self, name: bytes, value: bytes) -> None: ...

    def on_body(self, body: bytes) -> None: ...

    def on_message_complete(self) -> None: ...


def by_httptools() -> None:
    httptools.HttpResponseParser(Sink()).feed_data(ANSWER)


def by_h11() -> None:
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(ANSWER)
    while not isinstance(reader.next_event(), h11.EndOfMessage):
        pass


def compare_parsers(rounds: int) -> None:
    print("reading one answer, us:")
    for name, read in (("httptools", by_httptools), ("h11", by_h11)):
        started = time.perf_counter()
        for _ in range(rounds):
            read()
        print(f"  {name:24} {(time.perf_counter() - started) / rounds * 1e6:8.1f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=4000)
    options.add_argument("--at-once", type=int, nargs="*", default=[1, 32])
    chosen = options.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    for at_once in chosen.at_once:
        asyncio.run(compare(port, chosen.calls, at_once))
    compare_parsers(chosen.calls)
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
