"""The stand-ins' HTTP server on the wire: split, pipelined, unfinished and half-closed requests, its own defects."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from ipaas.sdk.stubs.http import Handle, HttpProtocol, StubAnswer, StubRequest, json_answer
from ipaas.sdk.stubs.orders import order

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Seen:
    """A server that keeps what arrived; ``/later`` is answered when ``go`` is set, ``/broken…`` fails."""

    requests: list[StubRequest] = field(default_factory=list)
    arrived: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def handle(self, request: StubRequest) -> StubAnswer | Awaitable[StubAnswer]:
        self.requests.append(request)
        self.arrived.put_nowait(request.path)
        if request.path == "/broken":
            raise ValueError(request.path)
        if request.path == "/cut":
            return StubAnswer(200, b'{"some": "body"}', cut=request.query["how"])
        if request.path.startswith("/later") or request.path == "/broken-later":
            return self._later(request)
        return json_answer(200, {"path": request.path, "size": len(request.body)})

    async def _later(self, request: StubRequest) -> StubAnswer:
        await self.go.wait()
        if request.path == "/broken-later":
            raise OverflowError(request.path)
        return json_answer(200, {"path": request.path, "size": len(request.body)})


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[Callable[[], Awaitable[Peer]]]:
    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(handle), "127.0.0.1", 0)
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Peer:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writers.append(writer)
        return reader, writer

    async with asyncio.timeout(10):
        yield connect
    for writer in writers:
        writer.close()
    server.close()
    await server.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().partition("content-length: ")[2].partition("\r")[0] or 0)
    return int(head.split(" ")[1]), await reader.readexactly(length)


def post(path: str, body: bytes = b"{}", more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


async def test_posts_on_one_connection_are_all_answered() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        for size in (0, 1, 70_000, 2):
            writer.write(post("/a", b"x" * size))
            assert await answer(reader) == (200, b'{"path":"/a","size":%d}' % size)


@pytest.mark.parametrize("at", range(1, len(post("/a", b"12345")), 7))
async def test_a_request_in_two_pieces_is_one_request(at: int) -> None:
    seen, data = Seen(), post("/a", b"12345")
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        writer.write(data[:at])
        await writer.drain()
        other_reader, other_writer = await connect()  # by its answer the first piece has been taken in
        other_writer.write(post("/b"))
        await answer(other_reader)
        assert [request.path for request in seen.requests] == ["/b"]
        writer.write(data[at:])
        assert await answer(reader) == (200, b'{"path":"/a","size":5}')


async def test_a_chunked_body_is_put_together() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        head = b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
        writer.write(head)
        assert (await answer(reader))[0] == 100
        writer.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert await answer(reader) == (200, b'{"path":"/a","size":5}')
        assert seen.requests[0].body == b"abcde"


async def test_pipelined_posts_behind_a_slow_one_keep_their_order() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        writer.write(post("/later-1") + post("/a") + post("/later-2") + post("/b", more="connection: close\r\n"))
        seen.go.set()
        paths = [(await answer(reader))[1].split(b'"')[3] for _ in range(4)]
        assert paths == [b"/later-1", b"/a", b"/later-2", b"/b"]
        assert await reader.read() == b""


async def test_a_client_that_leaves_in_the_middle_of_a_body_does_nothing() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        _, writer = await connect()
        writer.write(post("/a", b"x" * 100)[:-1])
        writer.close()
        await writer.wait_closed()
        reader, writer = await connect()
        writer.write(post("/b"))
        assert (await answer(reader))[0] == 200
        assert [request.path for request in seen.requests] == ["/b"]


async def test_a_client_that_leaves_before_a_slow_answer_harms_nobody() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        _, gone = await connect()
        gone.write(post("/later"))
        reader, writer = await connect()
        writer.write(post("/later-too"))
        assert {await seen.arrived.get(), await seen.arrived.get()} == {"/later", "/later-too"}
        gone.transport.abort()
        seen.go.set()
        assert (await answer(reader))[0] == 200


async def test_a_client_that_has_closed_its_side_still_gets_a_slow_answer() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        writer.write(post("/later"))
        writer.write_eof()
        assert await seen.arrived.get() == "/later"
        seen.go.set()
        assert await answer(reader) == (200, b'{"path":"/later","size":2}')
        assert await reader.read() == b""


@pytest.mark.parametrize("path", ["/broken", "/broken-later"])
async def test_a_defect_of_a_stand_in_is_answered_and_the_connection_goes_on(path: str) -> None:
    seen = Seen()
    seen.go.set()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        writer.write(post(path) + post("/later") + post("/a"))
        status, body = await answer(reader)
        assert (status, b"stub_defect" in body) == (500, True)
        assert (await answer(reader))[0] == 200
        assert (await answer(reader))[0] == 200


async def test_a_half_answer_ends_early_and_a_reset_gives_none() -> None:
    seen = Seen()
    async with serving(seen.handle) as connect:
        reader, writer = await connect()
        writer.write(post("/cut?how=half"))
        data = await reader.read()
        assert data.startswith(b"HTTP/1.1 200")
        assert data.endswith(b'{"some":')
        reader, writer = await connect()
        writer.write(post("/cut?how=reset"))
        with pytest.raises(ConnectionResetError):
            await reader.read()


def test_an_order_of_the_largest_number_has_a_date() -> None:
    assert order(1, 10**15)["placed_at"].startswith("2026")
