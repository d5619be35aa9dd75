"""Plain calls: what goes out, what comes back, and that nothing else happens."""

import gzip

import pytest

from ipaas.core.net import (
    PUBLIC_ONLY,
    BodyTooLarge,
    EgressPolicy,
    EgressRefused,
    HttpClient,
    HttpTransport,
    Request,
    RequestRefused,
    Resolver,
    client_for_loop,
    close_client_for_loop,
    parse_url,
)

from .servers import answering, friendly, ok, serving


async def test_request_arrives_as_given(client):
    async with serving(friendly) as server:
        answer = await client.call(
            "POST", server.url("/a?b=c"), [(b"X-One", b"1")], b"body", egress=server.policy, deadline_s=5
        )
    assert (answer.status, answer.reason, answer.body) == (200, b"OK", b"ok")
    request = server.requests[0][1]
    assert request.startswith(b"POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nX-One: 1\r\n" % server.port)
    assert request.endswith(b"content-length: 4\r\n\r\nbody")


async def test_a_read_target_can_be_called(client):
    async with serving(friendly) as server:
        target = parse_url(server.url()).at("/other")
        await client.call("GET", target, egress=server.policy, deadline_s=5)
    assert server.requests[0][1].startswith(b"GET /other ")


async def test_httpx_types(client):
    body = gzip.compress(b'{"a": 1}')
    async with serving(answering(ok(body, b"Content-Encoding: gzip", b"Set-Cookie: a", b"Set-Cookie: b"))) as server:
        request = Request("PUT", server.url("/p"), json={"x": 1}, headers={"X-Key": "v"})
        response = await client.send(request, egress=server.policy, deadline_s=5)
    assert response.json() == {"a": 1}
    assert response.headers.get_list("set-cookie") == ["a", "b"]
    assert response.request is request
    sent = server.requests[0][1]
    assert sent.count(b"ontent-") == 1 + sent.count(b"Content-Type")
    assert b"X-Key: v" in sent
    assert sent.endswith(b'{"x":1}')


async def test_another_host_header_is_refused(client):
    async with serving(friendly) as server:
        request = Request("GET", server.url(), headers={"Host": "evil.example"})
        with pytest.raises(RequestRefused):
            await client.send(request, egress=server.policy, deadline_s=5)
    assert server.connections == 0


async def test_redirects_are_answers(client):
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(moved)) as server:
        answer = await client.call("GET", server.url(), egress=server.policy, deadline_s=5)
    assert answer.status == 302
    assert answer.header(b"location") == b"http://169.254.169.254/"


async def test_proxies_of_the_machine_are_not_used(client, monkeypatch):
    async with serving(friendly) as proxy, serving(friendly) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        await client.call("GET", server.url(), egress=server.policy, deadline_s=5)
    assert proxy.connections == 0


async def test_private_targets_are_refused_before_a_socket_is_opened(client):
    async with serving(friendly) as server:
        for policy in (PUBLIC_ONLY, EgressPolicy(ports=frozenset({server.port}))):
            for host in ("127.0.0.1", "localhost"):
                with pytest.raises(EgressRefused) as refused:
                    await client.call("GET", server.url(host=host), egress=policy, deadline_s=5)
                assert refused.value.sent is False
    assert server.connections == 0


async def test_the_checked_address_is_the_one_connected_to():
    """A name that changes its answer after the check gains nothing: nobody asks twice."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    resolver = Resolver(lookup=lambda _host: answers.pop(0), ttl_s=0)
    async with serving(friendly) as server, HttpClient(HttpTransport(resolver=resolver)) as client:
        policy = EgressPolicy(frozenset({("rebind.example", server.port)}))
        answer = await client.call("GET", server.url(host="rebind.example"), egress=policy, deadline_s=5)
    assert answer.timings.address == "127.0.0.1"
    assert len(answers) == 1
    assert b"host: rebind.example:" in server.requests[0][1]


async def test_the_next_address_is_tried_when_one_refuses():
    async with serving(friendly) as server:
        resolver = Resolver(lookup=lambda _host: ["::1", "127.0.0.2", "127.0.0.1"])
        policy = EgressPolicy(frozenset({("many.example", server.port)}))
        async with HttpClient(HttpTransport(resolver=resolver)) as client:
            answer = await client.call("GET", server.url(host="many.example"), egress=policy, deadline_s=5)
    assert answer.timings.address == "127.0.0.1"


async def test_timings_tell_new_from_kept_connections(client):
    async with serving(friendly) as server:
        first = await client.call("GET", server.url(), egress=server.policy, deadline_s=5)
        second = await client.call("GET", server.url(), egress=server.policy, deadline_s=5)
    assert (first.timings.reused, second.timings.reused) == (False, True)
    assert first.timings.connect_ms > 0 == second.timings.connect_ms
    assert 0 < second.timings.first_byte_ms <= second.timings.total_ms


@pytest.mark.parametrize("coding", [b"", b"gzip"])
async def test_bodies_are_bounded_on_the_wire_and_decoded(client, coding):
    body = gzip.compress(bytes(200_000)) if coding else bytes(200_000)
    headers = (b"Content-Encoding: gzip",) if coding else ()
    async with serving(answering(ok(body, *headers))) as server:
        with pytest.raises(BodyTooLarge) as large:
            await client.call("GET", server.url(), egress=server.policy, deadline_s=5, max_body=100_000)
        assert large.value.sent is True


async def test_large_bodies_go_both_ways(client):
    sent = bytes(range(256)) * 8192

    async def echo(peer):
        request = await peer.request()
        await peer.say(ok(request.partition(b"\r\n\r\n")[2]))

    async with serving(echo) as server:
        answer = await client.call("POST", server.url(), (), sent, egress=server.policy, deadline_s=20)
    assert answer.body == sent


async def test_one_client_per_loop():
    client = client_for_loop()
    assert client_for_loop() is client
    await close_client_for_loop()
    assert client_for_loop() is not client
    await close_client_for_loop()
