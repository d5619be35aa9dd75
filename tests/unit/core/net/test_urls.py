"""The address reader: one meaning per accepted address, everything doubtful refused."""

import ipaddress
import string
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ipaas.core.net import EgressRefused, Target, UrlRefused, normalise_host, parse_url

LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12).map(lambda text: "a" + text)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATHS = st.text("".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\\#?"), max_size=30)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "host_header", "path"),
    [
        ("https://example.com", "https", "example.com", 443, b"example.com", b"/"),
        ("HTTP://EXAMPLE.com:80/A?b=C", "http", "example.com", 80, b"example.com", b"/A?b=C"),
        ("http://example.com:8080?x", "http", "example.com", 8080, b"example.com:8080", b"/?x"),
        ("https://example.com//a/../b", "https", "example.com", 443, b"example.com", b"//a/../b"),
        ("https://Bücher.example/", "https", "xn--bcher-kva.example", 443, b"xn--bcher-kva.example", b"/"),
        ("http://192.0.2.1/", "http", "192.0.2.1", 80, b"192.0.2.1", b"/"),
        ("http://[2001:DB8::1]:8443/", "http", "2001:db8::1", 8443, b"[2001:db8::1]:8443", b"/"),
        ("http://my_service:8080/", "http", "my_service", 8080, b"my_service:8080", b"/"),
        ("https://h/%0d%0a?q=%2F@x:y", "https", "h", 443, b"h", b"/%0d%0a?q=%2F@x:y"),
    ],
)
def test_plain_addresses_are_read(url, scheme, host, port, host_header, path):
    assert parse_url(url) == Target(scheme, host, port, host_header, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:example.com",
        "https:///path",
        "https://",
        "https://:443/",
        " https://example.com/",
        "https://example.com/\n",
        "https://example.com\n/",
        "https://exa\tmple.com/",
        "https://example.com/a b",
        "https://example.com/a\x00",
        "https://example.com/\x7f",
        "https://example.com/ü",
        "https://example.com\\@evil.example/",
        "https://example.com/\\x",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#fragment",
        "https://example.com#@evil.example/",
        "https://example.com./",
        "https://example..com/",
        "https://.example.com/",
        "https://-a.example/",
        "https://a-.example/",
        "https://exa%6dple.com/",
        "https://exam!ple.com/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:080/",
        "https://example.com:+80/",
        "https://example.com:８０/",
        "https://example.com:80:80/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.1./",
        "http://1.2.3/",
        "http://1.2.3.4.5/",
        "http://1.2.3.256/",
        "http://a.0x1/",
        "http://a.1/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://⑯⑨.254.169.254/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://[127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[v1.a]/",
        "http://xn--a.example/",
        "http://xn--.example/",
        "http://a\u200db.example/",
        "https://example.com/" + "a" * 17_000,
    ],
)
def test_doubtful_addresses_are_refused(url):
    with pytest.raises(UrlRefused) as refused:
        parse_url(url)
    assert refused.value.sent is False


def test_refusal_never_repeats_the_address():
    with pytest.raises(EgressRefused) as refused:
        parse_url("https://alice:hunter2@example.com/?token=s3cret")
    assert "hunter2" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


@given(NAMES, PATHS)
def test_accepted_addresses_mean_the_same_to_the_standard_library(name, path):
    target = parse_url(f"https://{name}/{path}")
    seen = urlsplit(f"https://{name}/{path}")
    assert (target.host, target.path) == (seen.hostname, f"/{path}".encode())


@given(st.text(max_size=60) | st.text("0123456789abcdefx.:[]@/\\%#?", max_size=40).map("http://".__add__))
@example("http://[::ffff:1.2.3.4]")
@example("http://\u0130/")
def test_any_text_is_read_stably_or_refused(text):
    try:
        target = parse_url(text)
    except UrlRefused:
        return
    assert parse_url(target.origin + target.path.decode()) == target
    assert target.host == normalise_host(target.host)
    assert not set(target.host_header + target.path) & set(b"\r\n\x00 \\#")


@given(st.ip_addresses(v=4))
def test_ipv4_has_one_spelling(address):
    assert parse_url(f"http://{address}/").host == str(address)
    with pytest.raises(UrlRefused):
        parse_url(f"http://{int(address)}/")
    with pytest.raises(UrlRefused):
        parse_url(f"http://{int(address):#x}/")


@given(st.ip_addresses(v=6))
def test_ipv6_is_compressed(address):
    if address.ipv4_mapped is None:
        assert parse_url(f"http://[{address.exploded}]/").host == str(ipaddress.ip_address(str(address)))


def test_other_paths_of_an_origin_are_checked_too():
    target = parse_url("https://example.com/a")
    assert target.at("/b?c").path == b"/b?c"
    assert target.at("?c").path == b"/?c"
    for path in ("/a b", "/a\r\nX: y", "//\\evil", "b"):
        with pytest.raises(UrlRefused):
            target.at(path)
