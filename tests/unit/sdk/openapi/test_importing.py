"""Whole documents: dialects, servers, security, webhooks, and documents that are none."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipaas.core import jsonio, yamlio
from ipaas.core.errors import IpaasError
from ipaas.sdk.connector import Connector
from ipaas.sdk.openapi import OpenApiUnreadable, import_openapi
from ipaas.sdk.schemas import findings
from tests.unit.sdk.openapi.documents import built, document, imported, told

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Old Post", "version": "1"},
    "host": "api.oldpost.example",
    "basePath": "/v2",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "login": {"type": "basic"},
        "app": {
            "type": "oauth2",
            "flow": "application",
            "tokenUrl": "https://api.oldpost.example/token",
            "scopes": {"r": ""},
        },
    },
    "parameters": {
        "Parcel": {"in": "body", "name": "parcel", "required": True, "schema": {"$ref": "#/definitions/Parcel"}}
    },
    "definitions": {"Parcel": {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "number"}}}},
    "paths": {
        "/parcels": {
            "get": {
                "operationId": "find",
                "parameters": [
                    {
                        "name": "state",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "pipes",
                    }
                ],
                "responses": {"200": {"schema": {"type": "array", "items": {"$ref": "#/definitions/Parcel"}}}},
            },
            "post": {"operationId": "send", "parameters": [{"$ref": "#/parameters/Parcel"}], "responses": {}},
        },
        "/labels": {
            "post": {
                "operationId": "upload",
                "consumes": ["multipart/form-data"],
                "parameters": [
                    {"name": "file", "in": "formData", "type": "file", "required": True},
                    {"name": "title", "in": "formData", "type": "string"},
                ],
                "responses": {},
            }
        },
    },
}


def test_swagger_two_is_the_same_in_the_end() -> None:
    found = imported(SWAGGER)
    assert found.dialect == "2.0"
    assert found.manifest.base_urls == {"production": "https://api.oldpost.example/v2"}
    kinds = [scheme.type for scheme in found.manifest.auth.values()]
    assert kinds == ["api_key", "basic", "oauth2_client_credentials", "bearer"]
    assert built(found, {"state": ["a", "b"]}).query == (("state", "a|b"),)
    assert built(found, {"body": {"weight": 1.5}}, "send").body == b'{"weight":1.5}'
    file = {"filename": "x", "base64": "QQ=="}
    assert built(found, {"body": {"file": file}}, "upload").headers["content-type"].startswith("multipart/form-data")


def test_yaml_and_json_give_the_same() -> None:
    text = yamlio.dump(SWAGGER).encode()
    assert import_openapi(text, slug="parcel-post").document == imported(SWAGGER).document


def test_groups_follow_the_tags_or_the_first_part_of_the_path() -> None:
    paths = {
        "/a/{id}": {"get": {"tags": ["Things"], "responses": {}}},
        "/b/c": {"get": {"responses": {}}, "post": {"responses": {}}},
    }
    assert imported(document(paths)).groups == {"Things": ["get_a_id"], "b": ["get_b_c", "post_b_c"]}


def test_servers_with_variables_sandboxes_and_relative_addresses() -> None:
    servers = [
        {"url": "https://{region}.example.com/v1", "variables": {"region": {"default": "eu"}}},
        {"url": "https://sandbox.example.com/v1"},
        {"url": "/v1"},
        {"url": "https://{account}.example.com", "variables": {"account": {"default": "{account}"}}},
    ]
    content = document({"/a": {"get": {"responses": {}}}}) | {"servers": servers}
    found = imported(content, source_url="https://docs.example.com/openapi.json")
    assert found.manifest.base_urls == {
        "production": "https://eu.example.com/v1",
        "sandbox": "https://sandbox.example.com/v1",
        "production_2": "https://docs.example.com/v1",
    }
    assert {"server_variable", "server"} <= told(found)


def test_security_that_can_not_be_expressed_is_told() -> None:
    schemes = {
        "one": {"type": "http", "scheme": "bearer"},
        "two": {"type": "http", "scheme": "hoba"},
        "three": {"type": "oauth2", "flows": {"authorizationCode": {"scopes": {}}}},
        "four": {"type": "mutualTLS"},
    }
    content = document({"/a": {"get": {"responses": {}}}}, components={"securitySchemes": schemes})
    found = imported(content | {"security": [{"one": [], "two": []}]})
    assert [scheme.type for scheme in found.manifest.auth.values()] == ["bearer", "bearer", "none"]
    assert {"security", "oauth2", "security_combination"} <= told(found)


def test_schemes_that_go_together_are_one_way_to_authenticate() -> None:
    schemes = {
        "appId": {"type": "apiKey", "in": "header", "name": "X-App-Id"},
        "appKey": {"type": "apiKey", "in": "cookie", "name": "app_key"},
        "login": {"type": "http", "scheme": "digest"},
        "cert": {"type": "mutualTLS"},
    }
    read = {
        "get": {"responses": {}, "security": [{"appId": [], "login": []}, {"appKey": [], "cert": []}, {"login": []}]}
    }
    content = document({"/a": read}, components={"securitySchemes": schemes})
    found = imported(content | {"security": [{"appId": [], "appKey": []}]})
    auth = found.manifest.auth
    assert list(auth) == ["app-id-and-app-key", "app-id-and-login", "login", "cert"]
    both = auth["app-id-and-app-key"]
    assert [(part.location, part.parameter) for part in both.parts] == [("header", "X-App-Id"), ("cookie", "app_key")]
    assert [one.name for one in both.fields] == ["app_id", "app_key"]
    assert [one.name for one in auth["app-id-and-login"].fields] == ["app_id", "username", "password"]
    assert "security_combination" not in told(found)


def test_webhooks_become_a_trigger() -> None:
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"id": {}, "type": {}}}}}}
    hooks = {"parcel.sent": {"post": {"summary": "A parcel left", "requestBody": body, "responses": {}}}}
    content = {"openapi": "3.1.0", "info": {"title": "Hooks", "version": "1"}, "webhooks": hooks}
    trigger = imported(content).manifest.triggers["webhook"]
    assert (trigger.delivery_id.path, trigger.event_type.path) == ("id", "type")  # type: ignore[union-attr]
    assert trigger.events["parcel_sent"].title == "A parcel left"


def test_a_thousand_operations_are_compiled_only_when_they_are_called() -> None:
    operation = {
        "responses": {},
        "parameters": [{"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/Q"}}],
    }
    paths = {f"/things{number}": {"get": operation} for number in range(1200)}
    found = imported(document(paths, components={"schemas": {"Q": {"type": "string"}}}))
    connector = Connector(found.manifest)
    assert len(connector.actions) == 1200
    assert connector.actions["get_things7"] is connector.actions["get_things7"]


def test_every_example_fits_its_own_schema() -> None:
    found = imported(SWAGGER)
    for name, action in Connector(found.manifest).actions.items():
        spec = found.manifest.actions[name]
        assert findings(action._validator, spec.params_example) == [], name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "its top is not an object"),
        (b"[]", "its top is not an object"),
        (b'{"a": 1}', "neither the key openapi"),
        (b'{"openapi": "4.0.0"}', "version 4.0.0"),
        (b'{"openapi": "3.0.0", "paths": {}}', "neither an operation"),
        (b'{"openapi": "3.0.0", ', "JSON"),
        (b"openapi: [3", "YAML"),
        (b"\xff\xfe", ""),
        (b'{"openapi": "3.0.0", "openapi": "3.1.0"}', "twice"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(OpenApiUnreadable) as caught:
        import_openapi(data, slug="x")
    assert caught.value.status == 422


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = ["info", "servers", "paths", "components", "security", "tags", "webhooks"]
OPERATION_KEYS = ["parameters", "requestBody", "responses", "tags", "operationId", "summary", "callbacks", "deprecated"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES),
    st.dictionaries(st.sampled_from(OPERATION_KEYS), VALUES),
    st.sampled_from(["2.0", "3.0.1", "3.1.0"]),
)
def test_whatever_stands_in_a_document_it_is_read_or_refused(top: Any, operation: Any, version: str) -> None:
    dialect = {"swagger": version} if version == "2.0" else {"openapi": version}
    content = {**top, **dialect}
    if isinstance(content.get("paths"), dict) or "paths" not in content:
        content["paths"] = {**content.get("paths", {}), "/a/{id}": {"post": operation}}
    try:
        found = import_openapi(jsonio.dumps(content), slug="x")
    except IpaasError:
        return
    for action in Connector(found.manifest).actions.values():
        assert action.spec.title


def test_every_flow_of_oauth_is_a_way_and_a_token_got_elsewhere_too() -> None:
    token = {"tokenUrl": "https://api.parcelpost.example/v1/token", "scopes": {"b": "", "a": "", "odd one": ""}}
    page = {"authorizationUrl": "https://login.parcelpost.example/yes"}
    flows = {
        "authorizationCode": {**token, **page},
        "clientCredentials": token,
        "password": token,
        "implicit": {**page, "scopes": {}},
        "broken": 7,
    }
    schemes = {"account": {"type": "oauth2", "flows": flows}}
    paths = {"/a": {"get": {"operationId": "find", "security": [{"account": ["a"]}], "responses": {}}}}
    found = imported(document(paths, components={"securitySchemes": schemes}))
    made = {name: (one.type, one.token_url, one.scopes) for name, one in found.manifest.auth.items()}
    assert made == {
        "account": ("oauth2_authorization_code", "/token", ("a", "b")),
        "account-client": ("oauth2_client_credentials", "/token", ("a", "b")),
        "account-token": ("bearer", "", ()),
    }
    assert found.manifest.auth["account"].authorize_url == "https://login.parcelpost.example/yes"
    assert found.document["actions"]["find"]["scopes"] == ["a"]
    assert {"oauth2", "scope", "not_an_object"} <= told(found)


@pytest.mark.parametrize(
    ("parameters", "schema", "headers", "wanted"),
    [
        (["cursor"], {"next_cursor": {"type": "string"}}, (), {"param": "cursor", "next": "get(data, 'next_cursor')"}),
        (["page", "per_page"], {}, (), {"kind": "page", "param": "page", "size": "{{ params.per_page }}"}),
        (["offset", "limit"], {}, (), {"kind": "offset", "param": "offset", "size": "{{ params.limit }}"}),
        (["page"], {}, ("Link",), {"kind": "link"}),
        ([], {"next": {"type": "string"}}, (), {"kind": "next_url", "next": "get(data, 'next')"}),
        ([], {"more": {"type": "boolean"}}, (), None),
    ],
)
def test_pages_are_recognised_where_the_document_shows_them(
    parameters: list[str], schema: dict[str, Any], headers: tuple[str, ...], wanted: dict[str, Any] | None
) -> None:
    kinds = {"cursor": "string"}
    given = [{"name": one, "in": "query", "schema": {"type": kinds.get(one, "integer")}} for one in parameters]
    whole = {"type": "object", "properties": {"things": {"type": "array", "items": {}}, **schema}}
    answer = {
        "content": {"application/json": {"schema": whole}},
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
    }
    operation = {"operationId": "find", "parameters": given, "responses": {"200": answer}}
    pages = imported(document({"/things": {"get": operation}})).document["actions"]["find"].get("pagination")
    assert pages == (wanted and {**wanted, "items": "default(data.things, [])"})


def test_headers_that_announce_a_rate_are_told_once() -> None:
    answer = {"headers": {"X-RateLimit-Remaining": {}, "Retry-After": {}, "X-Other": {}}}
    paths = {f"/a{number}": {"get": {"responses": {"200": answer}}} for number in range(3)}
    found = [one.message for one in imported(document(paths)).findings if one.code == "rate_limit"]
    assert [text.split(" in ")[1].split(";")[0] for text in found] == ["X-RateLimit-Remaining", "Retry-After"]
