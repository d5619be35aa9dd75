"""Stand-ins where several actions share a method and a path, and where things are deleted."""

from typing import Any

import pytest
import yaml

from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.stubs.http import StubRequest
from ipaas.sdk.stubs.vendor import VendorStub

MANIFEST = """
slug: rpc
title: RPC
summary: Calls that share an address.
category: erp
vendor: Nobody (fictional)
version: 1.0.0
auth: [{name: none, type: none}]
actions:
  by_body: &action
    title: A
    doc: A.
    effect: safe
    method: POST
    path: /rpc
    params_schema: {type: object}
  by_header: *action
  other: *action
  remove: &thing
    title: R
    doc: R.
    effect: safe
    method: DELETE
    path: "/things/{{ params.id }}"
    params_schema: {type: object}
  read: {<<: *thing, method: GET}
stub:
  seeds: {thing: {a: {id: a}}}
  operations:
    other: {do: record}
    by_body: {do: record, when: "body.params.model == 'res.partner'"}
    by_header: {do: record, when: "headers['x-amz-target'] == 'Make' and query.v == '2'"}
    remove: {do: delete, entity: thing, id: "{{ path.id }}", reply: {status: 204}}
    read: {do: read, entity: thing, id: "{{ path.id }}"}
"""
STUB = VendorStub(Connector(parse_manifest(yaml.safe_load(MANIFEST))))


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (b'{"params": {"model": "res.partner"}}', {}, "by_body"),
        (b'{"params": {"model": "sale.order"}}', {}, "other"),
        (b"{}", {"x-amz-target": "Make"}, "by_header"),
        (b"no json", {}, "other"),
        (b"", {"x-amz-target": "Else"}, "other"),
    ],
)
def test_a_request_is_told_by_what_it_holds(body: bytes, headers: dict[str, str], name: str) -> None:
    found = STUB.route(StubRequest("POST", "/rpc", {"v": "2"}, headers, body), "/rpc")
    assert found is not None
    assert found[0].name == name


def test_what_was_deleted_is_gone() -> None:
    STUB.reset()

    def call(method: str) -> Any:
        request = StubRequest(method, "/things/a", {}, {}, b"")
        routed = STUB.route(request, "/things/a")
        assert routed is not None
        return STUB.apply(*routed, request, time="2026-01-01T00:00:00.000Z", digest="")

    assert call("GET").answer.status == 200
    removed = call("DELETE")
    assert (removed.answer.status, removed.outcome) == (204, "effect")
    assert (call("GET").answer.status, call("DELETE").answer.status) == (404, 404)
