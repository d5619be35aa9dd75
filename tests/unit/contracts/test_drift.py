"""Where data has moved away from its schema."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.contracts.drift import MOST_FOUND, drift_of

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "status": {"enum": ["paid", "open"]},
        "total": {"type": ["number", "null"]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "meta": {"type": "object"},
        "to": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"city": {"type": "string"}}}]},
    },
    "$defs": {
        "line": {"allOf": [{"properties": {"sku": {"type": "string"}}}], "properties": {"n": {"type": "integer"}}}
    },
}


def told(value: Any, schema: Any = ORDER) -> list[tuple[str, str, str]]:
    return [(one.kind, one.path, one.what) for one in drift_of(schema, value)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"id": "1", "status": "paid", "total": 5, "lines": [{"sku": "a", "n": 1}], "meta": {"x": 1}, "to": "b"}, []),
        ({"coupon": "x"}, [("unknown_field", "/coupon", "string")]),
        ({"status": "void"}, [("new_value", "/status", "void")]),
        ({"id": 5}, [("other_type", "/id", "integer")]),
        ({"total": Decimal("1.5")}, []),
        ({"total": "1.5"}, [("other_type", "/total", "string")]),
        ({"lines": [{"tax": 1}, {"tax": 2}, {"n": "3"}]}, [
            ("unknown_field", "/lines/*/tax", "integer"), ("other_type", "/lines/*/n", "string"),
        ]),
        ({"to": {"city": 5, "zip": "1"}}, [
            ("other_type", "/to/city", "integer"), ("unknown_field", "/to/zip", "string"),
        ]),
        ({"to": 5}, [("other_type", "/to", "integer")]),
        ({"alice@example.com": 1}, [("unknown_field", "/…", "integer")]),
        ([], [("other_type", "", "array")]),
    ],
)  # fmt: skip
def test_each_way_is_told_once(value: Any, found: list[tuple[str, str, str]]) -> None:
    assert told(value) == found


@pytest.mark.parametrize(
    "schema", [True, {}, {"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"$ref": "#/nowhere"}, {"not": {}}]
)
def test_schemas_that_say_nothing_find_nothing(schema: Any) -> None:
    assert told({"a": [1, {"b": None}]}, schema) == []


def test_foreseen_names_are_no_drift() -> None:
    assert told({"x-a": 1}, {"properties": {}, "patternProperties": {"^x-": {}}}) == []
    assert told({"a": 1}, {"properties": {}, "additionalProperties": {"type": "integer"}}) == []


def test_much_drift_is_bounded() -> None:
    assert len(told({f"k{n}": n for n in range(1000)})) == MOST_FOUND
    assert len(told({"lines": [{f"k{n}": n} for n in range(100_000)]})) == MOST_FOUND


JSONS: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(JSONS)
def test_no_value_breaks_it(value: Any) -> None:
    drift_of(ORDER, {"lines": [value], "to": value, "meta": value, "status": value})
    drift_of(ORDER, value)
