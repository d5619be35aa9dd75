"""One deadline over everything; where it strikes decides whether the request may have been heard."""

import asyncio
import contextlib
import socket
import threading

import pytest

from ipaas.core.net import DeadlineExceeded, EgressPolicy, HttpClient, HttpTransport, ReadTimeout, Resolver, tls_context

from .servers import ok, serving

SOON = 0.05


async def silent(peer):
    await peer.request()
    await peer.hang()


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", b"HTTP/1.1 200 OK\r\n\r\nx"],
)
async def test_unfinished_answers(client, data):
    async def talk(peer):
        await peer.request()
        await peer.say(data)
        await peer.hang()

    async with serving(talk) as server:
        with pytest.raises(ReadTimeout) as late:
            await client.call("POST", server.url(), (), b"x", egress=server.policy, deadline_s=SOON)
        assert (late.value.phase, late.value.sent) == ("read", True)
        assert await server.gone.get() == 1


async def test_a_server_that_drips_does_not_win_time(client):
    """A limit per read would be renewed by every byte."""

    async def drip(peer):
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await peer.say(b"x")
            await asyncio.sleep(0)

    async with serving(drip) as server:
        with pytest.raises(ReadTimeout):
            await client.call("GET", server.url(), egress=server.policy, deadline_s=SOON, max_body=10**9)


async def test_a_server_that_does_not_read(client):
    async def deaf(peer):
        peer.reader._transport.pause_reading()
        await peer.server.gone.get()

    async with serving(deaf) as server:
        with pytest.raises(DeadlineExceeded) as late:
            await client.call("POST", server.url(), (), bytes(30_000_000), egress=server.policy, deadline_s=SOON)
        server.gone.put_nowait(0)
    assert (late.value.phase, late.value.sent) == ("write", True)


async def test_slow_names_are_not_sent():
    release = threading.Event()

    def stuck(_host):
        release.wait(10)
        return ["127.0.0.1"]

    policy = EgressPolicy.parse(["slow.example:80"])
    async with HttpClient(HttpTransport(resolver=Resolver(lookup=stuck))) as client:
        try:
            with pytest.raises(DeadlineExceeded) as late:
                await client.call("POST", "http://slow.example/", egress=policy, deadline_s=SOON)
        finally:
            release.set()
    assert (late.value.phase, late.value.sent) == ("resolve", False)


async def test_connecting_is_not_sent(client):
    """A listener whose queue is full leaves further connections hanging."""
    with socket.socket() as listener, contextlib.ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        policy = EgressPolicy.parse([f"127.0.0.1:{port}"])
        with pytest.raises(DeadlineExceeded) as late:
            await client.call("POST", f"http://127.0.0.1:{port}/", (), b"x", egress=policy, deadline_s=SOON)
    assert (late.value.phase, late.value.sent) == ("connect", False)


async def test_tls_handshakes_are_not_sent(client, authority):
    async def mute(peer):
        await peer.hang()

    async with serving(mute) as server:
        server.tls = True
        with pytest.raises(DeadlineExceeded) as late:
            await client.call(
                "POST",
                server.url(),
                (),
                b"x",
                egress=server.policy,
                deadline_s=SOON,
                tls=tls_context(ca_pem=authority.pem),
            )
    assert (late.value.phase, late.value.sent) == ("tls", False)


async def test_a_late_call_does_not_disturb_the_next(client):
    async def first_silent(peer):
        await peer.request()
        if peer.number == 1:
            await peer.hang()
        await peer.say(ok())

    async with serving(first_silent) as server:
        with pytest.raises(ReadTimeout):
            await client.call("GET", server.url(), egress=server.policy, deadline_s=SOON)
        assert (await client.call("GET", server.url(), egress=server.policy, deadline_s=5)).body == b"ok"
