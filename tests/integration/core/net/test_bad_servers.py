"""Servers that break off, lie or babble: the right error, and ``sent`` as it was."""

import asyncio
import socket

import pytest

from ipaas.core.net import ConnectFailed, ConnectionLost, NetError, ProtocolError

from .servers import answering, ok, serving

HALF = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
    "only an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("data", HALF.values(), ids=HALF.keys())
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_half_answers_are_lost_connections(client, data, method):
    async with serving(answering(data)) as server:
        with pytest.raises(ConnectionLost) as lost:
            await client.call(method, server.url(), egress=server.policy, deadline_s=5)
    assert lost.value.sent is True
    assert server.connections == 1


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", b"HTTP/1.1 200 OK\r\n\r\nhel"]
)
async def test_resets_are_lost_connections_even_where_closing_would_end_the_body(client, data):
    async def talk(peer):
        await peer.request()
        await peer.say(data)
        peer.reset()

    async with serving(talk) as server:
        with pytest.raises(ConnectionLost) as lost:
            await client.call("POST", server.url(), (), b"x", egress=server.policy, deadline_s=5)
    assert lost.value.sent is True


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n\r\nplain",
    ],
)
async def test_broken_answers_are_protocol_errors(client, data):
    async with serving(answering(data, close=False)) as server:
        with pytest.raises(ProtocolError) as broken:
            await client.call("POST", server.url(), (), b"x", egress=server.policy, deadline_s=5)
    assert broken.value.sent is True


@pytest.mark.parametrize(
    ("method", "data", "status", "body"),
    [
        ("GET", b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\n\r\n" + ok(), 200, b"ok"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 200, b""),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
    ],
)
async def test_unusual_but_proper_answers(client, method, data, status, body):
    async with serving(answering(data)) as server:
        answer = await client.call(method, server.url(), egress=server.policy, deadline_s=5)
    assert (answer.status, answer.body) == (status, body)


async def test_an_answer_ahead_of_the_whole_request_is_taken_and_the_connection_dropped(client):
    async def hasty(peer):
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await peer.hang()

    async with serving(hasty) as server:
        for _ in range(2):
            answer = await client.call("POST", server.url(), (), bytes(8_000_000), egress=server.policy, deadline_s=10)
            assert (answer.status, answer.body) == (413, b"big")
    assert server.connections == 2


async def test_nobody_listening_is_not_sent(client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with serving(answering(ok())) as server:
            server.port, real = port, server.port
            with pytest.raises(ConnectFailed) as failed:
                await client.call("POST", server.url(), (), b"x", egress=server.policy, deadline_s=5)
            server.port = real
    assert failed.value.sent is False
    assert str(port) in str(failed.value)


async def test_cancelled_calls_close_their_connection(client):
    asked = asyncio.Event()

    async def silent(peer):
        await peer.request()
        asked.set()
        await peer.hang()

    async with serving(silent) as server:
        call = asyncio.create_task(client.call("GET", server.url(), egress=server.policy, deadline_s=5))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server.gone.get() == 1


async def test_closing_the_client_ends_calls_under_way(client):
    asked = asyncio.Event()

    async def silent(peer):
        await peer.request()
        asked.set()
        await peer.hang()

    async with serving(silent) as server:
        call = asyncio.create_task(client.call("GET", server.url(), egress=server.policy, deadline_s=5))
        await asked.wait()
        await client.aclose()
        with pytest.raises(NetError) as lost:
            await call
        assert lost.value.sent is True
