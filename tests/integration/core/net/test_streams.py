"""Streams for mail: checked like everything else, TLS from the start or later."""

import ssl

import pytest

from ipaas.core.net import (
    PUBLIC_ONLY,
    DeadlineExceeded,
    EgressPolicy,
    EgressRefused,
    ProtocolError,
    TlsFailed,
    open_stream,
    start_tls,
    tls_context,
)

from .servers import serving


async def greet(peer):
    await peer.say(b"220 hello\r\n")
    await peer.hang()


async def test_plain_stream():
    async with serving(greet) as server:
        reader, writer = await open_stream("127.0.0.1", server.port, False, server.policy, 5)
        assert await reader.readline() == b"220 hello\r\n"
        writer.close()
        await writer.wait_closed()


async def test_stream_in_tls(authority):
    async with serving(greet, tls=authority.server("127.0.0.1")) as server:
        context = tls_context(ca_pem=authority.pem)
        reader, writer = await open_stream("127.0.0.1", server.port, context, server.policy, 5)
        assert await reader.readline() == b"220 hello\r\n"
        writer.close()
        await writer.wait_closed()
        with pytest.raises(TlsFailed):
            await open_stream("127.0.0.1", server.port, True, server.policy, 5)


def upgrading(context: ssl.SSLContext, ahead: bytes = b""):
    async def talk(peer):
        await peer.say(b"220 hello\r\n")
        await peer.reader.readline()
        await peer.say(b"220 go ahead\r\n" + ahead)
        if ahead:
            await peer.hang()
            return
        await peer.writer.start_tls(context)
        await peer.reader.readline()
        await peer.say(b"250 safe\r\n")
        await peer.hang()

    return talk


async def test_start_tls(authority):
    async with serving(upgrading(authority.server("127.0.0.1"))) as server:
        reader, writer = await open_stream("127.0.0.1", server.port, False, server.policy, 5)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        assert await reader.readline() == b"220 go ahead\r\n"
        await start_tls(reader, writer, "127.0.0.1", deadline_s=5, tls=tls_context(ca_pem=authority.pem))
        writer.write(b"EHLO\r\n")
        assert await reader.readline() == b"250 safe\r\n"
        assert writer.get_extra_info("cipher")
        writer.close()
        await writer.wait_closed()


async def test_start_tls_verifies(authority):
    async with serving(upgrading(authority.server("127.0.0.1"))) as server:
        reader, writer = await open_stream("127.0.0.1", server.port, False, server.policy, 5)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        await reader.readline()
        with pytest.raises(TlsFailed, match="not accepted"):
            await start_tls(reader, writer, "127.0.0.1", deadline_s=5)
        assert writer.is_closing()


async def test_words_ahead_of_the_handshake_are_refused(authority):
    injected = b"250 injected\r\n"
    async with serving(upgrading(authority.server("127.0.0.1"), ahead=injected)) as server:
        reader, writer = await open_stream("127.0.0.1", server.port, False, server.policy, 5)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        await reader.readuntil(b"ahead\r\n")
        with pytest.raises(ProtocolError, match="unprotected"):
            await start_tls(reader, writer, "127.0.0.1", deadline_s=5)


async def test_refusals_and_deadlines():
    async with serving(greet) as server:
        for policy in (PUBLIC_ONLY, EgressPolicy(ports=frozenset({server.port}))):
            with pytest.raises(EgressRefused):
                await open_stream("127.0.0.1", server.port, False, policy, 5)
        with pytest.raises(EgressRefused, match="port 80"):
            await open_stream("mail.example", 80, False, PUBLIC_ONLY, 5)

    async def mute(peer):
        await peer.hang()

    async with serving(mute) as server:
        with pytest.raises(DeadlineExceeded) as late:
            await open_stream("127.0.0.1", server.port, True, server.policy, 0.05)
    assert (late.value.phase, late.value.sent) == ("tls", False)
