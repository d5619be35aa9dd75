"""Kept connections: reused where safe, dropped where doubtful, and never a reason to send a payment twice."""

import asyncio
from unittest import mock

import pytest

from ipaas.core.net import (
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    EgressPolicy,
    HttpClient,
    HttpTransport,
    tls_context,
)
from ipaas.core.net.connection import HttpConnection

from .servers import answering, friendly, ok, serving


async def get(client, server, method="GET", **keywords):
    return await client.call(method, server.url(), egress=server.policy, deadline_s=5, **keywords)


def numbers(server):
    return [number for number, _ in server.requests]


async def test_calls_in_a_row_share_a_connection(client):
    async with serving(friendly) as server:
        for _ in range(5):
            await get(client, server)
    assert numbers(server) == [1] * 5


async def test_calls_at_once_have_their_own_connections(client):
    async with serving(friendly) as server:
        await asyncio.gather(*(get(client, server) for _ in range(4)))
        await get(client, server)
    assert server.connections == 4


async def test_connections_are_not_shared_between_policies(client):
    async with serving(friendly) as server:
        await get(client, server)
        wider = EgressPolicy(server.policy.allow_private, frozenset({9999}))
        await client.call("GET", server.url(), egress=wider, deadline_s=5)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        ok() + b"x",
        ok() + ok(b"smuggled"),
        ok(b"ok", b"Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
        ok(b"ok", b"Keep-Alive: timeout=1"),
    ],
)
async def test_doubtful_connections_are_not_reused(client, answer):
    async def talk(peer):
        while True:
            await peer.request()
            await peer.say(answer)

    async with serving(talk) as server:
        for _ in range(3):
            assert (await get(client, server)).body in (b"ok", b"")
    assert numbers(server) == [1, 2, 3]


async def test_words_nobody_asked_for_close_an_idle_connection(client):
    say_more = asyncio.Event()

    async def talk(peer):
        await peer.request()
        await peer.say(ok())
        await say_more.wait()
        if peer.number == 1:
            await peer.say(ok(b"smuggled"))
        await peer.hang()

    async with serving(talk) as server:
        await get(client, server)
        say_more.set()
        assert await server.gone.get() == 1
        assert (await get(client, server)).body == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_closed_while_idle_costs_nothing(client, method):
    async with serving(answering(ok())) as server:
        for number in (1, 2, 3):
            assert (await get(client, server, method)).body == b"ok"
            assert await server.gone.get() == number
    assert server.connections == 3


def closing_on_second_request():
    """Takes a second request on its first connection and closes without a word."""

    async def talk(peer):
        await peer.request()
        await peer.say(ok())
        await peer.request()
        if peer.number > 1:
            await peer.say(ok())

    return talk


async def test_a_safe_request_is_sent_again_when_a_kept_connection_breaks(client):
    async with serving(closing_on_second_request()) as server:
        await get(client, server)
        assert (await get(client, server)).body == b"ok"
    assert numbers(server) == [1, 1, 2]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_an_unsafe_request_is_never_sent_again(client, method):
    async with serving(closing_on_second_request()) as server:
        await get(client, server)
        with pytest.raises(ConnectionLost) as lost:
            await get(client, server, method)
    assert lost.value.sent is True
    assert numbers(server) == [1, 1]


async def test_a_safe_request_is_sent_again_only_once_and_not_after_a_byte_of_answer(client):
    async def talk(peer):
        await peer.request()
        await peer.say(ok())
        await peer.request()
        await peer.say(b"H")

    async with serving(talk) as server:
        await get(client, server)
        with pytest.raises(ConnectionLost):
            await get(client, server)
    assert numbers(server) == [1, 1]


async def test_an_unsafe_request_takes_a_new_connection_when_the_kept_one_was_gone_before_a_byte_left(client):
    """The window between the check of a kept connection and the write."""
    async with serving(friendly) as server:
        await get(client, server)
        idle = next(iter(client._transport._connections))
        idle.abort()
        with mock.patch.object(HttpConnection, "alive", True):
            assert (await get(client, server, "POST")).body == b"ok"
    assert numbers(server) == [1, 2]


async def test_what_the_first_try_sent_is_remembered_when_the_second_cannot_connect(client):
    stop = asyncio.Event()

    async def talk(peer):
        await peer.request()
        await peer.say(ok())
        await peer.request()
        stop.set()

    async with serving(talk) as server:
        await get(client, server)
        refused = ConnectFailed(host="127.0.0.1", port=server.port, reason="refused")
        with mock.patch.object(HttpTransport, "_connect", side_effect=refused), pytest.raises(ConnectFailed) as failed:
            await get(client, server)
    assert stop.is_set()
    assert failed.value.sent is True


@pytest.mark.parametrize("setting", [{"idle_s": 0}, {"max_age_s": 0}, {"max_idle_per_origin": 0}])
async def test_old_connections_are_dropped(setting):
    async with serving(friendly) as server, HttpClient(HttpTransport(**setting)) as client:
        await get(client, server)
        await get(client, server)
    assert server.connections == 2


async def test_idle_connections_are_closed_without_another_call():
    async with serving(friendly) as server, HttpClient(HttpTransport(idle_s=0.01)) as client:
        await get(client, server)
        assert await asyncio.wait_for(server.gone.get(), 5) == 1
        assert client._transport.pool.idle_count == 0
        assert not client._transport.pool._origins


async def test_calls_above_the_cap_wait_for_their_turn():
    async with serving(friendly) as server, HttpClient(HttpTransport(max_per_origin=2)) as client:
        answers = await asyncio.gather(*(get(client, server) for _ in range(10)))
    assert [answer.status for answer in answers] == [200] * 10
    assert server.connections <= 2


async def test_waiting_for_a_turn_ends_with_the_deadline_and_leaves_no_trace():
    release = asyncio.Event()

    async def slow(peer):
        while True:
            await peer.request()
            await release.wait()
            await peer.say(ok())

    async with serving(slow) as server, HttpClient(HttpTransport(max_per_origin=1)) as client:
        first = asyncio.create_task(get(client, server))
        waiting = asyncio.create_task(get(client, server))
        with pytest.raises(DeadlineExceeded) as late:
            await asyncio.gather(
                client.call("POST", server.url(), egress=server.policy, deadline_s=0.02), return_exceptions=False
            )
        assert (late.value.phase, late.value.sent) == ("queue", False)
        waiting.cancel()
        release.set()
        assert (await first).status == 200
        assert (await get(client, server)).status == 200
    assert len(server.requests) == 2


async def test_tls_settings_part_connections():
    assert tls_context() is tls_context()
