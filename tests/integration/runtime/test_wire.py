"""The ingress on a real socket: what senders do that no HTTP library would."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from ipaas.events.intake import MAX_BODY
from ipaas.ingress import app as app_module
from ipaas.ingress import server as server_module
from ipaas.ingress.app import Ingress
from ipaas.ingress.server import MAX_HEAD, server
from ipaas.runtime.models import Work
from tests.integration.runtime.conftest import World, conninfo

Talk = Callable[["Door"], Awaitable[Any]]


class Door:
    """Raw connections to the ingress."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def say(self, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send pieces one by one; the answer, read until the other side closes or its length is there."""
        async with self.open() as (reader, writer):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            except ConnectionError:
                pass  # it was answered and closed before all was said
            return await answer(reader)


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


@pytest.fixture
def knock(world: World) -> Callable[[Talk], Any]:
    path = f"/hooks/{world.endpoint().public_id}"

    def run(talk: Talk) -> Any:
        async def both() -> Any:
            listening = socket.create_server(("127.0.0.1", 0))  # who connects early waits in its queue
            serving = server(Ingress(conninfo()), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                return await talk(Door(listening.getsockname()[1], path))
            finally:
                serving.should_exit = True
                await task

        return asyncio.run(both())

    return run


def head(door: Door, *lines: str) -> bytes:
    first = (f"POST {door.path} HTTP/1.1", "host: x", "content-type: application/json")
    return "\r\n".join((*first, *lines, "", "")).encode()


def test_answers_are_inert_and_say_what_was_kept(knock: Callable[[Talk], Any]) -> None:
    status, headers, body = knock(lambda door: door.say(head(door, "content-length: 2"), b"{}"))
    assert (status, Work.objects.filter(id=orjson.loads(body)["receipt_id"]).count()) == (202, 1)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_head_without_end_is_cut_off(knock: Callable[[Talk], Any]) -> None:
    line = b"x-a: " + b"y" * 1000 + b"\r\n"
    status, headers, _ = knock(lambda door: door.say(head(door)[:-2], *[line] * (MAX_HEAD // 500)))
    assert (status, headers["connection"]) == (431, "close")


@pytest.mark.parametrize("begin", [b"", b"POST /ho", b"POST / HTTP/1.1\r\nhost: x\r\nx-slow: "])
def test_a_head_that_never_comes_is_not_waited_for(
    knock: Callable[[Talk], Any], monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    monkeypatch.setattr(server_module, "HEAD_S", 0.05)

    async def talk(door: Door) -> bytes:
        async with door.open() as (reader, writer):
            writer.write(begin)
            return await reader.read()

    assert knock(talk) == b""


def test_a_second_head_on_the_same_connection_has_its_own_time(
    knock: Callable[[Talk], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(door: Door) -> tuple[int, int, bytes]:
        async with door.open() as (reader, writer):
            writer.write(head(door, "content-length: 2") + b"{}")
            first, _, _ = await answer(reader)
            writer.write(head(door, "content-length: 2") + b"{}")
            second, _, _ = await answer(reader)
            monkeypatch.setattr(server_module, "HEAD_S", 0.05)
            writer.write(b"POST /ho")
            return first, second, await reader.read()

    assert knock(talk) == (202, 202, b"")


def test_a_body_that_drips_is_given_up(knock: Callable[[Talk], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "BODY_S", 0.05)
    status, headers, body = knock(lambda door: door.say(head(door, "content-length: 10"), b"{"))
    assert (status, headers["connection"], orjson.loads(body)["code"]) == (408, "close", "sender_slow")


def test_chunks_beyond_the_cap_end_the_connection(knock: Callable[[Talk], Any]) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    pieces = [chunk] * (MAX_BODY // 0x10000 + 2)
    status, headers, _ = knock(lambda door: door.say(head(door, "transfer-encoding: chunked"), *pieces))
    assert (status, headers["connection"]) == (413, "close")
    assert not Work.objects.exists()


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 2", "content-length: 3"),
        ("content-length: 2", "transfer-encoding: chunked"),
        ("content-length: -2",),
        ("content-length: 2", "bad header: \x01"),
        ("transfer-encoding: gzip, identity",),
    ],
)
def test_what_two_servers_could_read_differently_is_refused(
    knock: Callable[[Talk], Any], lines: tuple[str, ...]
) -> None:
    status, _, _ = knock(lambda door: door.say(head(door, *lines), b"{}"))
    assert status == 400
    assert not Work.objects.exists()


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_what_is_not_http_is_answered_and_closed(knock: Callable[[Talk], Any], raw: bytes) -> None:
    status, headers, _ = knock(lambda door: door.say(raw))
    assert (status, headers["connection"]) == (400, "close")
