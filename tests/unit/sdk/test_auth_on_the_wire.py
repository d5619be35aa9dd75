"""Odd ways to authenticate, told by a manifest alone and played against its stub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipaas.core.net import HttpClient
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.testing import Bench

MANIFEST = """
slug: odd
title: Odd
summary: Odd ways to authenticate.
category: erp
vendor: Nobody (fictional)
version: 1.0.0
base_urls: {production: https://odd.example}
auth: [%s]
actions:
  read_thing:
    title: Read
    doc: Reads.
    effect: safe
    method: GET
    path: /things/a
    params_schema: {type: object, additionalProperties: false}
stub:
  seeds: {thing: {a: {id: a}}}
  operations: {read_thing: {do: read, entity: thing, id: a}}
"""
APP = "{name: app, type: api_key, in: cookie, parameter: app, alone: false, fields: [{name: app_key}]}"
DIGEST = "{name: digest, alone: false, type: digest}"
KEY = "{name: key, alone: false, type: api_key, parameter: X-Key}"
LOGIN = "login: {path: /login, body: {}}, token: {path: token}, send: {header: X-Token}"
SCHEMES = {
    "together": f"{{name: both, type: all, schemes: [app, key]}}, {APP}, {KEY}",
    "digest with a key": f"{{name: both, type: all, schemes: [app, digest]}}, {APP}, {DIGEST}",
    "oauth in a header": "{name: o, type: oauth2_client_credentials, token_url: /t, send: {header: X-Shop-Token}}",
    "rotating in a header": f"{{name: s, type: session, {LOGIN}, rotates: {{header: X-Token}}}}",
    "rotating in the body": f"{{name: s, type: session, {LOGIN}, rotates: {{path: next.token, serial: false}}}}",
}


@asynccontextmanager
async def bench(schemes: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async def no_post(*_: Any) -> int:
        raise AssertionError

    connector = Connector(parse_manifest(yaml.safe_load(MANIFEST % schemes)))
    server = StubServer([connector], ledger=tmp_path / "ledger", token="t", post=no_post)
    listening = await server.listen("127.0.0.1", 0, None)
    async with HttpClient() as client:
        yield Bench(connector, server, client, listening[0].sockets[0].getsockname()[1], 0, {})
    for one in listening:
        one.close()


@pytest.mark.parametrize("case", SCHEMES)
async def test_the_stub_asks_for_what_the_manifest_promises(case: str, tmp_path: Path) -> None:
    async with bench(SCHEMES[case], tmp_path) as here:
        io = here.io()
        for _ in range(3):
            found = await here.connector.execute("read_thing", {}, io)
            assert found.data["id"] == "a"
        whole = next(iter(here.connector.manifest.auth.values()))
        bare = here.io(scheme=whole.parts[0] if whole.together else None)
        bare.secrets = {**bare.secrets, "access_token": "another-token"}
        if "oauth" not in case:
            with pytest.raises(ActionError) as caught:
                await here.connector.execute("read_thing", {}, bare)
            assert caught.value.http_status == 401


async def test_a_token_that_was_used_is_taken_no_more(tmp_path: Path) -> None:
    async with bench(SCHEMES["rotating in a header"], tmp_path) as here:
        first, second = here.io(), here.io()
        await here.connector.execute("read_thing", {}, first)
        with pytest.raises(ActionError):
            await here.connector.execute("read_thing", {}, second)  # begins with the same token


@pytest.mark.parametrize(
    ("schemes", "told"),
    [
        (f"{{name: both, type: all, schemes: [app, other]}}, {APP}", "there is no scheme other"),
        (f"{{name: both, type: all, schemes: [app, none]}}, {APP}, {{name: none, type: none}}", "of the type none"),
        (
            "{name: both, type: all, schemes: [a, b]}, {name: a, type: basic}, {name: b, type: digest}",
            "the field password",
        ),
        (f"{{name: both, type: all, schemes: [key, twin]}}, {KEY}, {KEY.replace('key,', 'twin,', 1)}", "X-Key".lower()),
        ("{name: all, type: all}", "needs schemes"),
        (f"{{name: k, type: bearer, schemes: [app, key]}}, {APP}, {KEY}", "only the type all"),
        ("{name: k, type: bearer, rotates: {header: X-Next}}", "only the token of a session"),
    ],
)
def test_schemes_that_can_not_work_are_refused(schemes: str, told: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(yaml.safe_load(MANIFEST % schemes))
    assert any(told in one["message"] for one in caught.value.errors), caught.value.errors
