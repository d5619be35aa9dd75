"""Odd APIs are told by a manifest alone: JSON-RPC, forms, errors with 200, Range paging, base64 filters, XML."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from ipaas.core.errors import ErrorClass
from ipaas.core.net import HttpClient
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.testing import Bench
from ipaas.sdk.transports import HttpAnswer

MANIFEST = r"""
slug: odd
title: An odd ERP
summary: Every oddity that a manifest has to be able to say.
category: erp
vendor: Nobody (fictional)
version: 1.0.0
base_urls: {production: https://odd.example}
auth: [{name: token, type: bearer, title: Token}]
errors:
  - match: {path: error.code, equals: [-32000, -32001]}
    class: transient
    code: $.error.code
    message: $.error.message
    applied: "no"
  - match: {path: error, present: true}
    class: business_rejection
    code: $.error.code
    message: $.error.data.message
  - match: {path: Response.Status, equals: [failure]}
    class: business_rejection
    code: $.Response.Error.Code
    message: $.Response.Error.Message
actions:
  search_partners:
    title: Search partners
    doc: JSON-RPC, filtered by an expression in base64, every error with status 200.
    effect: safe
    method: POST
    path: /jsonrpc
    headers: {X-Filter: "{{ base64_encode(to_json({'city': params.city})) }}"}
    body:
      jsonrpc: "2.0"
      id: "{{ uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', params.city) }}"
      method: call
      params: {model: res.partner, args: [[[city, "=", "{{ params.city }}"]]]}
    params_schema: {type: object, additionalProperties: false, required: [city], properties: {city: {type: string}}}
    params_example: {city: Köln}
    response: {result: "{{ from_json(base64_decode(body.result.packed)) }}"}
  list_movements:
    title: List movements
    doc: Pages by the header Range, fifty items each, answered with 206.
    effect: safe
    method: GET
    path: /movements
    headers: {Range: "items={{ params.start }}-{{ params.start + 1 }}"}
    params_schema:
      type: object
      additionalProperties: false
      properties: {start: {type: integer, default: 0}}
    pagination: {kind: offset, param: start, size: 2, items: data}
  post_entry:
    title: Post an entry
    doc: A form with members inside members; the answer is a text.
    effect: unkeyed
    method: POST
    path: /entries
    body: {entry: {account: "{{ params.account }}", lines: [{amount: "12.50"}]}, tags: [a, b]}
    body_format: form
    params_schema: {type: object, additionalProperties: false, properties: {account: {type: string}}}
    params_example: {account: "4400"}
    response: {format: text}
  create_order:
    title: Create an order
    doc: XML both ways, with a namespace, attributes and a repeated element; errors with status 200.
    effect: unkeyed
    method: POST
    path: /orders
    body:
      "o:Order":
        "@xmlns:o": urn:example:order
        "@number": "{{ params.number }}"
        "o:Note": "{{ params.note }}"
        "o:Line": "{{ map(params.skus, {'@sku': item, '#text': '1'}) }}"
    body_format: xml
    params_schema:
      type: object
      additionalProperties: false
      properties: {number: {type: string}, note: {type: [string, "null"]}, skus: {type: array}}
    params_example: {number: A-1, skus: [s1, s2]}
    response:
      format: xml
      schema: {type: object, required: [Response]}
      result: {id: "{{ body.Response['@id'] }}", lines: "{{ flatten([body.Response.Line]) }}"}
triggers: {}
stub:
  operations:
    create_order:
      do: create
      entity: order
      set: {number: "{{ body.Order['@number'] }}", lines: "{{ body.Order.Line }}"}
      reply: {status: 200, body: {Response: {"@id": "{{ id }}", Line: "{{ map(entity.lines, item['@sku']) }}"}}}
"""
CONNECTOR = Connector(parse_manifest(yaml.safe_load(MANIFEST)))
XML = {"content-type": "text/xml; charset=utf-8"}
JSON = {"content-type": "application/json"}


@dataclass
class Vendor:
    """Transports to a vendor that answers in order and keeps what it was sent."""

    answers: list[tuple[int, Mapping[str, str], bytes]]
    base_url: str = "https://odd.example"
    config: Mapping[str, Any] = field(default_factory=dict)
    effect_key: str | None = None
    asked: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def http(self) -> "Vendor":
        return self

    async def send(self, _method: str, _path: str, _query: Any, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        self.asked.append((headers, body))
        return HttpAnswer(*self.answers[len(self.asked) - 1])

    async def another_request(self) -> None:
        """No limit counts it."""


def rpc(**answer: Any) -> tuple[int, Mapping[str, str], bytes]:
    return 200, JSON, json.dumps({"jsonrpc": "2.0", "id": 1, **answer}).encode()


async def failed(action: str, params: dict[str, Any], *answer: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.execute(action, params, Vendor([answer]))  # type: ignore[list-item, arg-type]
    return caught.value


async def test_json_rpc_with_a_base64_filter_and_a_packed_answer() -> None:
    packed = base64.b64encode(b'[{"id": 7}]').decode()
    vendor = Vendor([rpc(result={"packed": packed})])
    found = await CONNECTOR.execute("search_partners", {"city": "Köln"}, vendor)  # type: ignore[arg-type]
    headers, body = vendor.asked[0]
    assert found.data == [{"id": 7}]
    assert json.loads(base64.b64decode(headers["x-filter"])) == {"city": "Köln"}
    assert json.loads(body)["params"]["args"] == [[["city", "=", "Köln"]]]


async def test_errors_of_json_rpc_come_with_status_200() -> None:
    busy = await failed("search_partners", {"city": "x"}, *rpc(error={"code": -32000, "message": "locked"}))
    wrong = await failed("search_partners", {"city": "x"}, *rpc(error={"code": 200, "data": {"message": "no right"}}))
    assert (busy.error_class, busy.message, busy.applied) == (ErrorClass.TRANSIENT, "locked", False)
    assert (wrong.error_class, wrong.message) == (ErrorClass.BUSINESS_REJECTION, "no right")


async def test_pages_asked_for_by_a_range() -> None:
    pages = [(206, JSON, b"[1, 2]"), (206, JSON, b"[3, 4]"), (206, JSON, b"[5]")]
    vendor = Vendor(pages)  # type: ignore[arg-type]
    found = await CONNECTOR.execute("list_movements", {"all_pages": True}, vendor)  # type: ignore[arg-type]
    assert found.data == [1, 2, 3, 4, 5]
    assert [headers["range"] for headers, _ in vendor.asked] == ["items=0-1", "items=2-3", "items=4-5"]


async def test_a_form_with_members_inside_members() -> None:
    vendor = Vendor([(201, {"content-type": "text/plain"}, b"E-17")])
    found = await CONNECTOR.execute("post_entry", {"account": "4400"}, vendor)  # type: ignore[arg-type]
    assert found.data == "E-17"
    wanted = {"entry[account]": ["4400"], "entry[lines][0][amount]": ["12.50"], "tags": ["a", "b"]}
    assert parse_qs(vendor.asked[0][1].decode()) == wanted


ORDER = {"number": 'A&"1', "note": None, "skus": ["s1", "s2"]}


@pytest.mark.parametrize("lines", ["<r:Line>s1</r:Line>", "<r:Line>s1</r:Line><r:Line>s2</r:Line>"])
async def test_xml_goes_out_and_comes_back(lines: str) -> None:
    answer = f'<?xml version="1.0"?><r:Response xmlns:r="urn:r" id="9">{lines}</r:Response>'
    vendor = Vendor([(200, XML, answer.encode())])
    found = await CONNECTOR.execute("create_order", ORDER, vendor)  # type: ignore[arg-type]
    headers, body = vendor.asked[0]
    assert found.data == {"id": "9", "lines": ["s1", "s2"][: lines.count("<r:")]}
    assert headers["content-type"] == "application/xml"
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<o:Order xmlns:o="urn:example:order" number=\'A&amp;"1\'>'
        '<o:Line sku="s1">1</o:Line><o:Line sku="s2">1</o:Line></o:Order>'
    )


async def test_an_error_in_xml_is_classified_by_what_it_says() -> None:
    said = b"<Response><Status>failure</Status><Error><Code>17</Code><Message>closed</Message></Error></Response>"
    for status in (200, 400):
        error = await failed("create_order", ORDER, status, XML, said)
        assert (error.error_class, error.vendor_code) == (ErrorClass.BUSINESS_REJECTION, "17")
        assert error.message == "closed"
    down = await failed("create_order", ORDER, 503, {"content-type": "text/html"}, b"<html><p>down</html>")
    assert down.error_class is ErrorClass.TRANSIENT


BOMB = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 100 + b"</a>" * 100,
        b"<a>" + b"<b/>" * 100_001 + b"</a>",
        b'<?xml version="1.0" encoding="made-up"?><a/>',
        b"<a><b></a>",
        b'{"Response": {}}',
        b"\xff\xfe",
    ],
)
async def test_an_answer_that_is_no_sound_xml_is_drift_and_never_taken_in(body: bytes) -> None:
    error = await failed("create_order", ORDER, 200, XML, body)
    assert (error.error_class, error.vendor_code) == (ErrorClass.CONTRACT_VIOLATION, "response_not_xml")
    assert error.applied is None


@pytest.mark.parametrize("params", [{"number": "a\x00"}, {"number": ["x"]}, {"skus": [{"@a b": "1"}]}])
async def test_a_value_that_xml_can_not_hold_is_refused_before_anything_leaves(params: dict[str, Any]) -> None:
    document = yaml.safe_load(MANIFEST)
    action = document["actions"]["create_order"]
    action["body"] = {"Order": {"@number": "{{ params.number }}", "Line": "{{ params.skus }}"}}
    action["params_schema"] = {"type": "object", "properties": {"number": {}, "skus": {}}}
    vendor = Vendor([])
    with pytest.raises(ActionError, match="XML"):
        await Connector(parse_manifest(document)).execute("create_order", params, vendor)  # type: ignore[arg-type]
    assert vendor.asked == []


@pytest.mark.parametrize("body", ["a text", {"a": 1, "b": 2}, {"a": ["x", "y"]}, {"p:a": {}}, {}])
async def test_a_document_has_one_root_whose_prefixes_are_declared(body: Any) -> None:
    document = yaml.safe_load(MANIFEST)
    document["actions"]["create_order"]["body"] = body
    with pytest.raises(ActionError, match="XML"):
        Connector(parse_manifest(document)).preview("create_order", ORDER, {}, None)


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    async def no_post(*_: Any) -> int:
        raise AssertionError

    server = StubServer([CONNECTOR], ledger=folder / "ledger", token="t", post=no_post)
    (listener,) = await server.listen("127.0.0.1", 0, None)
    async with HttpClient() as client:
        yield Bench(CONNECTOR, server, client, listener.sockets[0].getsockname()[1], 0, {})
    listener.close()
    await listener.wait_closed()
    server.ledger.close()


async def test_the_stand_in_speaks_xml_too(tmp_path: Path) -> None:
    async with bench(tmp_path) as there:
        io = there.io()
        io.secrets = {"token": "t"}
        found = await CONNECTOR.execute("create_order", ORDER, io)
    assert found.data == {"id": "00000001", "lines": ["s1", "s2"]}
