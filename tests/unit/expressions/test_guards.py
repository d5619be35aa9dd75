"""Nothing an author writes escapes, explodes or fails in an unknown way."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ipaas.core.jsonio import dumps
from ipaas.expressions import FUNCTIONS, ExpressionError, ExpressionLimit, compile_expression, compile_value, limits
from ipaas.expressions.registry import TESTS

SCOPE = {"a": {"b": [1, 2, {"c": "x"}], "n": None, "t": "text"}, "n": 3, "item": "outer"}

atoms = st.sampled_from(
    [
        "a",
        "a.b",
        "a.b[0]",
        "a.b[2].c",
        "a.n",
        "a.t",
        "n",
        "item",
        "index",
        "1",
        "1.50",
        "'x'",
        "none",
        "true",
        "[]",
        "{}",
        "missing",
        "a.missing.more",
        "a.b[9]",
        "a.__class__",
        "''",
        "-1",
        "10 ** 20",
    ]
)
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(
            inner,
            st.sampled_from(
                ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "and", "or", "in", "not in"]
            ),
            inner,
        ).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
        st.tuples(inner, st.sampled_from([*sorted(TESTS), "defined"])).map(lambda pair: f"({pair[0]} is {pair[1]})"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.tuples(inner, inner).map(lambda pair: f"{{'k': {pair[0]}, 'l': {pair[1]}}}"),
    ),
    max_leaves=10,
)
tokens = st.lists(
    atoms
    | st.sampled_from([*"()[]{}.,:|~+-*/%<>='\"\\\n@$!;", "{{", "}}", "{%", "if", "else", "is", "not", "map", "upper"]),
    max_size=12,
).map("".join)


@settings(max_examples=300)
@given(st.text(max_size=40) | tokens | expressions)
@example("{" * 300)
@example("(" * 3000)
@example("-" * 3000 + "1")
@example("not " * 2000 + "1")
@example("[" * 39 + "1" + "]" * 39)
@example("default(" * 38 + "1" + ", 1)" * 38)
@example("map([1], " * 38 + "item" + ")" * 38)
@example("1" + " + 1" * 38)
@example("1" + " + 1" * 2500)
@example("a.b" + "|upper" * 500)
@example("1 if 1 else " * 900 + "1")
@example("9" * 5000)
@example("0x" + "f" * 5000)
def test_arbitrary_text_ends_in_a_value_or_an_expression_error(text):
    for make in (compile_expression, compile_value, lambda each: compile_value("x {{" + each + "}} y")):
        try:
            value = make(text).evaluate(SCOPE)
        except ExpressionError as error:
            spoken = (error.detail, error.advice)
            assert all(spoken)
        else:
            dumps(value)


@given(expressions)
def test_evaluation_is_repeatable_and_changes_nothing(text):
    before = dumps(SCOPE)

    def outcome():
        try:
            return dumps(compile_expression(text).evaluate(SCOPE))
        except ExpressionError as error:
            return error.code, error.detail

    assert outcome() == outcome()
    assert dumps(SCOPE) == before


@pytest.mark.parametrize(
    "text",
    [
        "''.__class__.__mro__",
        "a.b.__class__",
        "a|attr('__class__')",
        "a.__init__.__globals__",
        "().__class__",
        "a.get('b')",
        "'{}'.format(a)",
        "'%s' % a",
        "a.items()",
        "cycler.__init__",
        "lipsum",
        "self",
        "self._TemplateReference__context",
        "joiner()",
        "namespace(a=1)",
        "dict(a=1)",
        "config",
        "request",
        "evaluate",
        "B",
        "S",
        "Budget",
        "k0",
        "__builtins__",
        "map([1], item.__class__)",
        "default(a.__class__.__base__)",
        "a['__class__']",
        "range.__class__",
        "import os",
    ],
)
def test_no_way_to_python(text):
    with pytest.raises(ExpressionError):
        compile_expression(text).evaluate(SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "map(range(100000), map(range(100000), item))",
        "sort(range(100000), sum(range(1000)))",
        "map(range(100000), big ~ big)",
        "map(range(90000), big) | to_json",
        "map(range(90000), big)",
        "[" + ", ".join(["big"] * 500) + "]" + " + [big] " * 30,
        "flatten(map(range(1000), range(1000)))",
        "join(map(range(100), big))",
        "replace(big, 'x', 'yyyyyyyy')",
        "9 ** 999",
        "10 ** 20 * 10 ** 20 * 10",
        "unique(map(range(2000), [big, item]))",
        "map(range(20000), {'a': big} == {'a': big ~ ''})",
    ],
)
def test_bombs_stop_at_the_budget(text):
    with pytest.raises(ExpressionLimit):
        compile_expression(text).evaluate({"big": "x" * 300_000})


def test_saving_evaluates_nothing():
    assert compile_expression("'x' ~ pad_left('x', 10 ** 30)").names == frozenset()


def test_time_runs_out_too(monkeypatch):
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(limits.time, "monotonic", lambda: next(clock))
    with pytest.raises(ExpressionLimit, match="too many steps"):
        compile_expression("range(60000) | map(item) | map(item) | map(item) | length").evaluate({})


def test_too_long_sources_are_refused():
    for make in (lambda: compile_expression("1" * 10_001), lambda: compile_value("x" * 262_145)):
        with pytest.raises(ExpressionLimit):
            make()
    with pytest.raises(ExpressionLimit):
        compile_value("{{ 1 }}" * 600)
