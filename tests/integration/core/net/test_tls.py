"""TLS: verified against the name asked for, whatever address is connected to."""

import ssl

import pytest

from ipaas.core.net import ConnectionLost, HttpClient, HttpTransport, Resolver, TlsFailed, tls_context

from .servers import friendly, serving


async def call(client, server, authority, host="127.0.0.1", **certificate):
    tls = tls_context(ca_pem=authority.pem, **certificate)
    return await client.call("POST", server.url(host=host), (), b"x", egress=server.policy, deadline_s=5, tls=tls)


async def test_private_authority_and_numeric_host(client, authority):
    async with serving(friendly, tls=authority.server("127.0.0.1")) as server:
        first = await call(client, server, authority)
        second = await call(client, server, authority)
    assert first.timings.tls_ms > 0
    assert second.timings.reused


async def test_the_name_is_verified_and_not_the_address(authority):
    context = authority.server("shop.example")
    seen = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    resolver = Resolver(lookup=lambda _host: ["127.0.0.1"])
    async with serving(friendly, tls=context) as server, HttpClient(HttpTransport(resolver=resolver)) as client:
        for host, good in (("shop.example", True), ("other.example", False)):
            policy = type(server.policy)(frozenset({(host, server.port)}))
            tls = tls_context(ca_pem=authority.pem)
            call = client.call("GET", server.url(host=host), egress=policy, deadline_s=5, tls=tls)
            if good:
                assert (await call).status == 200
            else:
                with pytest.raises(TlsFailed, match="not accepted") as failed:
                    await call
                assert failed.value.sent is False
    assert seen == ["shop.example", "other.example"]


async def test_unknown_authorities_are_refused(client, authority):
    async with serving(friendly, tls=authority.server("127.0.0.1")) as server:
        with pytest.raises(TlsFailed) as failed:
            await client.call("POST", server.url(), egress=server.policy, deadline_s=5)
    assert failed.value.sent is False
    assert server.requests == []


async def test_expired_certificates_are_refused(client, authority):
    async with serving(friendly, tls=authority.server("127.0.0.1", days=-1)) as server:
        with pytest.raises(TlsFailed, match="expired"):
            await call(client, server, authority)


async def test_plain_servers_are_not_taken_for_tls(client, authority):
    async def plain(peer):
        await peer.reader.read(1)
        await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(plain) as server:
        server.tls = True
        with pytest.raises(TlsFailed) as failed:
            await call(client, server, authority)
    assert failed.value.sent is False


async def test_client_certificates(client, authority):
    pair = authority.issue("client.example")
    async with serving(friendly, tls=authority.server("127.0.0.1", clients=True)) as server:
        answer = await call(client, server, authority, client_cert_pem=pair.cert, client_key_pem=pair.key)
    assert answer.status == 200


def refusing_clients(context):
    """A server in TLS that says why it ends the handshake (asyncio's own just hangs up)."""

    async def talk(peer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await peer.say(outgoing.read())
                incoming.write(await peer.reader.read(65_536))
            except ssl.SSLError:
                await peer.say(outgoing.read())
                await peer.hang()
                return

    return talk


async def test_a_refused_client_is_known_not_to_have_been_heard(client, authority):
    """With TLS 1.3 the refusal arrives after the request's bytes have left."""
    async with serving(refusing_clients(authority.server("127.0.0.1", clients=True))) as server:
        server.tls = True
        with pytest.raises(TlsFailed, match="certificate required") as failed:
            await call(client, server, authority)
    assert failed.value.sent is False


async def test_a_server_that_hangs_up_on_a_client_without_a_word_may_have_heard_it(client, authority):
    async with serving(friendly, tls=authority.server("127.0.0.1", clients=True)) as server:
        with pytest.raises(ConnectionLost) as lost:
            await call(client, server, authority)
    assert lost.value.sent is True


async def test_calls_with_other_certificates_have_other_connections(client, authority):
    pair = authority.issue("client.example")
    async with serving(friendly, tls=authority.server("127.0.0.1")) as server:
        await call(client, server, authority)
        await call(client, server, authority, client_cert_pem=pair.cert, client_key_pem=pair.key)
    assert server.connections == 2


def test_unreadable_certificates_say_so():
    for part in ({"ca_pem": "no certificate"}, {"client_cert_pem": "none", "client_key_pem": "none"}):
        with pytest.raises(TlsFailed, match="cannot be read"):
            tls_context(**part)


def test_equal_settings_share_a_context(authority):
    assert tls_context(ca_pem=authority.pem) is tls_context(ca_pem=authority.pem)
    assert tls_context(ca_pem=authority.pem) is not tls_context()
