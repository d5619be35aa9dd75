"""Documents that were written to do harm, or by people who did not care: each is read, bounded and told."""

import json
from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.sdk.connector import Connector, ParamsInvalid
from ipaas.sdk.openapi import OpenApiUnreadable, import_openapi
from ipaas.sdk.openapi.sources import cleaned
from tests.unit.sdk.openapi.documents import built, document, get_with, imported, told


def schema_of(schema: Any, **schemas: Any) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    paths = {"/a": {"post": {"operationId": "find", "requestBody": body, "responses": {}}}}
    return document(paths, components={"schemas": schemas})


def test_schemas_that_branch_into_themselves_do_not_explode() -> None:
    every = {f"m{number}": {"$ref": "#/components/schemas/Tree"} for number in range(12)}
    tree = {"type": "object", "required": list(every), "properties": every}
    found = imported(schema_of({"$ref": "#/components/schemas/Tree"}, Tree=tree))
    assert "no_example" in told(found)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 10**30},
        {"type": "array", "minItems": 10**30, "items": {"type": "string"}},
        {"type": "integer", "minimum": 10**39, "maximum": 10**39},
        {"type": "number", "multipleOf": 0},
        {"type": "string", "pattern": "(a+)+$"},
        {"type": "string", "pattern": "(?<=x)y"},
        {"type": "string", "pattern": "a{1,100000}{1,100000}"},
        {"type": "string", "maxLength": -1},
        {"enum": []},
        {"type": "object", "required": ["__proto__"], "properties": {"__proto__": {"type": "string"}, "": {}}},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"$ref": "#/components/schemas/Missing"},
        {"$ref": "https://evil.example/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/components/schemas/../../secrets"},
        {"type": "no such type", "format": 7, "properties": [], "items": 3},
    ],
    ids=lambda one: json.dumps(one)[:50],
)  # fmt: skip
def test_a_schema_that_can_not_be_met_is_told_and_leaves_the_rest(schema: dict[str, Any]) -> None:
    content = schema_of(schema)
    content["paths"]["/b"] = {"get": {"operationId": "other", "responses": {}}}
    try:
        found = imported(content)
    except IpaasError as error:
        pytest.fail(f"refused as a whole: {error.detail}")
    assert set(found.manifest.actions) == {"find", "other"}
    Connector(found.manifest).actions["find"]
    assert built(found, {}, "other").path == "/b"


def test_a_yaml_bomb_ends_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(OpenApiUnreadable, match="values"):
        import_openapi("\n".join(["openapi: 3.0.0", *lines]).encode(), slug="x")


@pytest.mark.parametrize("text", ["[" * 5000, '{"openapi":' * 3000, "a: " * 3000, "- " * 3000, '{"a":1e9999}', "\x00"])
def test_texts_that_nest_or_count_without_end_are_refused(text: str) -> None:
    with pytest.raises(OpenApiUnreadable):
        import_openapi(text.encode(), slug="x")


def test_schemas_nested_beyond_sense_are_cut_and_told() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": schema}}}
    assert "too_deep" not in told(imported(schema_of(schema)))
    chain = {f"S{n}": {"properties": {"a": {"$ref": f"#/components/schemas/S{n + 1}"}}} for n in range(600)}
    found = imported(schema_of({"$ref": "#/components/schemas/S0"}, **chain))
    assert "reference_missing" in told(found)
    assert len(found.document["definitions"]) == 600


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a/b",
        "x\u0000y",
        "{{ config.secret }}",
        "'; DROP TABLE",
        "ключ",
        "😀",
        "a" * 500,
        "constructor",
    ],
)
def test_odd_names_of_parameters_become_plain_ones(name: str) -> None:
    if "\x00" in name:
        with pytest.raises(OpenApiUnreadable):
            imported(get_with({"name": name, "in": "query", "schema": {"type": "string"}}))
        return
    found = imported(get_with({"name": name, "in": "query", "required": True, "schema": {"type": "string"}}))
    (ours,) = [one for one in found.manifest.actions["find"].params_schema["properties"] if one != "all_pages"]
    assert ours.replace("_", "").isalnum()
    assert built(found, {ours: "v"}).query == ((name, "v"),)


@pytest.mark.parametrize("path", ["/../admin", "/a/{b}/../c", "//evil.example/x", "/a\r\nX: y", "/{{ config.key }}"])
def test_paths_that_lead_elsewhere_never_leave(path: str) -> None:
    content = document({path: {"get": {"operationId": "find", "responses": {}}}})
    try:
        found = imported(content)
        request = built(found, dict.fromkeys(found.manifest.actions["find"].params_schema["required"], ".."))
    except IpaasError:
        return  # refused as a whole: nothing of it can be called
    assert ".." not in request.path.split("/")
    assert "\r" not in request.path
    assert request.path.startswith("/")


def test_discriminators_name_the_form_that_an_example_has() -> None:
    cat = {
        "type": "object",
        "required": ["kind", "lives"],
        "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}},
    }
    dog = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    pet = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"feline": "#/components/schemas/Cat"}},
    }
    found = imported(schema_of({"$ref": "#/components/schemas/Pet"}, Pet=pet, Cat=cat, Dog=dog))
    assert found.manifest.actions["find"].params_example["body"] == {"kind": "feline", "lives": 1}


def test_thousands_of_operations_are_cut_where_the_limit_is_and_told() -> None:
    paths = {f"/p{number}": {"get": {"responses": {}}} for number in range(5002)}
    found = import_openapi(jsonio.dumps(document(paths)), slug="x")
    assert len(found.manifest.actions) == 5000
    assert "too_many" in told(found)


SMALL = '{"openapi": "3.1.0", "info": {"title": "é", "version": "1"}, "paths": {"/a": {"get": {}}}}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_form_of_unicode_is_read(encoding: str) -> None:
    found = import_openapi(cleaned(SMALL.encode(encoding)).source, slug="x")
    assert found.document["title"] == "é"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"<definitions xmlns='wsdl'/>", "XML"),
        (b"PK\x03\x04rest", "archive"),
        (b"\x1f\x8b\x08rest", "archive"),
        (b"%PDF-1.4", "PDF"),
        (b"  ", "empty"),
        (b"a\x01\x00\x02b", "not text"),
        (b"#%RAML 1.0\ntitle: x", "RAML"),
        (b"asyncapi: 2.6.0", "AsyncAPI"),
        (b'{"swaggerVersion": "1.2"}', "Swagger 1"),
        (SMALL.encode("latin-1"), "Unicode"),
    ],
)
def test_other_things_are_refused_by_their_name(given: bytes, words: str) -> None:
    with pytest.raises(OpenApiUnreadable, match=words):
        import_openapi(cleaned(given).source, slug="x")


def test_yaml_with_anchors_and_merge_keys_is_read() -> None:
    text = """
openapi: 3.0.0
info: {title: x, version: 1.0}
x-usual: &usual {responses: {200: {description: ok}}, tags: [things]}
x-more: &more {tags: [others], deprecated: true}
paths:
  /a: {get: {<<: *usual, operationId: a}}
  /b: {get: {tags: [own], <<: [*usual, *more]}}
"""
    found = import_openapi(text.encode(), slug="x")
    assert found.groups == {"things": ["a"], "own": ["get_b"]}
    assert found.manifest.actions["get_b"].doc.startswith("Deprecated")
    with pytest.raises(OpenApiUnreadable, match="merge key"):
        import_openapi(b"openapi: 3.0.0\npaths: {<<: 5}", slug="x")


def test_schemas_that_are_named_by_an_anchor_or_id_are_found() -> None:
    under = {"type": "array", "items": {"$dynamicRef": "#node"}}
    tree: dict[str, Any] = {"$id": "https://x.example/tree", "$dynamicAnchor": "node", "required": ["n"]}
    tree["properties"] = {"n": {"type": "integer"}, "under": under}
    members = {"a": {"$ref": "https://x.example/tree"}, "b": {"$ref": "#word"}}
    whole = {"properties": members, "required": ["a", "b"]}
    content = schema_of(whole, Tree=tree, Word={"$anchor": "word", "type": "string"}) | {"openapi": "3.1.0"}
    found = imported(content)
    assert not told(found)
    assert built(found, {"body": {"a": {"n": 1, "under": [{"n": 2}]}, "b": "w"}}).path == "/a"
    for wrong in ({"a": {"n": 1, "under": [{"n": "2"}]}, "b": "w"}, {"a": {"n": 1}, "b": 7}):
        with pytest.raises(ParamsInvalid):
            built(found, {"body": wrong})


def test_members_that_only_the_vendor_sets_are_not_asked_for() -> None:
    members = {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}}
    found = imported(schema_of({"type": "object", "required": ["id", "name"], "properties": members}))
    assert built(found, {"body": {"name": "x"}}).body == b'{"name":"x"}'
    with pytest.raises(ParamsInvalid):
        built(found, {"body": {"id": "x"}})


def test_ways_to_authenticate_that_can_not_be_told_leave_the_others() -> None:
    keys = {f"k{n}": {"type": "apiKey", "in": "header", "name": f"X-{n}"} for n in range(8)}
    odd = {"odd": {"type": "apiKey", "in": "header", "name": "X Y\r\nZ"}, "cloud": CLOUD}
    content = get_with() | {
        "components": {"securitySchemes": {**keys, **odd}},
        "security": [{name: [] for name in keys}],
    }
    found = imported(content | {"info": {"title": "x", "version": "1", "x-serviceName": "sqs"}})
    assert list(found.manifest.auth) == [*keys, "cloud"]
    assert found.manifest.auth["cloud"].service == "sqs"
    assert {"security", "security_combination"} <= told(found)


CLOUD = {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}


def test_what_is_of_the_wrong_type_is_told() -> None:
    paths = {"/a": {"get": "x", "post": {"parameters": "y", "responses": {}}, "query": {}}}
    found = imported(document(paths))
    assert {("/paths/~1a/get", "not_an_object"), ("/paths/~1a/post/parameters", "not_a_list")} <= {
        (one.path, one.code) for one in found.findings
    }
    assert "method" in told(found)


def test_lists_go_on_by_the_link_header_of_an_answer_that_is_referred_to() -> None:
    page = {
        "headers": {"Link": {}, "X-RateLimit-Limit": {}},
        "content": {"application/json": {"schema": {"type": "array"}}},
    }
    content = get_with() | {"components": {"responses": {"Page": page}}}
    content["paths"]["/parcels"]["get"]["responses"] = {"200": {"$ref": "#/components/responses/Page"}}
    found = imported(content)
    assert found.document["actions"]["find"]["pagination"]["kind"] == "link"
    assert told(found) == {"rate_limit"}
