"""Collections, recordings and GraphQL schemas with the hard parts of the field in them."""

import json
from typing import Any

import pytest

from ipaas.sdk.openapi import OpenApiUnreadable
from tests.unit.sdk.openapi.test_sources import entry, har, of, request_of


def postman(*requests: dict[str, Any], **more: Any) -> dict[str, Any]:
    info = {"name": "x", "schema": "https://schema.getpostman.com/json/collection/v2.0.0/collection.json"}
    return {"info": info, "item": [{"name": f"r{n}", "request": one} for n, one in enumerate(requests)], **more}


def test_bodies_of_a_collection_are_kept_as_they_are() -> None:
    url, file = "https://api.example.com/f", {"key": "a", "type": "file", "src": ["/x/a.png", "/x/b.png"]}
    raw = '{"id": {{id}}, // why\n "n": {{n}}, "s": "//{{s}}"}'
    twice = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "b", "value": "3", "disabled": True}]
    found = of(
        postman(
            {"method": "POST", "url": url, "header": "X-A: 1\nX-B: 2", "body": {"mode": "raw", "raw": raw,
             "options": {"raw": {"language": "json"}}}},
            {"method": "POST", "url": url, "body": {"mode": "urlencoded", "urlencoded": twice}},
            {"method": "POST", "url": url, "body": {"mode": "formdata", "formdata": [file]}},
            {"method": "POST", "url": url, "body": {"mode": "raw", "raw": "<a/>",
             "options": {"raw": {"language": "xml"}}}},
            {"method": "PUT", "url": url, "body": {"mode": "file", "file": {"src": "/a"}}},
            {"method": "GET", "url": "{{protocol}}://{{host}}:{{port}}/h", "auth": {"type": "digest", "digest": []}},
            variable=[{"key": "id", "value": "7"}],
        )
    )  # fmt: skip
    actions = found.manifest.actions
    assert [one.path for one in actions.values()] == ["/f"] * 5 + ["/h"]
    assert list(found.manifest.base_urls.values()) == ["https://api.example.com"]
    assert [one.type for one in found.manifest.auth.values()] == ["digest"]
    bodies = [actions[f"r{n}"].params_example.get("body") for n in range(4)]
    assert bodies[:2] == [{"id": 7, "n": None, "s": "//{{s}}"}, {"a": ["1", "2"]}]
    assert [one["filename"] for one in bodies[2]["a"]] == ["a.png", "b.png"]
    assert bodies[3] == "<a/>"
    assert set(actions["r0"].headers) == {"Accept", "X-A", "X-B"}
    assert actions["r3"].headers["Content-Type"] == "application/xml"
    assert {name: len(one) for name, one in found.groups.items()} == {"f": 5, "h": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"name": "x", "requests": [], "order": []}, "version 1"),
        ({"values": [], "_postman_variable_scope": "environment"}, "environment"),
        ({"log": {"entries": []}}, "no call"),
    ],
)
def test_what_else_these_tools_write_is_refused_by_its_name(content: dict[str, Any], words: str) -> None:
    with pytest.raises(OpenApiUnreadable, match=words):
        of(content)


def test_a_collection_as_the_api_of_postman_answers_it() -> None:
    assert of({"collection": postman({"url": "https://api.example.com/f"})}).dialect == "postman"


def sent(body: dict[str, Any], url: str = "https://api.example.com/f", method: str = "POST") -> dict[str, Any]:
    return {"request": {"method": method, "url": url, "postData": body}, "response": {"status": 200}}


def test_a_recording_keeps_forms_files_and_each_query_of_graphql() -> None:
    twice = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
    file = {"name": "c", "fileName": "c.png", "contentType": "image/png"}
    part = '--x\r\nContent-Disposition: form-data; name="q"\r\n\r\n1\r\n--x--\r\n'
    asked = [{"mimeType": "application/json", "text": json.dumps({"query": f"query {n} {{ {n} }}"})} for n in "abb"]
    found = of(
        har(
            sent({"mimeType": "application/x-www-form-urlencoded", "params": twice}),
            sent({"mimeType": "multipart/form-data; boundary=x", "params": [*twice, file]}, method="PUT"),
            sent({"mimeType": "multipart/form-data; boundary=x", "text": part}, method="PATCH"),
            *[sent(one, "https://api.example.com/graphql") for one in asked],
            sent({}, "data:text/plain,x"),
            sent({}, method="PROPFIND"),
        )
    )
    bodies = {name: one.params_example["body"] for name, one in found.manifest.actions.items()}
    png = {"filename": "c.png", "content_type": "image/png", "base64": "ZXhhbXBsZQ=="}
    assert bodies == {
        "post_f": {"a": ["1", "2"]},
        "put_f": {"a": ["1", "2"], "c": png},
        "patch_f": {"q": "1"},
        "post_graphql": {"query": "query a { a }"},
        "post_graphql_operation_2": {"query": "query b { b }"},
    }
    assert found.manifest.actions["post_graphql_operation_2"].path == "/graphql"
    assert {"address", "method"} == {one.code for one in found.findings}


def test_one_entry_of_a_recording_is_one_operation() -> None:
    assert request_of(of(entry("GET", "https://api.example.com/f"))).path == "/f"


CONNECTIONS = """
type Query { things(first: Int, after: String, fooBar: Int, foo_bar: Int): Things!, one(id: ID!, of: Of!): Thing }
input Of { kind: String! }
type Things { nodes: [Thing!]! pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Thing { id: ID! }
"""


def test_lists_of_graphql_go_on_and_arguments_have_examples() -> None:
    found = of(CONNECTIONS)
    assert found.manifest.actions["one"].params_example == {"id": "1", "of": {"kind": "text"}}
    pages = found.manifest.actions["things"].pagination
    assert pages is not None
    assert pages.param == "after"
    names = found.manifest.actions["things"].params_schema["properties"]
    assert {"foo_bar", "foo_bar_2"} <= names.keys()


@pytest.mark.parametrize(
    ("text", "words"),
    [('{"errors": [{"message": "introspection is off"}]}', "introspection is off"), ("type A { b: Int }", "Query")],
)
def test_what_is_no_schema_says_what_was_told(text: str, words: str) -> None:
    with pytest.raises(OpenApiUnreadable, match=words):
        of(text, "graphql")
