from typing import Any

import pytest

from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.engine import MappingFailed
from tests.factories.flow_documents import mapping

ORDER: dict[str, Any] = {
    "id": "o1",
    "total": 30,
    "note": None,
    "lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 0}, {"sku": "c", "qty": 1}],
}


def apply(fields: dict[str, Any], source: Any = ORDER, **scope: Any) -> Any:
    assert validate(mapping(fields=fields, scope="flow")) == []
    return engine.compile(mapping(fields=fields)).apply(source, scope)


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"id": "source.id"}, {"id": "o1"}),
        ({"a": {"b": {"c": "source.total * 2"}}}, {"a": {"b": {"c": 60}}}),
        ({"kind": {"value": {"x": [1]}}}, {"kind": {"x": [1]}}),
        (
            {"amount": {"value": "source.total", "currency": {"value": "EUR"}}},
            {"amount": {"value": 30, "currency": "EUR"}},
        ),
        ({"amount": {"fields": {"value": "source.total"}}}, {"amount": {"value": 30}}),
        ({"x": {"expr": "source.nope", "on_missing": "omit"}}, {}),
        ({"x": {"expr": "source.nope", "on_missing": "null"}}, {"x": None}),
        ({"x": {"expr": "source.nope", "default": 7}}, {"x": 7}),
        ({"x": {"expr": "source.note", "default": 7}}, {"x": 7}),
        ({"x": {"expr": "source.total", "default": 7}}, {"x": 30}),
        ({"x": "source.note"}, {"x": None}),
    ],
)
def test_fields_become_the_target(fields: dict[str, Any], target: Any) -> None:
    assert apply(fields) == target


def test_lists_are_made_element_by_element() -> None:
    fields = {
        "lines": {
            "each": "source.lines",
            "as": "line",
            "where": "line.qty > 0",
            "fields": {"sku": "line.sku", "no": "loop.index"},
        },
        "skus": {"each": "source.lines", "item": "item.sku"},
    }
    assert apply(fields) == {"lines": [{"sku": "a", "no": 0}, {"sku": "c", "no": 2}], "skus": ["a", "b", "c"]}


def test_other_names_come_from_the_scope() -> None:
    assert apply({"at": "vars.region", "id": "source.id"}, vars={"region": "eu"}) == {"at": "eu", "id": "o1"}


def test_a_failure_names_field_expression_and_inputs_but_no_value() -> None:
    with pytest.raises(MappingFailed) as caught:
        apply({"a": {"lines": {"each": "source.lines", "fields": {"x": "item.colour"}}}})
    assert caught.value.params["field"] == "a.lines[0].x"
    assert caught.value.params["expression"] == "item.colour"
    assert caught.value.params["reads"] == "source.lines[0].colour (missing)"
    assert "o1" not in str(caught.value)


@pytest.mark.parametrize("source", [{"lines": None}, {"lines": {"a": 1}}, {"lines": "abc"}, {"lines": [{}] * 10_001}])
def test_only_bounded_lists_are_walked(source: Any) -> None:
    with pytest.raises(MappingFailed):
        apply({"x": {"each": "source.lines", "item": "loop.index"}}, source)


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"a": 5}, "/fields/a", "mapping.leaf"),
        ({"a": {}}, "/fields/a", "mapping.empty"),
        ({"a": {"b": [1]}}, "/fields/a/b", "mapping.leaf"),
        ({"a": {"expr": "source.x", "on_missing": "guess"}}, "/fields/a/on_missing", "mapping.on_missing"),
        ({"a": {"expr": "source.x", "on_missing": "default"}}, "/fields/a", "mapping.default"),
        ({"a": {"each": "source.x"}}, "/fields/a", "mapping.each"),
        ({"a": {"each": "source.x", "as": "A b", "item": "x"}}, "/fields/a/as", "mapping.name"),
        ({"a": "steps.x.output"}, "/fields/a", "expression.unknown_name"),
        ({"a": {"each": "source.x", "item": "line.y"}}, "/fields/a/item", "expression.unknown_name"),
    ],
)
def test_malformed_mappings_are_explained(fields: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in {(finding.path, finding.code) for finding in validate(mapping(fields=fields))}
