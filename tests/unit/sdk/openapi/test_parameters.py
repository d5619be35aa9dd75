"""Parameters in every place and style, held against the examples of OpenAPI's own table of styles."""

from typing import Any

import pytest

from ipaas.sdk.connector import ParamsInvalid
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


def test_cookies_and_unknown_places_are_told_and_left_out() -> None:
    found = imported(get_with({"name": "sid", "in": "cookie", "schema": {}}, {"name": "x", "in": "nowhere"}))
    assert {"cookie_parameter", "parameter_place"} <= told(found)


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
