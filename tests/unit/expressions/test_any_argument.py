"""Every function and operator with any JSON in every place: a value or an ExpressionError, within its budget."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.core.errors import IpaasError
from ipaas.core.jsonio import JsonInvalid, dumps, loads
from ipaas.expressions import compile_expression
from ipaas.expressions.errors import ExpressionError
from ipaas.expressions.registry import FUNCTIONS

numbers = st.one_of(
    st.integers(-(10**40), 10**40),
    st.decimals(allow_nan=False, allow_infinity=False, places=None),
    st.sampled_from([0, 1, -1, 2**63, Decimal("1E+308"), Decimal("1E-308"), Decimal("-0"), Decimal("0.1"), 10**39]),
)
texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from([
        "", "a", "0001-01-01", "9999-12-31T23:59:59.999999+14:00", "2026-02-30", "P1D", "PT" + "9" * 30 + "S",
        "-P9Y", "UTC",
        "Europe/Berlin", "../etc/passwd", "%Y-%m-%d", "%" * 40, "{}", "[1,2]", "1e999", "NaN", "٣", "½", "[",
        "(a+)+$", "EUR",
        "\u202e", "a" * 5000,
    ]),
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in", "**"]


def ends_well(text: str, scope: dict[str, Any]) -> None:
    """The whole of it as JSON, read back by the strict reader, or an error that says what and what to do.

    More digits or characters than an edge takes are refused there, by the same reader.
    """
    refusal: IpaasError
    try:
        value = compile_expression(text).evaluate(scope)
    except ExpressionError as error:
        refusal = error
    else:
        try:
            loads(dumps(value))
        except JsonInvalid as error:
            refusal = error
        else:
            return
    assert refusal.detail
    assert refusal.advice


def calls(name: str) -> list[str]:
    """Calls of a function with every number of arguments that it takes, and one too many."""
    function = FUNCTIONS[name]
    needed = sum(1 for each in function.parameters if each.required)
    most = len(function.parameters) + 1
    found = []
    for count in range(needed, most + 1):
        given = [
            "item"
            if place < len(function.parameters) and function.parameters[place].kind == "expression"
            else f"a{place}"
            for place in range(count)
        ]
        found.append(f"{name}({', '.join(given)})")
    return found


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@settings(max_examples=settings.default.max_examples // 5)
@given(data=st.data())
def test_a_function_takes_anything(name: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(calls(name)))
    ends_well(text, {f"a{place}": data.draw(values) for place in range(len(FUNCTIONS[name].parameters) + 1)})


@settings(max_examples=settings.default.max_examples * 2)
@given(a=values, b=values, operator=st.sampled_from(OPERATORS))
def test_an_operator_takes_anything(a: Any, b: Any, operator: str) -> None:
    ends_well(f"a {operator} b", {"a": a, "b": b})


@given(
    a=values,
    b=values,
    text=st.sampled_from(
        [
            "a[b]",
            "a.b",
            "a[b].c",
            "-a",
            "+a",
            "not a",
            "a if b else c",
            "[a, b]",
            "{a: b}",
            "a[b:b]",
            "a is defined",
            "a|b",
        ]
    ),
)
def test_every_other_form_takes_anything(a: Any, b: Any, text: str) -> None:
    ends_well(text, {"a": a, "b": b})
