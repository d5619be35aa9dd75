"""Content encodings: undone exactly, never beyond the limit."""

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.net.decoding import Broken, TooLong, decode


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {b"gzip": gzip.compress, b"deflate": zlib.compress, b"br": brotli.compress}


@given(st.binary(max_size=2000), st.sampled_from(sorted(PACKERS)))
def test_packed_bodies_come_back(data, coding):
    assert decode(PACKERS[coding](data), coding, max_body=2000) == data


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"plain", b"identity"),
        (b"plain", b""),
        (gzip.compress(b"pl", mtime=0) + gzip.compress(b"ain", mtime=0), b"X-GZIP"),
        (raw_deflate(b"plain"), b"deflate"),
        (gzip.compress(gzip.compress(b"plain", mtime=0), mtime=0), b"gzip, gzip"),
        (gzip.compress(zlib.compress(b"plain"), mtime=0), b"deflate , gzip"),
    ],
)
def test_unusual_but_proper_codings(body, coding):
    assert decode(body, coding, max_body=100) == b"plain"


@pytest.mark.parametrize("coding", sorted(PACKERS))
def test_bombs_stop_at_the_limit(coding):
    bomb = PACKERS[coding](bytes(5_000_000))
    assert len(decode(bomb, coding, max_body=5_000_000)) == 5_000_000
    with pytest.raises(TooLong):
        decode(bomb, coding, max_body=4_999_999)


def test_the_limit_holds_over_all_gzip_members():
    with pytest.raises(TooLong):
        decode(gzip.compress(bytes(60)) * 2, b"gzip", max_body=100)


@pytest.mark.parametrize("coding", sorted(PACKERS))
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"\xff" + b[1:], lambda _: b"not packed at all"])
def test_damaged_bodies_are_broken(coding, damage):
    with pytest.raises(Broken):
        decode(damage(PACKERS[coding](b"some text " * 20)), coding, max_body=10_000)


@pytest.mark.parametrize("coding", [b"zstd", b"compress", b"gzip, gzip, gzip"])
def test_codings_not_asked_for_are_broken(coding):
    with pytest.raises(Broken):
        decode(b"x", coding, max_body=100)


def test_something_after_the_body_is_broken():
    for coding in (b"gzip", b"deflate"):
        with pytest.raises(Broken):
            decode(PACKERS[coding](b"x") + b"tail", coding, max_body=100)
