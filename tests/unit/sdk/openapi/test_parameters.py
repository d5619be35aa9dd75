"""Parameters in every place and style, held against the examples of OpenAPI's own table of styles."""

from typing import Any

import pytest

from ipaas.sdk.connector import ParamsInvalid
from ipaas.sdk.requests import RequestNotBuildable
from ipaas.sdk.stubs.http import StubRequest
from ipaas.sdk.stubs.reading import RequestReader
from tests.unit.sdk.openapi.documents import action_of, built, document, get_with, imported, told

COLOURS = {"type": "array", "items": {"type": "string"}}
RGB = {"type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}}}


def colour(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return get_with({"name": "color", "in": "query", "schema": schema, **more})


@pytest.mark.parametrize(
    ("parameter", "value", "query"),
    [
        ({"schema": {"type": "string"}}, "blue", (("color", "blue"),)),
        ({"schema": COLOURS}, ["blue", "black"], (("color", "blue"), ("color", "black"))),
        ({"schema": COLOURS, "explode": False}, ["blue", "black"], (("color", "blue,black"),)),
        (
            {"schema": COLOURS, "style": "spaceDelimited", "explode": False},
            ["blue", "black"],
            (("color", "blue black"),),
        ),
        (
            {"schema": COLOURS, "style": "pipeDelimited", "explode": False},
            ["blue", "black"],
            (("color", "blue|black"),),
        ),
        (
            {"schema": RGB, "style": "deepObject", "explode": True},
            {"R": 100, "G": 200},
            (("color[R]", "100"), ("color[G]", "200")),
        ),
        ({"schema": RGB}, {"R": 100}, (("R", "100"),)),
        ({"content": {"application/json": {"schema": RGB}}}, {"R": 1}, (("color", '{"R":1}'),)),
    ],
)
def test_query_styles(parameter: dict[str, Any], value: Any, query: tuple[tuple[str, str], ...]) -> None:
    found = imported(get_with({"name": "color", "in": "query", **parameter}))
    assert sorted(built(found, {"color": value}).query) == sorted(query)


@pytest.mark.parametrize(
    ("style", "explode", "paths"),
    [
        ("simple", False, ("blue%2F1", "blue,a%2Cb", "R,100,G,200")),
        ("simple", True, ("blue%2F1", "blue,a%2Cb", "R=100,G=200")),
        ("label", False, (".blue%2F1", ".blue,a%2Cb", ".R,100,G,200")),
        ("label", True, (".blue%2F1", ".blue.a%2Cb", ".R=100.G=200")),
        ("matrix", False, (";color=blue%2F1", ";color=blue,a%2Cb", ";color=R,100,G,200")),
        ("matrix", True, (";color=blue%2F1", ";color=blue;color=a%2Cb", ";R=100;G=200")),
    ],
)
def test_path_styles(style: str, explode: bool, paths: tuple[str, str, str]) -> None:
    values = ("blue/1", ["blue", "a,b"], {"R": 100, "G": 200})
    for schema, value, path in zip(({"type": "string"}, COLOURS, RGB), values, paths, strict=True):
        parameter = {"name": "color", "in": "path", "required": True, "schema": schema, "style": style}
        found = imported(get_with({**parameter, "explode": explode}, path="/of/{color}/x"))
        request = built(found, {"color": value})
        assert (request.path, told(found)) == (f"/of/{path}/x", set())
        if value != ["blue", "a,b"]:
            spec = action_of(found).spec
            assert RequestReader(spec).params(StubRequest("GET", request.path, {}, {}, b""), request.path)[0] == {
                "color": value
            }


@pytest.mark.parametrize("value", [[], "", ".."])
def test_a_place_in_the_path_is_not_left_empty(value: Any) -> None:
    schema = COLOURS if value == [] else {"type": "string"}
    found = imported(get_with({"name": "a", "in": "path", "schema": schema}, path="/of/{a}"))
    with pytest.raises(RequestNotBuildable):
        built(found, {"a": value})


@pytest.mark.parametrize(
    ("style", "explode", "query"),
    [
        ("form", False, "R,100,G,200"),
        ("spaceDelimited", False, "R 100 G 200"),
        ("pipeDelimited", False, "R|100|G|200"),
    ],
)
def test_objects_in_one_value_of_the_query(style: str, explode: bool, query: str) -> None:
    found = imported(colour(RGB, style=style, explode=explode))
    assert built(found, {"color": {"R": 100, "G": 200}}).query == (("color", query),)
    assert built(found, {}).query == ()


@pytest.mark.parametrize(("explode", "text"), [(False, "R,100,G,200"), (True, "R=100,G=200")])
def test_objects_in_a_header(explode: bool, text: str) -> None:
    found = imported(get_with({"name": "X-Color", "in": "header", "schema": RGB, "explode": explode}))
    assert built(found, {"x_color": {"R": 100, "G": 200}}).headers["x-color"] == text


def test_what_a_path_asks_for_in_its_query_is_sent() -> None:
    asked = {"name": "b", "in": "query", "schema": {"type": "string"}}
    found = imported(get_with(asked, path="/find?do=list&id={id}&b={b}#note"))
    request = built(found, {"id": "7", "b": "x"})
    assert (request.path, sorted(request.query)) == ("/find", [("b", "x"), ("do", "list"), ("id", "7")])
    assert {"path_fragment", "path_parameter"} == told(found)
    found = imported(get_with(asked, path="/find{?b,limit}"))
    assert sorted(built(found, {"b": "x", "limit": "5"}).query) == [("b", "x"), ("limit", "5")]
    assert built(found, {}).query == ()


def test_operations_lie_where_their_own_servers_say() -> None:
    here, there = "https://api.parcelpost.example/v1/beta", "https://files.example"
    answers = {"responses": {}}
    paths = {
        "/a": {"servers": [{"url": here}], "get": {"operationId": "a", **answers}},
        "/b": {"get": {"operationId": "b", "servers": [{"url": there}], **answers}},
    }
    found = imported(document(paths))
    assert [one.path for one in found.manifest.actions.values()] == ["/beta/a", "/b"]
    assert [(one.path, one.code) for one in found.findings] == [("/paths/~1b/get/servers", "server")]
    assert there in found.findings[0].message


def test_what_is_not_given_is_not_sent() -> None:
    for parameter in ({"schema": COLOURS, "explode": False}, {"schema": RGB, "style": "deepObject"}, {"schema": RGB}):
        assert built(imported(get_with({"name": "color", "in": "query", **parameter})), {}).query == ()


def test_odd_names_become_names_that_expressions_can_read() -> None:
    found = imported(
        get_with(
            {"name": "filter[status]", "in": "query", "schema": {"type": "string"}},
            {"name": "$top", "in": "query", "schema": {"type": "integer"}},
            {"name": "X-Tenant-ID", "in": "header", "schema": {"type": "string"}},
            {"name": "größe", "in": "query", "schema": {"type": "string"}},
        )
    )
    names = set(action_of(found).spec.params_schema["properties"])
    assert names == {"filter_status", "top", "x_tenant_id", "groe"}
    made = built(found, {"filter_status": "open", "top": 5, "x_tenant_id": "t1"})
    assert set(made.query) == {("filter[status]", "open"), ("$top", "5")}
    assert made.headers["x-tenant-id"] == "t1"


def test_path_values_are_one_segment_each() -> None:
    parameter = {"name": "parcelId", "in": "path", "required": True, "schema": {"type": "string"}}
    found = imported(get_with(parameter, path="/parcels/{parcelId}/label.{format}"))
    assert built(found, {"parcel_id": "a/b?c", "format": "pdf"}).path == "/parcels/a%2Fb%3Fc/label.pdf"
    assert "path_parameter" in told(found)  # {format} stands in the path and is described nowhere


def test_parameters_of_the_path_hold_for_its_operations_which_may_replace_them() -> None:
    shared = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 10}}
    own = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}
    paths = {"/parcels": {"parameters": [shared], "get": {"operationId": "find", "parameters": [own], "responses": {}}}}
    found = imported(document(paths))
    assert built(found, {"limit": 50}).query == (("limit", "50"),)
    with pytest.raises(ParamsInvalid):
        built(found, {"limit": 500})


def test_an_idempotency_header_is_the_platforms_to_fill_in() -> None:
    header = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}, "required": True}
    paths = {"/parcels": {"post": {"operationId": "send", "parameters": [header], "responses": {}}}}
    found = imported(document(paths))
    spec = found.manifest.actions["send"]
    assert spec.effect == "keyed"
    assert spec.params_schema["properties"] == {}
    assert built(found, {}, "send", key="effect-7").headers["idempotency-key"] == "effect-7"


def test_unknown_places_are_told_and_left_out() -> None:
    assert told(imported(get_with({"name": "x", "in": "nowhere"}))) == {"parameter_place"}


@pytest.mark.parametrize(
    ("parameter", "value", "line"),
    [
        ({"schema": {"type": "string"}}, "blue", "color=blue"),
        ({"schema": {"type": "string"}}, 'a b;x=1\r\nHost: e, "q" \\ 50% ü', None),
        ({"schema": {"type": "string"}}, "YWI+Lw==", "color=YWI+Lw=="),
        ({"schema": {"type": "integer"}}, 7, "color=7"),
        ({"schema": {"type": "boolean"}}, False, "color=false"),
        ({"schema": COLOURS}, ["blue", "b;k"], "color=blue; color=b%3Bk"),
        ({"schema": COLOURS}, ["blue"], "color=blue"),
        ({"schema": COLOURS, "explode": False}, ["blue", "black"], "color=blue%2Cblack"),
        ({"schema": COLOURS, "explode": False, "style": "cookie"}, ["blue", "black"], "color=blue%2Cblack"),
        ({"schema": COLOURS, "style": "cookie"}, ["blue", "black"], "color=blue; color=black"),
        ({"schema": RGB}, {"R": 100, "G": 200}, "R=100; G=200"),
        ({"schema": RGB, "explode": False}, {"R": 100, "G": 200}, "color=R%2C100%2CG%2C200"),
        ({"content": {"application/json": {"schema": RGB}}}, {"R": 1}, "color={%22R%22:1}"),
    ],
)
def test_cookies_in_every_style_and_back(parameter: dict[str, Any], value: Any, line: str | None) -> None:
    found = imported(get_with({"name": "color", "in": "cookie", **parameter}))
    request = built(found, {"color": value})
    assert told(found) == set()
    assert set(request.headers["cookie"]) <= set(map(chr, range(0x20, 0x7F))) - set(',"\\')
    assert line is None or request.headers["cookie"] == line
    assert line is not None or not set(request.headers["cookie"]) & set("; ")
    reader = RequestReader(action_of(found).spec)
    arrived = StubRequest("GET", request.path, {}, request.headers, b"")
    assert reader.params(arrived, request.path) == ({"color": value}, "")
    assert (reader.problem(arrived, request.path), built(found, {}).headers.get("cookie")) == ("", None)


def test_the_stub_holds_cookies_to_the_document() -> None:
    many = {"name": "big/tab le", "in": "cookie", "schema": {"type": "integer", "maximum": 5}, "required": True}
    found = imported(get_with(many, {"name": "X-A", "in": "header", "schema": {"type": "string"}}))
    reader = RequestReader(action_of(found).spec)
    for line, problem in (("", "required"), ("big%2Ftab%20le=6", "5"), ("other=1; big%2Ftab%20le=5", "")):
        said = reader.problem(StubRequest("GET", "/parcels", {}, {"cookie": line}, b""), "/parcels")
        assert (problem in said) if problem else not said


def test_references_to_parameters_are_followed_once_round() -> None:
    components = {
        "parameters": {
            "Limit": {"name": "limit", "in": "query", "schema": {"$ref": "#/components/schemas/Count"}},
            "Loop": {"$ref": "#/components/parameters/Loop"},
        },
        "schemas": {"Count": {"type": "integer", "minimum": 1}},
    }
    references = [{"$ref": f"#/components/parameters/{name}"} for name in ("Limit", "Loop", "Gone")]
    content = get_with(*references) | {"components": components}
    found = imported(content)
    assert built(found, {"limit": 3}).query == (("limit", "3"),)
    assert {"reference_loop", "reference_missing"} <= told(found)
