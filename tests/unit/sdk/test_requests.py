"""Requests from templates: what gets in, and what cannot get out of its place."""

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.bodies import RequestNotBuildable
from ipaas.sdk.cookies import cookie_pairs, with_credential
from ipaas.sdk.manifest import ActionSpec, Idempotency
from ipaas.sdk.requests import BuiltRequest, RequestTemplate


def build(params: dict[str, Any], *, key: str | None = None, **spec: Any) -> BuiltRequest:
    given_spec = {"method": "POST", "path": "/v1/things", **spec}
    action = ActionSpec("a", "A", "d", "safe", {}, has_body="body" in spec, **given_spec)
    return RequestTemplate(action, {}).build({"params": params, "config": {}}, effect_key=key)


def test_values_keep_their_type_in_the_body() -> None:
    body = {"n": "{{ params.n }}", "d": "{{ params.d }}", "t": "order {{ params.n }}", "none": "{{ params.gone }}"}
    built = build({"n": 5, "d": Decimal("1.10"), "gone": None}, body=body)
    assert built.body == b'{"n":5,"d":1.10,"t":"order 5"}'
    assert built.headers["content-type"] == "application/json"


def test_null_members_stay_where_the_manifest_says_so() -> None:
    assert build({"gone": None}, body={"x": "{{ params.gone }}"}, omit_null=False).body == b'{"x":null}'


def test_query_leaves_out_null_and_repeats_lists() -> None:
    query = {"a": "{{ params.a }}", "b": "{{ params.b }}", "c": "{{ params.c }}"}
    assert build({"a": None, "b": [1, "x"], "c": True}, query=query).query == (("b", "1"), ("b", "x"), ("c", "true"))


def test_a_form_body_is_encoded() -> None:
    assert build({"a": "ä&b"}, body={"a": "{{ params.a }}"}, body_format="form").body == b"a=%C3%A4%26b"


@given(st.text(min_size=1, max_size=30))
def test_a_value_never_leaves_its_place_in_the_path(value: str) -> None:
    try:
        path = build({"id": value}, path="/v1/things/{{ params.id }}/parts").path
    except RequestNotBuildable:
        return
    segments = path.split("/")
    assert segments[:3] == ["", "v1", "things"]
    assert segments[4:] == ["parts"]
    assert unquote(segments[3]) == value
    assert not set("?# ") & set(path)


@given(st.text(min_size=1, max_size=9), st.text(max_size=30))
def test_a_value_never_leaves_its_cookie(name: str, value: str) -> None:
    given_cookies = {"first": "1", name: value}
    try:
        line = build({"cookies": given_cookies}, cookies="{{ params.cookies }}").headers["cookie"]
    except RequestNotBuildable:
        return
    assert line.isascii()
    assert line.isprintable()
    assert not set(line.replace("; ", "", 1)) & set(' ",;\\')
    assert dict(cookie_pairs(line)) == given_cookies


@pytest.mark.parametrize(
    "cookies", [{"": "x"}, {"a": {"b": 1}}, {"a": "x" * 9000}, {"a": "\ud800"}, "a=b", [["a", "b"]]]
)
def test_bad_cookies_are_refused(cookies: Any) -> None:
    with pytest.raises(RequestNotBuildable):
        build({"cookies": cookies}, cookies="{{ params.cookies }}")


@pytest.mark.parametrize(
    ("own", "credential", "sent"),
    [
        ("a=1; sid=mine; b=2", "sid=k", "a=1; b=2; sid=k"),
        ("sid=mine", "app=k; sid=k", "app=k; sid=k"),
        ("SID=mine; s%20d=1", "sid=k", "SID=mine; s%20d=1; sid=k"),
        ("a=1", None, "a=1"),
        (None, "sid=k", "sid=k"),
    ],
)
def test_a_credentials_cookie_takes_the_place_of_its_namesake(
    own: str | None, credential: str | None, sent: str
) -> None:
    def lines(line: str | None) -> dict[str, str]:
        return {"x": "1"} if line is None else {"x": "1", "cookie": line}

    assert with_credential(lines(own), lines(credential)) == {"x": "1", "cookie": sent}


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "\ud800", None, [], {}])
def test_a_bad_path_value_is_refused(value: Any) -> None:
    with pytest.raises(RequestNotBuildable):
        build({"id": value}, path="/v1/{{ params.id }}")


@pytest.mark.parametrize(
    "path",
    ["", "v1", "//evil.example/x", "/a/../b", "/a/%2e%2e/b", "/a/.%2E", "/a\\b", "/a?b=1", "/a#b", "/a b", "/a\r\nx"],
)
def test_a_bad_free_path_is_refused(path: str) -> None:
    with pytest.raises(RequestNotBuildable):
        build({"path": path}, path="{{ params.path }}", free_path=True)


def test_a_free_path_stays_as_it_is() -> None:
    assert build({"path": "/v1/ä%20b:c"}, path="{{ params.path }}", free_path=True).path == "/v1/%C3%A4%20b:c"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Authorization", "x"),
        ("Cookie", "x"),
        ("X-Bad Name", "x"),
        ("X-A", "a\r\nHost: b"),
        ("X-A", "ä"),
        ("X-A", ["list"]),
        ("X-A", "x" * 9000),
    ],
)
def test_a_bad_header_is_refused(name: str, value: Any) -> None:
    with pytest.raises(RequestNotBuildable):
        build({"headers": {name: value}}, headers="{{ params.headers }}")


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "GET / HTTP/1.1\r\n", ""])
def test_a_bad_method_is_refused(method: str) -> None:
    with pytest.raises(RequestNotBuildable):
        build({"m": method}, method="{{ params.m }}")


def test_the_effect_key_goes_where_the_manifest_says() -> None:
    assert build({}, key="k", idempotency=Idempotency(header="Idempotency-Key")).headers["idempotency-key"] == "k"
    assert (
        build({}, key="k", idempotency=Idempotency(field="meta.key"), body={"a": 1}).body
        == b'{"a":1,"meta":{"key":"k"}}'
    )
    assert "idempotency-key" not in build({}, idempotency=Idempotency(header="Idempotency-Key")).headers
