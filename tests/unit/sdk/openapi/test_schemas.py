"""Schemas of three dialects as JSON Schema 2020-12."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.openapi.findings import Findings
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.schemas import SchemaConverter
from ipaas.sdk.schemas import Definitions, compile_schema


def converted(schema: Any, schemas: dict[str, Any] | None = None, *, modern: bool = False) -> tuple[Any, Findings]:
    findings = Findings()
    references = References({"components": {"schemas": schemas or {}}}, findings)
    converter = SchemaConverter(references, findings, modern=modern)
    made = converter.convert(schema, "/x")
    return Definitions(converter.definitions).standing_alone(made), findings


def takes(schema: Any, value: Any) -> bool:
    return compile_schema(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, [None, "a"], [1]),
        ({"type": "string", "enum": ["a"], "nullable": True}, [None, "a"], ["b"]),
        ({"nullable": True, "allOf": [{"type": "string"}]}, [None, "a"], [1]),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, [1], [0]),
        ({"type": "file"}, ["a"], [1]),
        ({"type": "integer", "maximum": "many"}, [10**9], ["a"]),
        ({"type": "string", "pattern": "/^a+$/"}, ["aa"], ["b"]),
        ({"type": "string", "pattern": "(unclosed"}, ["anything"], [1]),
        ({"type": "unheard-of"}, [1, "a"], []),
        ({"enum": []}, [1], []),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [True]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 1}, [[1]], [[1, 2], ["a"]]),
    ],
)
def test_schemas_of_three_point_zero(schema: Any, good: list[Any], bad: list[Any]) -> None:
    made, _ = converted(schema)
    assert [value for value in good if not takes(made, value)] == []
    assert [value for value in bad if takes(made, value)] == []


def test_schemas_that_contain_themselves() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
    }
    made, findings = converted({"$ref": "#/components/schemas/Node"}, {"Node": node})
    assert takes(made, {"children": [{"children": []}]})
    assert not takes(made, {"children": [{"children": 1}]})
    assert len(findings) == 0


def test_two_that_contain_each_other_are_named_once_each() -> None:
    schemas = {
        "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
        "B": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}},
        "Unused": {"type": "string"},
    }
    made, _ = converted({"$ref": "#/components/schemas/A"}, schemas)
    assert set(made["definitions"]) == {"A", "B"}
    assert not takes(made, {"b": {"a": 1}})


def test_a_reference_into_the_middle_of_a_schema() -> None:
    schemas = {"A": {"type": "object", "properties": {"odd/na~me": {"type": "integer"}}}}
    made, _ = converted({"$ref": "#/components/schemas/A/properties/odd~1na~0me"}, schemas)
    assert takes(made, 1)
    assert not takes(made, "a")


@pytest.mark.parametrize("reference", ["#/components/schemas/Gone", "other.yaml#/A", "https://evil.example/x.json"])
def test_references_that_lead_nowhere_or_outside_allow_anything_and_are_told(reference: str) -> None:
    made, findings = converted({"$ref": reference})
    assert takes(made, {"any": "thing"})
    assert [finding.level for finding in findings] == ["dropped"]


def test_what_stands_beside_a_reference_counts_in_three_point_one_only() -> None:
    schemas = {"A": {"type": "string"}}
    beside = {"$ref": "#/components/schemas/A", "maxLength": 1}
    assert takes(converted(beside, schemas)[0], "long")
    assert not takes(converted(beside, schemas, modern=True)[0], "long")


def test_types_of_three_point_one() -> None:
    made, _ = converted({"type": ["string", "null"], "examples": ["a"], "const": "a"}, modern=True)
    assert takes(made, "a")
    assert not takes(made, None)


def test_a_schema_too_deep_is_cut_and_told() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    _, findings = converted(deep)
    assert [finding.code for finding in findings] == ["too_deep"]


@pytest.mark.parametrize("odd", [None, "text", 5, []])
def test_what_is_no_schema_allows_anything(odd: Any) -> None:
    made, findings = converted({"type": "object", "properties": {"a": odd}})
    assert takes(made, {"a": 1})
    assert [finding.code for finding in findings] == ["not_a_schema"]


@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=8, max_size=8))
def test_what_a_schema_reaches_stands_with_it_whatever_refers_to_what(edges: list[list[int]]) -> None:
    schemas = {
        f"d{number}": {"anyOf": [{"$ref": f"#/definitions/d{one}"} for one in found] or [True]}
        for number, found in enumerate(edges)
    }
    definitions = Definitions(schemas)
    for start in range(8):
        reached, waiting = set(), [start]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += edges[one]
        made = definitions.standing_alone({"items": {"$ref": f"#/definitions/d{start}"}})
        assert set(made["definitions"]) == {f"d{one}" for one in reached}
