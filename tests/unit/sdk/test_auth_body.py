"""Credentials in the body: put in at their places, in every form of a body, and told to nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml

from ipaas.catalog.trials import curl_of
from ipaas.core.net import HttpClient
from ipaas.sdk.auth import CredentialUnusable, apply
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.testing import CANARY, Bench
from ipaas.sdk.tokens import TokenRefused, read_token

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MANIFEST = """
slug: inside
title: Inside
summary: Reads its credential from the body.
category: erp
vendor: Nobody (fictional)
version: 1.0.0
base_urls: {production: https://inside.example}
auth: [%s]
actions:
  write_thing:
    title: Write
    doc: Writes.
    effect: unkeyed
    method: POST
    path: /rpc
    body: %s
    body_format: %s
    params_schema: {type: object, additionalProperties: false, properties: {name: {type: string}}}
    params_example: {name: Ann}
stub:
  operations: {write_thing: {do: create, entity: thing, set: {a: x}, reply: {status: 200, body: {ok: true}}}}
"""
KEY = "{name: key, type: api_key, in: body, parameter: %s}"
RPC = """{name: user, type: session, login: {path: /rpc, body: {service: common, args: ["{{ secret.username }}"]}},
 token: {path: result}, send: {body: {params.args.1: "{{ number(secret.access_token) }}",
 params.args.2: "{{ secret.password }}"}}}"""
RPC_BODY = '{service: object, params: {args: [db, null, null, "{{ params.name }}"]}}'
TWICE = (
    f"{{name: t, type: all, schemes: [key, two]}}, {KEY % 'k'}, "
    "{name: two, type: api_key, in: body, parameter: k, fields: [{name: other}]}"
)
CASES = {
    "member of json": (KEY % "auth.key", '{name: "{{ params.name }}"}', "json"),
    "several places of a session": (RPC, RPC_BODY, "json"),
    "form": (KEY % "auth.key", '{name: "{{ params.name }}"}', "form"),
    "multipart": (KEY % "key", '{name: "{{ params.name }}"}', "multipart"),
    "xml": ('{name: key, type: api_key, in: body, send: {body: {"s:Call.s:Head.Key": "{{ secret.api_key }}"}}}',
            '{"s:Call": {"@xmlns:s": "urn:s", "s:Head": {Key: null, To: x}, Name: "{{ params.name }}"}}', "xml"),
}  # fmt: skip


def connector(scheme: str, body: str, form: str) -> Connector:
    return Connector(parse_manifest(yaml.safe_load(MANIFEST % (scheme, body, form))))


@asynccontextmanager
async def bench(there: Connector, folder: Path) -> AsyncIterator[Bench]:
    async def no_post(*_: Any) -> int:
        raise AssertionError

    server = StubServer([there], ledger=folder / "ledger", token="t", post=no_post)
    (listener,) = await server.listen("127.0.0.1", 0, None)
    async with HttpClient() as client:
        yield Bench(there, server, client, listener.sockets[0].getsockname()[1], 0, {})
    listener.close()
    await listener.wait_closed()
    server.ledger.close()


@pytest.mark.parametrize("case", CASES)
async def test_the_vendor_gets_it_and_nobody_sees_it(case: str, tmp_path: Path) -> None:
    there = connector(*CASES[case])
    async with bench(there, tmp_path) as here:
        io = here.io()
        found = await there.execute("write_thing", {"name": "Ann"}, io)
        assert CANARY in io.wire[-1]
        assert CANARY not in repr(found.request)
        io.secrets = {**io.secrets, "api_key": "", "password": ""}
        with pytest.raises(ActionError, match="is empty"):
            await there.execute("write_thing", {"name": "Ann"}, io)
        bare = here.io(scheme=there.manifest.auth[next(iter(there.manifest.auth))])
        bare.scheme = connector("{name: none, type: none}", "{}", "json").manifest.auth["none"]
        with pytest.raises(ActionError) as caught:
            await there.execute("write_thing", {"name": "Ann"}, bare)
        assert caught.value.http_status == 401
    kept = (tmp_path / "ledger").read_text()
    assert "Ann" in kept
    assert CANARY not in kept


def put(scheme: str, kind: str, body: bytes, **fields: str) -> bytes:
    made = connector(scheme, "{}", "json").manifest.auth["key"]
    answer = apply(made, fields, BuiltRequest("POST", "/", (), {"content-type": kind}, body), NOW)
    assert answer.headers == {}
    assert answer.body is not None
    return answer.body


def test_only_its_place_changes() -> None:
    key = KEY % "args.2"
    body = b'{"n":1.10,"big":123456789012345678901234567890,"args":["a"]}'
    assert put(key, "application/vnd.x+json; charset=utf-8", body, api_key='k"\u00fc') == (
        '{"n":1.10,"big":123456789012345678901234567890,"args":["a",null,"k\\"\u00fc"]}'.encode()
    )
    given = put(KEY % "auth.key", "application/x-www-form-urlencoded", b"a=1&auth%5Bkey%5D=theirs&b=", api_key="k&=")
    assert parse_qsl(given.decode(), keep_blank_values=True) == [("a", "1"), ("b", ""), ("auth[key]", "k&=")]
    attribute = '{name: key, type: api_key, in: body, send: {body: {"o:A.B.@key": "{{ secret.api_key }}"}}}'
    xml = put(attribute, "text/xml", b'<o:A xmlns:o="u"> <B key="theirs">x<C/>y</B>&#13;</o:A>', api_key="<k>")
    assert xml.split(b"\n", 1)[1] == b'<o:A xmlns:o="u"> <B key="&lt;k&gt;">x<C />y</B>&#13;</o:A>'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b""),
        ("application/json", b"[1"),
        ("application/json", b'"text"'),
        ("text/plain", b"x"),
        ("", b"{}"),
        ("multipart/form-data", b"x"),
        ("application/xml", b"<other/>"),
        ("application/xml", b"<args"),
        ("application/xml", b'<!DOCTYPE args [<!ENTITY a "b">]><args>&a;</args>'),
    ],
)
def test_a_body_without_the_place_is_never_sent(kind: str, body: bytes) -> None:
    with pytest.raises(CredentialUnusable) as caught:
        put(KEY % "args.k", kind, body, api_key="very-secret")
    assert "very-secret" not in str(caught.value.detail)


def test_a_secret_that_xml_can_not_hold_is_refused() -> None:
    with pytest.raises(CredentialUnusable, match="XML"):
        put(KEY % "a.b", "application/xml", b"<a/>", api_key="a\x00b")


def test_a_signature_covers_the_body_that_goes_out() -> None:
    signing = "{name: sign, type: hmac, alone: false}"
    both = f"{{name: both, type: all, schemes: [key, sign]}}, {KEY % 'key'}, {signing}"
    scheme = connector(both, "{}", "json").manifest.auth["both"]
    fields = {"api_key": "k", "key_id": "i", "secret": "s"}
    request = BuiltRequest("POST", "/", (), {"content-type": "application/json"}, b"{}")
    made = apply(scheme, fields, request, NOW)
    alone = apply(scheme.parts[1], fields, BuiltRequest("POST", "/", (), {}, b'{"key":"k"}'), NOW)
    assert made.body == b'{"key":"k"}'
    assert made.headers["x-signature"] == alone.headers["x-signature"]


@pytest.mark.parametrize(
    ("scheme", "body", "form", "place"),
    [
        ("{name: key, type: api_key, in: body}", "{}", "json", "auth.0.parameter"),
        (KEY % "a..b", "{}", "json", "auth.0.parameter"),
        (KEY % "key", '"x"', "text", "actions.write_thing.body_format"),
        ("{name: b, type: bearer, send: {body: {a: x}}}", "{}", "json", "auth.0.send.body"),
        ("{name: k, type: api_key, send: {body: {a: x}}}", "{}", "json", "auth.0.send.body"),
        ("{name: k, type: api_key, in: body, send: {body: {a: x, a.b: y}}}", "{}", "json", "auth.0.send.body"),
        (RPC.replace("send: {", "send: {header: X, "), "{}", "json", "auth.0.send"),
        (RPC.replace("token:", "rotates: {path: n}, token:"), "{}", "json", "auth.0.rotates"),
        (TWICE, "{}", "json", "auth.0.schemes"),
    ],
)  # fmt: skip
def test_a_manifest_that_promises_what_can_not_be_is_refused(scheme: str, body: str, form: str, place: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        connector(scheme, body, form)
    assert place in {one["path"] for one in caught.value.errors}


def test_an_action_without_a_body_is_refused() -> None:
    document = yaml.safe_load(MANIFEST % (KEY % "key", "{}", "json"))
    del document["actions"]["write_thing"]["body"]
    with pytest.raises(ManifestInvalid, match="has none"):
        parse_manifest(document)


def test_the_copy_for_a_shell_has_variables_in_their_places() -> None:
    scheme = connector(*CASES["several places of a session"]).manifest.auth["user"]
    shown = {"method": "POST", "path": "/rpc", "headers": {"content-type": "application/json"}}
    command = curl_of({**shown, "body": {"params": {"args": ["it's", None, None]}}}, "https://x.example", scheme)
    wanted = """{"params":{"args":["it'"'"'s","'"$ACCESS_TOKEN"'","'"$PASSWORD"'"]}}"""
    assert command.endswith(f"--data-raw '{wanted}'")
    form = {**shown, "headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "a=1"}
    key = connector(KEY % "key", "{}", "form").manifest.auth["key"]
    assert curl_of(form, "https://x.example", key).endswith("""--data-raw 'a=1&key='"$API_KEY"''""")


def test_a_login_may_answer_with_a_number_and_false_is_no_user() -> None:
    scheme = connector(RPC, RPC_BODY, "json").manifest.auth["user"]
    assert read_token(scheme, 200, {}, b'{"result": 7}').value == "7"
    for body in (b'{"result": false}', b'{"error": {"code": 200}}'):
        with pytest.raises(TokenRefused):
            read_token(scheme, 200, {}, body)
