"""Values at the edges of a schema."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.contracts.edge_values import MOST_VALUES, edge_values, matching
from ipaas.contracts.validators import compile_schema
from ipaas.core.document_forms import exact

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status", "lines"],
    "properties": {
        "id": {"type": "string", "pattern": "^o-[0-9]{3,5}$"},
        "status": {"enum": ["paid", "open", "void"]},
        "note": {"type": ["string", "null"], "maxLength": 12},
        "total": {"type": "number", "minimum": 0, "maximum": 9999.99},
        "count": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 5},
        "placed": {"type": "string", "format": "date-time"},
        "gift": {"type": "boolean"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "maxItems": 3},
    },
    "additionalProperties": False,
    "$defs": {
        "line": {
            "type": "object",
            "required": ["sku"],
            "properties": {
                "sku": {"type": "string", "minLength": 2},
                "of": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            },
        }
    },
}


def made(schema: Any) -> dict[str, Any]:
    return {one.name: one.value for one in edge_values(schema)}


def test_every_edge_of_an_order_is_there() -> None:
    found = made(ORDER)
    assert found["only what is required"] == {"id": "o-000", "status": "paid", "lines": []}
    everything = found["everything"]
    assert everything == {
        "id": "o-000", "status": "paid", "note": "text", "total": 7, "count": 5, "placed": "2026-01-31T12:00:00Z",
        "gift": True, "lines": [{"sku": "text", "of": 7}],
    }  # fmt: skip
    assert found["status: void"]["status"] == "void"
    assert found["note: null"]["note"] is None
    assert "note" not in found["note: absent"]
    assert found["note: the longest text, 12 characters"]["note"] == "a" * 12
    assert found["total: the most, 9999.99"]["total"] == 9999.99
    assert found["total: the least, 0"]["total"] == 0
    assert found["lines: no element"]["lines"] == []
    assert len(found["lines: 3 elements"]["lines"]) == 3
    assert "of" not in found["lines.0.of: absent"]["lines"][0]
    assert found["lines.0.of: another form"]["lines"][0]["of"] is None
    assert found["gift: false"]["gift"] is False


@pytest.mark.parametrize(
    "schema",
    [
        True,
        False,
        {},
        {"type": "null"},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"type": "object", "properties": {name: {"$ref": "#"} for name in "abcdef"}},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": "string", "pattern": "^a{3000}$"},
        {"type": "string", "minLength": 10_000_000},
        {"type": "array", "minItems": 10_000_000},
        {"type": "number", "minimum": 5, "maximum": 1},
        {"enum": [None, 1, "a", [], {}]},
        {
            "anyOf": [{"type": "string"}, {"type": "object", "required": ["x"], "properties": {"x": True}}],
            "minLength": 2,
        },
        {"not": {"type": "string"}},
    ],
)
def test_odd_schemas_end_quickly_and_give_only_valid_values(schema: Any) -> None:
    values = edge_values(schema)
    assert len(values) <= MOST_VALUES
    validator = compile_schema(schema)
    assert all(validator.is_valid(exact(one.value)) for one in values)


def test_the_same_schema_gives_the_same_values() -> None:
    assert edge_values(ORDER) == edge_values(ORDER)


@pytest.mark.parametrize(
    "pattern", ["^[A-Z]{2}[0-9]{2}$", r"a|b", r"\d+\.\d{2}", "[^a-z ]x?", "(ab)+\\1", "^$", "(?:x|y){2,3}"]
)
def test_patterns_are_matched(pattern: str) -> None:
    assert re.search(pattern, matching(pattern))


TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null"])
LEAVES = st.fixed_dictionaries(
    {"type": TYPES}, optional={"minimum": st.integers(-5, 5), "maxLength": st.integers(0, 9)}
)
SCHEMAS: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), inner)},
            optional={"required": st.lists(st.sampled_from("abcd"), unique=True)},
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3)}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_any_schema_gives_at_least_one_valid_value(schema: Any) -> None:
    values = edge_values(schema)
    validator = compile_schema(schema)
    assert values
    assert all(validator.is_valid(exact(one.value)) for one in values)
