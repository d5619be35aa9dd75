"""Documents that were written to do harm, or by people who did not care: each is read, bounded and told."""

import json
from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.sdk.connector import Connector
from ipaas.sdk.openapi import OpenApiUnreadable, import_openapi
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
