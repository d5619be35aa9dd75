"""Request heads: nothing handed in can start another header or request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.net import RequestRefused, parse_url
from ipaas.core.net.request import request_head

TARGET = parse_url("http://example.com:8080/a?b=c")


def test_head_is_complete():
    assert request_head("POST", TARGET, [(b"X-Key", b"v")], 3) == (
        b"POST /a?b=c HTTP/1.1\r\nhost: example.com:8080\r\nX-Key: v\r\n"
        b"accept-encoding: gzip, deflate\r\ncontent-length: 3\r\n\r\n"
    )


def test_length_is_told_where_a_body_is_usual():
    assert b"content-length: 0" in request_head("POST", TARGET, [], 0)
    assert b"content-length" not in request_head("GET", TARGET, [], 0)
    assert b"content-length: 2" in request_head("DELETE", TARGET, [], 2)


def test_own_accept_encoding_wins():
    assert request_head("GET", TARGET, [(b"Accept-Encoding", b"identity")], 0).count(b"ncoding") == 1


@pytest.mark.parametrize(
    "header",
    [
        (b"a", b"x\r\nHost: evil"),
        (b"a", b"x\ny"),
        (b"a", b"x\ry"),
        (b"a", b"x\x00"),
        (b"a", b"\x1b[2J"),
        (b"a\r\nb", b"x"),
        (b"a b", b"x"),
        (b"a:", b"x"),
        (b"", b"x"),
        ("ä".encode(), b"x"),
        (b"Host", b"example.com"),
        (b"Content-Length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"Connection", b"close"),
        (b"Upgrade", b"h2c"),
        (b"Expect", b"100-continue"),
    ],
)
def test_dangerous_headers_are_refused(header):
    with pytest.raises(RequestRefused) as refused:
        request_head("GET", TARGET, [(b"ok", b"fine"), header], 0)
    assert refused.value.sent is False


@pytest.mark.parametrize("method", ["", "get", "GET ", "GET / HTTP/1.1\r\nX:", "CONNECT", "TRACE", "G\nET"])
def test_odd_methods_are_refused(method):
    with pytest.raises(RequestRefused):
        request_head(method, TARGET, [], 0)


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=12)), max_size=4))
def test_lines_are_exactly_those_meant(headers):
    try:
        head = request_head("GET", TARGET, headers, 0)
    except RequestRefused:
        return
    extra = 0 if any(name.lower() == b"accept-encoding" for name, _ in headers) else 1
    assert len(head.split(b"\r\n")) == 2 + len(headers) + extra + 2
    assert head.count(b"\n") == head.count(b"\r") == head.count(b"\r\n")
