"""Trees of places from schemas and values, and the outline of a mapping."""

from typing import Any

from ipaas.mapping.outline import general, outline
from ipaas.mapping.places import schema_places, together, value_places

SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "description": "The number", "examples": ["SO-1"]},
        "buyer": {"$ref": "#/$defs/buyer"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": ["null", "string"]}}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "$defs": {
        "buyer": {
            "allOf": [{"properties": {"email": {"x-sensitive": "personal"}, "friend": {"$ref": "#/$defs/buyer"}}}]
        }
    },
}
VALUE = {"id": "SO-7", "extra": {"a": 1}, "lines": [{"sku": "x"}, {"count": 2}], "odd name": None}


def told(places: Any) -> list[tuple[str, str, int]]:
    return [(place.path, place.type, place.depth) for place in places]


def test_a_schema_is_read_with_its_references_and_lists() -> None:
    places = schema_places(SCHEMA, "source")
    assert told(places) == [
        ("source", "object", 0),
        ("source.id", "string", 1),
        ("source.buyer", "object", 1),
        ("source.buyer.email", "", 2),
        ("source.buyer.friend", "", 2),
        ("source.lines", "array", 1),
        ("source.lines[].sku", "string", 2),
        ("source.tags", "array", 1),
    ]
    by_path = {place.path: place for place in places}
    assert by_path["source.id"].required
    assert by_path["source.id"].examples == ("SO-1",)
    assert by_path["source.buyer.email"].sensitive == "personal"
    assert by_path["source.lines[].sku"].holder == "source.lines"


def test_values_add_what_the_schema_does_not_know_behind_its_siblings() -> None:
    places = together(schema_places(SCHEMA, "source"), value_places(VALUE, "source"))
    assert [place.path for place in places] == [
        "source", "source.id", "source.buyer", "source.buyer.email", "source.buyer.friend", "source.lines",
        "source.lines[].sku", "source.lines[].count", "source.tags", "source.extra", "source.extra.a",
        "source.odd name",
    ]  # fmt: skip
    assert {place.path: place.value for place in places if place.value is not None and place.depth == 1} == {
        "source.id": "SO-7", "source.lines": VALUE["lines"], "source.extra": {"a": 1},
    }  # fmt: skip


def test_values_alone_are_a_tree_too() -> None:
    assert told(together([], value_places({"a": [{"b": 1.5}], "c": True}, "source"))) == [
        ("source", "object", 0), ("source.a", "array", 1), ("source.a[].b", "number", 2), ("source.c", "boolean", 1),
    ]  # fmt: skip
    assert schema_places("no schema", "source") == []


def test_a_mapping_is_outlined_with_what_its_fields_read() -> None:
    fields = {
        "id": "source.id ~ source.nr",
        "note": {"expr": "source.note", "on_missing": "omit"},
        "kind": {"value": "order"},
        "lines": {
            "each": "source.order.lines",
            "as": "line",
            "where": "line.count > 0",
            "fields": {"sku": "line.sku", "of": "source.id", "parts": {"each": "line.parts", "item": "item.nr"}},
        },
        "to": {"fields": {"city": "source.city"}},
        "how": {"choose": [{"when": "source.air", "then": {"value": "air"}}], "otherwise": "source.way"},
        "broken": "source.",
    }
    rows = outline(fields)
    assert [(row.path, row.kind, row.reads) for row in rows] == [
        ("id", "expression", ("source.id", "source.nr")),
        ("note", "expression", ("source.note",)),
        ("kind", "constant", ()),
        ("lines", "list", ("source.order.lines",)),
        ("lines[].sku", "expression", ("source.order.lines[].sku",)),
        ("lines[].of", "expression", ("source.id",)),
        ("lines[].parts", "list", ("source.order.lines[].parts",)),
        ("lines[].parts[]", "expression", ("source.order.lines[].parts[].nr",)),
        ("to", "object", ()),
        ("to.city", "expression", ("source.city",)),
        ("how", "choose", ("source.air", "source.way")),
        ("broken", "expression", ()),
    ]
    assert rows[4].pointer == ("fields", "lines", "fields", "sku")
    assert rows[9].pointer == ("fields", "to", "fields", "city")
    assert rows[3].form == {"each": "source.order.lines", "as": "line", "where": "line.count > 0"}


def test_a_half_written_mapping_is_outlined_as_far_as_it_goes() -> None:
    assert outline(None) == []
    assert [row.kind for row in outline({"a": 7, "b": [], "c": {}, "d": {"each": "x"}})] == [
        "constant", "constant", "object", "list",
    ]  # fmt: skip


def test_places_lose_the_numbers_of_elements() -> None:
    assert general("lines[0].parts[12].sku") == "lines[].parts[].sku"
