"""Mappings and data made to hurt: each ends soon, with an error of its own or a bounded target."""

from typing import Any

import pytest

from ipaas.expressions import ExpressionError
from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.errors import MappingFailed, MappingLimit
from tests.factories.flow_documents import function, mapping


def nested(levels: int) -> dict[str, Any]:
    tree: Any = "source.x"
    for _ in range(levels):
        tree = {"a": tree}
    return {"a": tree}


@pytest.mark.parametrize(
    "fields",
    [
        nested(40),
        {"a": {"each": "source", "item": {"each": "source", "item": nested(29)}}},
        {"a": {"choose": [{"when": "true", "then": nested(30)}]}},
    ],
)
def test_deep_targets_are_refused_by_their_depth(fields: dict[str, Any]) -> None:
    assert "mapping.depth" in {found.code for found in validate(mapping(fields=fields))}


def test_a_deep_loop_in_a_loop_is_compiled_or_refused() -> None:
    tree: Any = "1"
    for _ in range(25):
        tree = {"each": "source", "where": "item > 0", "item": tree}
    with pytest.raises(ExpressionError, match="nested too deeply"):
        engine.compile(mapping(fields={"x": tree}))


def test_deep_data_is_told_and_not_a_crash() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    made = engine.compile(mapping(fields={"x": "to_json(source)", "y": "source.a"}))
    with pytest.raises(MappingFailed):
        made.apply(deep)
    with pytest.raises(MappingFailed):
        engine.compile({"slug": "x", "jsonata": "$"}).apply(deep)


def test_wide_data_is_explained_within_bounds() -> None:
    wide = {f"k{number}": [number, {"v": number}] for number in range(60_000)}
    found = engine.compile(mapping(fields={"n": "length(keys(source))", "x": "source.nope"})).explain(wide)
    assert found.target == {"n": 60_000}
    assert found.first_error is not None
    assert found.first_error.params["reads"] == "source.nope (missing)"


@pytest.mark.parametrize(
    "fields",
    [
        {"x": {"each": "range(10000)", "item": {"each": "range(10000)", "item": "'a long text ' ~ item"}}},
        {"x": {"each": "range(10000)", "sort": "0 - item", "item": {"each": "source.big", "item": "item"}}},
        {f"f{number}": "pad_left('', 1000000)" for number in range(300)},
        {"x": "map(range(100000), map(range(100000), item))"},
    ],
)
def test_targets_that_grow_without_bounds_are_stopped(fields: dict[str, Any]) -> None:
    made = engine.compile(mapping(fields=fields))
    with pytest.raises(MappingLimit):
        made.apply({"big": ["x" * 1000] * 10_000}, within_s=0.5)


def test_functions_that_call_each_other_twice_at_each_level_are_stopped() -> None:
    documents = {"f0": function(slug="f0", parameters=[], expr="1", examples=[])}
    for level in range(1, 19):
        below = f"f{level - 1}"
        documents[f"f{level}"] = function(
            slug=f"f{level}", parameters=[], expr=" + ".join(["g()"] * 40), functions={"g": below}, examples=[]
        )
    document = mapping(fields={"x": "top()"}, functions={"top": "f18"})
    made = engine.compile(document, resolve=lambda _kind, reference: documents[reference])
    with pytest.raises(MappingLimit):
        made.apply({}, within_s=0.5)


@pytest.mark.parametrize("template", ["{{ " + "(" * 300, "{% for x in y %}", "{{ source.x }}" * 600, "{{" * 300])
def test_templates_of_nonsense_are_findings(template: str) -> None:
    document = mapping(template=template)
    del document["fields"]
    assert validate(document)
