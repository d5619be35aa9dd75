"""Trees of values and whole targets."""

from decimal import Decimal

import pytest

from ipaas.expressions import ExpressionError, compile_object, compile_value

SCOPE = {"a": {"b": 5, "none": None, "list": [1, 2]}, "name": "Alice"}


@pytest.mark.parametrize(
    ("tree", "value"),
    [
        ("{{ a.b }}", 5),
        ("{{a.list}}", [1, 2]),
        ("{{ a.none }}", None),
        (" {{ a.b }}", " 5"),
        ("{{ a.b }}{{ a.b }}", "55"),
        ("Hello {{ name }}, {{ a.b + 1 }}!", "Hello Alice, 6!"),
        ("{{ {'x': {'y': '}}'}} }}", {"x": {"y": "}}"}}),
        ("{{ '{{' }}", "{{"),
        ("no holes } { here }}", "no holes } { here }}"),
        ("{# kept #}", "{# kept #}"),
        (
            {"k {{ a }}": [1, None, True, Decimal("1.50"), "{{ a.b }}"]},
            {"k {{ a }}": [1, None, True, Decimal("1.50"), 5]},
        ),
        (7, 7),
        ([], []),
    ],
)
def test_value(tree, value):
    assert compile_value(tree).evaluate(SCOPE) == value


def test_each_evaluation_makes_its_own_containers():
    template = compile_value({"fixed": [1], "given": "{{ a.b }}"})
    first = template.evaluate(SCOPE)
    first["fixed"].append(2)
    assert template.evaluate(SCOPE) == {"fixed": [1], "given": 5}


@pytest.mark.parametrize(
    ("tree", "where", "position"),
    [
        ({"x": ["ok", "Hi {{ nobody }}"]}, "x[1]", 6),
        ({"x": {"y": "{{ a.b }} {{ a.c }}"}}, "x.y", 14),
        ({"x": "v: {{ a.list }}"}, "x", None),
    ],
)
def test_error_says_where_in_the_tree(tree, where, position):
    with pytest.raises(ExpressionError) as caught:
        compile_value(tree).evaluate(SCOPE)
    assert (caught.value.where, caught.value.position) == (where, position)


@pytest.mark.parametrize("text", ["{{ a", "x {{ 1 + }}", "{{- a }}", "{{ a -}}", "{% if a %}", "{{ }}", "{{ 'a }}"])
def test_bad_text_is_refused_when_compiled(text):
    with pytest.raises(ExpressionError) as caught:
        compile_value({"field": text})
    assert caught.value.where == "field"
    assert caught.value.code == "expression.syntax"


def test_references_are_gathered():
    assert compile_value({"x": "{{ a.b }} {{ name }}", "y": ["{{ a.list[0] }}"]}).references == {
        "a.b",
        "name",
        "a.list",
    }


def test_whole_target_is_one_function():
    target = compile_object({"id": "a.b", "who": {"name": "upper(name)", "sum": "sum(a.list)"}, "list": ["1", "'two'"]})
    assert target.evaluate(SCOPE) == {"id": 5, "who": {"name": "ALICE", "sum": 3}, "list": [1, "two"]}
    assert target.names == {"a.b", "name", "a.list"}


def test_failing_field_of_a_target_is_named():
    with pytest.raises(ExpressionError) as caught:
        compile_object({"id": "a.b", "who": {"name": "name.first"}}).evaluate(SCOPE)
    assert (caught.value.where, caught.value.expression) == ("who.name", "name.first")


def test_values_that_are_not_json_end_in_an_expression_error():
    class Odd(dict):
        def __getitem__(self, key):
            raise ValueError(key)

    with pytest.raises(ExpressionError, match="not JSON"):
        compile_object({"x": "a.b"}).evaluate({"a": Odd(b=1)})
