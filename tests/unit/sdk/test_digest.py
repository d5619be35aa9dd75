"""HTTP Digest by the examples of RFC 7616 (3.9.1) and RFC 2069, and challenges as servers send them."""

from typing import Any

import pytest

from ipaas.sdk.credential_fields import CredentialUnusable
from ipaas.sdk.digest import Challenge, _answer, authorization, read_challenge
from ipaas.sdk.manifest import AuthScheme

SCHEME = AuthScheme("login", "digest")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
TOLD = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={{}}, nonce="{NONCE}", opaque="{OPAQUE}"'
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_the_rfc(algorithm: str, response: str) -> None:
    challenge = read_challenge(TOLD.format(algorithm))
    assert challenge is not None
    told = _answer(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", b"", "00000001", CNONCE)
    assert f'response="{response}"' in told
    assert told.startswith('Digest username="Mufasa", realm="http-auth@example.org"')


def test_a_server_without_qop_is_answered_in_the_old_way() -> None:
    """RFC 2069 2.4, with the response of its erratum 749."""
    challenge = read_challenge(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5c"'
    )
    assert challenge is not None
    told = _answer(challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", b"", "00000001", "x")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in told
    assert "qop" not in told
    assert "algorithm" not in told


def test_the_strongest_of_several_challenges_counts_and_each_use_of_a_nonce_is_counted() -> None:
    several = f'Basic realm="x, y=z", {TOLD.format("MD5")}, {TOLD.format("SHA-256-sess")}, Bearer scope="a"'
    challenge = read_challenge(several)
    assert challenge is not None
    assert challenge.algorithm == "SHA-256-sess"
    fields = {"username": 'a"b', "password": "pä"}
    first, second = (authorization(SCHEME, fields, challenge, "POST", "/x?y=1", b"body") for _ in range(2))
    assert ("nc=00000001" in first, "nc=00000002" in second) == (True, True)
    assert 'username="a\\"b"' in first
    assert "username*=UTF-8''%C3%BC" in authorization(SCHEME, {"username": "ü"}, challenge, "GET", "/", b"")


@pytest.mark.parametrize(
    "told",
    [
        *("", "Basic realm=x", 'Digest realm="r"', 'Digest nonce="n"', 'Digest realm="r", nonce="n", qop="other"'),
        *('Digest realm="r", nonce="n", algorithm=SHA3', 'Digest realm="r", nonce="n\r\nx: y"'),
        "Digest " + 'a="' * 3000,
    ],
)
def test_what_can_not_be_answered_is_none(told: str) -> None:
    assert read_challenge(told) is None


@pytest.mark.parametrize("username", ["", "a\r\nb"])
def test_a_user_name_that_no_header_may_hold_is_refused(username: str) -> None:
    challenge: Any = Challenge("r", "n", None, "MD5", True, "auth")
    with pytest.raises(CredentialUnusable):
        authorization(SCHEME, {"username": username}, challenge, "GET", "/", b"")
