"""Bodies of requests and answers, and what a repetition of a request does."""

import base64
from typing import Any

import pytest

from ipaas.sdk.bodies import RequestNotBuildable
from ipaas.sdk.transports import HttpAnswer
from tests.unit.sdk.openapi.documents import action_of, built, document, imported, told

PARCEL = {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "integer"}}}


def post(content: dict[str, Any], *, method: str = "post", path: str = "/parcels", **more: Any) -> dict[str, Any]:
    body = {"required": True, "content": content}
    return document({path: {method: {"operationId": "send", "requestBody": body, "responses": {}}}}, **more)


def test_json_is_preferred_and_nulls_stay() -> None:
    found = imported(
        post({"application/xml": {}, "application/json": {"schema": PARCEL | {"additionalProperties": {}}}})
    )
    request = built(found, {"body": {"weight": 5, "note": None}}, "send")
    assert request.body == b'{"weight":5,"note":null}'
    assert request.headers["content-type"] == "application/json"
    assert "content_types" in told(found)


def test_form_with_members_inside_members() -> None:
    found = imported(post({"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}))
    value = {"customer": {"name": "Ada"}, "expand": ["a", "b"], "lines": [{"sku": "x"}], "gone": None}
    request = built(found, {"body": value}, "send")
    assert request.body == b"customer%5Bname%5D=Ada&expand=a&expand=b&lines%5B0%5D%5Bsku%5D=x"


def test_multipart_with_a_file_always_gives_the_same_bytes() -> None:
    found = imported(post({"multipart/form-data": {"schema": {"type": "object"}}}))
    file = {"filename": 'a"b.txt', "content_type": "text/plain", "base64": base64.b64encode(b"hello").decode()}
    first, second = (built(found, {"body": {"title": "A", "file": file, "meta": {"n": 1}}}, "send") for _ in range(2))
    assert first == second
    boundary = first.headers["content-type"].partition("boundary=")[2].encode()
    assert first.body.count(b"--" + boundary) == 4
    assert b'name="file"; filename="a%22b.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n' in first.body
    assert b'name="meta"\r\nContent-Type: application/json\r\n\r\n{"n":1}\r\n' in first.body


@pytest.mark.parametrize("file", [{"base64": "not base64!"}, {"base64": "QQ==", "content_type": "a\r\nX: y"}])
def test_a_file_that_is_none_is_refused(file: dict[str, str]) -> None:
    found = imported(post({"multipart/form-data": {"schema": {"type": "object"}}}))
    with pytest.raises(RequestNotBuildable):
        built(found, {"body": {"file": file}}, "send")


def test_bytes_and_texts() -> None:
    found = imported(post({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}))
    request = built(found, {"body": base64.b64encode(b"\x00\xff").decode()}, "send")
    assert (request.body, request.headers["content-type"]) == (b"\x00\xff", "application/octet-stream")
    found = imported(post({"application/xml": {"schema": PARCEL}}))
    request = built(found, {"body": "<a/>"}, "send")
    assert (request.body, request.headers["content-type"]) == (b"<a/>", "application/xml")


def test_an_idempotency_member_is_the_platforms_to_fill_in() -> None:
    schema = {"$ref": "#/components/schemas/Pay"}
    pay = {
        "type": "object",
        "required": ["idempotency_key", "amount"],
        "properties": {"idempotency_key": {"type": "string"}, "amount": {"type": "integer"}},
    }
    found = imported(post({"application/json": {"schema": schema}}, components={"schemas": {"Pay": pay}}))
    request = built(found, {"body": {"amount": 5}}, "send", key="effect-9")
    assert request.body == b'{"amount":5,"idempotency_key":"effect-9"}'


@pytest.mark.parametrize(
    ("method", "path", "effect"),
    [("get", "/a", "safe"), ("put", "/a/{id}", "keyed"), ("delete", "/a/{id}", "keyed"), ("post", "/a", "unkeyed"),
     ("patch", "/a/{id}", "unkeyed"), ("delete", "/a", "unkeyed")],
)  # fmt: skip
def test_what_a_repetition_does_follows_from_the_method(method: str, path: str, effect: str) -> None:
    found = imported(document({path: {method: {"operationId": "send", "responses": {}}}}))
    assert found.manifest.actions["send"].effect == effect


def answer(status: int, body: bytes, kind: str) -> HttpAnswer:
    return HttpAnswer(status=status, headers={"content-type": kind}, body=body)


def test_the_schema_of_an_answer_describes_and_does_not_enforce() -> None:
    content = {"application/json": {"schema": PARCEL}}
    paths = {"/a": {"get": {"operationId": "find", "responses": {"200": {"description": "", "content": content}}}}}
    found = imported(document(paths))
    action = action_of(found)
    assert action.spec.response.schema == PARCEL
    request = action.build({}, {}, None)
    assert action.read(request, answer(200, b'{"weight":"heavy"}', "application/json")).data == {"weight": "heavy"}


def test_bytes_of_an_answer_come_as_base64() -> None:
    content = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
    paths = {"/a": {"get": {"operationId": "find", "responses": {"200": {"description": "", "content": content}}}}}
    action = action_of(imported(document(paths)))
    request = action.build({}, {}, None)
    assert request.headers["accept"] == "application/pdf"
    assert (
        action.read(request, answer(200, b"%PDF\xff", "application/pdf")).data == base64.b64encode(b"%PDF\xff").decode()
    )


def test_a_cursor_is_recognised() -> None:
    listing = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": PARCEL},
            "meta": {"type": "object", "properties": {"next_cursor": {"type": "string"}}},
        },
    }
    content = {"application/json": {"schema": listing}}
    cursor = {"name": "cursor", "in": "query", "schema": {"type": "string"}}
    operation = {"operationId": "find", "parameters": [cursor], "responses": {"200": {"content": content}}}
    pages = imported(document({"/a": {"get": operation}})).manifest.actions["find"].pagination
    assert pages is not None
    assert (pages.param, pages.next, pages.items) == (
        "cursor",
        "get(data, 'meta.next_cursor')",
        "default(data.items, [])",
    )
