"""Servers that lie about what they send, or send what would never end: bounded, classed, and nobody is followed."""

import gzip
import zlib

import pytest

from ipaas.core.net import BodyTooLarge, ConnectionLost, DeadlineExceeded, NetError, ProtocolError, ReadTimeout

from .servers import Peer, answering, serving

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(bytes(20_000_000))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (CHUNKED + b"ffffffffffffffffff\r\nx", ProtocolError),
        (CHUNKED + b"-1\r\nx", ProtocolError),
        (CHUNKED + b"2\r\nabcd\r\n0\r\n\r\n", ProtocolError),
        (CHUNKED + b"5\r\nabc", ConnectionLost),
        (CHUNKED + b"7fffffff\r\n" + b"x" * 200_000, BodyTooLarge),
        (CHUNKED + b"1\r\nx\r\n0\r\n" + b"T: y\r\n" * 20_000 + b"\r\n", NetError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", ProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", ProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", ProtocolError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000, BodyTooLarge),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000, ProtocolError),
        (b"HTTP/1.1 099 Odd\r\n\r\n", ProtocolError),
        (b"HTTP/1.1 999 Odd\r\n\r\n", ProtocolError),
        (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", ProtocolError),
        (b"HTTP/1.1 200 OK\nX\x00: 1\r\n\r\n", NetError),
        (b"HTTP/1.1 200 OK\r\n X: folded\r\n\r\n", NetError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB, BodyTooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + BOMB[:20], ProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate, gzip\r\nContent-Length: 2\r\n\r\nok",
            ProtocolError,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n" + zlib.compress(b"x")[:5],
            ProtocolError,
        ),
    ],
    ids=[
        "chunk beyond numbers", "negative chunk", "chunk longer than told", "chunk shorter than told", "endless chunk",
        "trailers", "length never kept", "negative length", "two lengths", "hex length",
        "body without end", "interim answers", "status 99", "status 999", "version 2", "nul in a name", "folded line",
        "gzip bomb", "gzip cut off", "codings in a row", "another coding than told",
    ],
)  # fmt: skip
async def test_a_lie_is_an_error_of_its_class_and_never_a_result(client, data, error):
    async with serving(answering(data)) as server:
        with pytest.raises(error) as told:
            await client.call("POST", server.url(), (), b"x", egress=server.policy, deadline_s=5, max_body=100_000)
    assert told.value.sent is True
    assert server.connections == 1, "what has been sent is not sent again"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        b"http://169.254.169.254/",
        b"//127.0.0.1:6379/",
        b"/again",
        b"javascript:alert(1)",
        b"\xff\xfe",
        b"",
        b"http://[",
    ],
)
async def test_a_redirect_is_an_answer_and_is_followed_nowhere(client, status, location):
    data = b"HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)
    async with serving(answering(data)) as server:
        answer = await client.call("GET", server.url(), egress=server.policy, deadline_s=5)
    assert (answer.status, server.connections, len(server.requests)) == (status, 1, 1)


async def test_a_body_that_drips_ends_with_the_deadline(client):
    async def drip(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        await peer.hang()

    async with serving(drip) as server:
        with pytest.raises((DeadlineExceeded, ReadTimeout)):
            await client.call("GET", server.url(), egress=server.policy, deadline_s=0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"x-a", b"1\r\nx-evil: 1"), (b"x-a\r\nx-evil", b"1"), (b"x-a", b"1\n"), (b"x a", b"1"), (b"", b"1"),
     (b"x-a", b"\x00"), (b"x-a:", b"1"), (b"transfer-encoding", b"chunked"), (b"content-length", b"0")],
)  # fmt: skip
async def test_no_header_that_we_are_given_becomes_two(client, name, value):
    async with serving(answering(b"")) as server:
        with pytest.raises(NetError) as refused:
            await client.call("POST", server.url(), [(name, value)], b"xy", egress=server.policy, deadline_s=5)
    assert (refused.value.sent, server.requests) == (False, [])
