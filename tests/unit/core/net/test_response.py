"""Reading answers: the same however they are cut, and never more lenient than the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.net.response import Limits, ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"


def read(*pieces, is_head=False, eof=False, max_body=1000, max_head=1000, max_headers=20):
    reader = ResponseReader(is_head=is_head, limits=Limits(max_body, max_head, max_headers))
    for piece in pieces:
        reader.feed(piece)
    if eof:
        reader.feed_eof()
    return reader


PROPER = [
    (OK + b"Content-Length: 2\r\n\r\nhi", 200, b"hi"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"hi"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, b""),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
        200,
        b"hi",
    ),
    (b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", 500, b""),
    (OK + b"Upgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
]


@pytest.mark.parametrize(("data", "status", "body"), PROPER)
def test_proper_answers(data, status, body):
    for reader in (read(data), read(*(data[i : i + 1] for i in range(len(data))))):
        assert (reader.complete, reader.failure) == (True, "")
        assert (reader.status, bytes(reader.body)) == (status, body)
        assert reader.reusable
        assert all(name not in (b"link", b"x-trailer") for name, _ in reader.headers)


@given(st.sampled_from(PROPER), st.data())
def test_cuts_do_not_matter(case, data):
    raw, status, body = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    reader = read(*(raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)))
    assert (reader.status, bytes(reader.body), reader.complete) == (status, body, True)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        OK + b"Content-Length: 2, 2\r\n\r\nhi",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 0x2\r\n\r\n",
        OK + b"Content-Length:\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
        OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        OK + b"A : b\r\nContent-Length: 0\r\n\r\n",
        OK + b"A: b\nContent-Length: 0\n\n",
        OK + b"A: x\x00y\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_improper_answers_fail(data):
    for reader in (read(data), read(*(data[i : i + 1] for i in range(len(data))))):
        assert reader.failure
        assert not reader.complete
        assert not reader.reusable


@pytest.mark.parametrize("tail", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"\r\nHT"])
def test_anything_after_an_answer_makes_the_connection_unusable_and_leaves_the_answer_alone(tail):
    data = OK + b"X: 1\r\nContent-Length: 2\r\n\r\nhi"
    for reader in (read(data + tail), read(data, tail)):
        assert (reader.complete, reader.failure, bytes(reader.body)) == (True, "", b"hi")
        assert (b"x", b"1") in reader.headers
        assert not reader.reusable


def test_a_body_after_no_content_makes_the_connection_unusable():
    reader = read(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
    assert reader.complete
    assert not reader.reusable


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n", b"Content-Length: 0\r\n\r\nx"],
)
def test_answers_to_head_end_with_their_head(head):
    reader = read(OK + head, is_head=True)
    assert reader.complete
    assert not reader.body
    assert not reader.reusable


@pytest.mark.parametrize("data", [b"HTTP/1.0 200 OK\r\n", OK + b"Connection: close\r\n"])
def test_closing_servers_are_believed(data):
    assert not read(data + b"Content-Length: 2\r\n\r\nhi").reusable


@pytest.mark.parametrize(
    ("data", "complete"),
    [
        (b"", False),
        (b"HTTP/1.1 2", False),
        (OK + b"X: 1\r\n", False),
        (OK + b"\r\n", True),
        (OK + b"\r\nall there is", True),
        (OK + b"Content-Length: 5\r\n\r\nhell", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False),
    ],
)
def test_end_of_connection_ends_only_bodies_without_a_length(data, complete):
    reader = read(data, eof=True)
    assert reader.complete is complete
    assert not reader.reusable


def test_heads_are_bounded():
    assert read(OK + b"X: y\r\n" * 30 + b"\r\n").failure
    assert read(OK + b"X: " + b"y" * 1100).failure
    assert read(*[OK + b"X: ", *[b"y" * 50] * 30]).failure
    assert read(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: 1234567890\r\n" * 100).failure


def test_bodies_are_bounded():
    for data in (
        OK + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001,
        OK + b"\r\n" + b"x" * 1001,
    ):
        assert read(data).too_large
    assert not read(OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000).failure


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_garbage_never_raises(pieces):
    read(*pieces, eof=True)
    read(OK + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, eof=True)


@pytest.mark.parametrize(
    ("head", "given", "kept"),
    [
        (OK, b"hi there", b""),
        (b"HTTP/1.1 404 Not Found\r\n", b"", b"hi there"),
    ],
    ids=["taken-piece-by-piece", "a-refusal-is-no-download"],
)
def test_a_sink_gets_the_body_of_success_alone(head, given, kept):
    taken = []
    reader = ResponseReader(is_head=False, limits=Limits(1000), sink=taken.append)
    for piece in (head + b"Content-Length: 8\r\n\r\n", b"hi ", b"there"):
        reader.feed(piece)
    assert (reader.complete, reader.failure) == (True, "")
    assert (b"".join(taken), bytes(reader.body)) == (given, kept)


@pytest.mark.parametrize(
    ("head", "limit", "said"),
    [(b"", 7, "too large"), (b"Content-Encoding: gzip\r\n", 1000, "encoded")],
    ids=["limit", "encoded"],
)
def test_a_sink_gets_neither_too_much_nor_what_is_encoded(head, limit, said):
    taken = []
    reader = ResponseReader(is_head=False, limits=Limits(limit), sink=taken.append)
    reader.feed(OK + head + b"Content-Length: 8\r\n\r\nhi there")
    assert said in reader.failure
    assert taken == []
