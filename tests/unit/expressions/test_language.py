"""What expressions mean."""

from decimal import Decimal

import pytest

from ipaas.expressions import ExpressionError, compile_expression

SCOPE = {
    "order": {
        "id": "O-1",
        "total": Decimal("12.50"),
        "count": 3,
        "note": None,
        "gift": False,
        "tags": ["a", "b"],
        "odd key": 1,
        "lines": [{"sku": "x", "qty": 2, "price": Decimal("1.50")}, {"sku": "y", "qty": 1, "price": 4}],
    },
    "item": "of the scope",
    "ratio": 0.1,
}


def evaluate(text):
    return compile_expression(text).evaluate(SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2 == 0.3", True),
        ("order.total * 100", Decimal("1250.00")),
        ("1 / 4", Decimal("0.25")),
        ("10 / 5", Decimal(2)),
        ("-7 // 2", -4),
        ("-7.0 // 2", -4),
        ("-7 % 3", 2),
        ("-7.5 % 2", Decimal("0.5")),
        ("2 ** 10", 1024),
        ("2 ** -1", Decimal("0.5")),
        ("-order.count", -3),
        ("ratio + 0.2", Decimal("0.3")),
        ("1 == true", False),
        ("[1, {'a': 2.0}] == [1.0, {'a': 2}]", True),
        ("[true] == [1]", False),
        ("none == none", True),
        ("order.note == 0", False),
        ("order.count != '3'", True),
        ("'a' < 'b'", True),
        ("1 < 1.5", True),
        ("'b' in order.tags", True),
        ("'total' in order", True),
        ("'1' not in '234'", True),
        ("true in [1]", False),
        ("order.id ~ '/' ~ order.count ~ '/' ~ order.total ~ order.gift", "O-1/3/12.50false"),
        ("'a' + 'b'", "ab"),
        ("order.tags + ['c']", ["a", "b", "c"]),
        ("order['odd key']", 1),
        ("order.tags[0] ~ order.tags[-1]", "ab"),
        ("order.tags[1:]", ["b"]),
        ("order.id[0:1]", "O"),
        ("order.lines[1].sku", "y"),
        ("order[order.tags[0] ~ 'x'] is defined", False),
        ("order.note or 'none'", "none"),
        ("order.gift and order.missing", False),
        ("'yes' if order.count > 2 else order.missing", "yes"),
        ("not order.gift", True),
        ("null is none", True),
        ("order.missing is defined", False),
        ("order.note.deeper is defined", False),
        ("order.lines[5] is undefined", True),
        ("unknown is not defined", True),
        ("order.count is odd", True),
        ("order.tags is not empty", True),
        ("order.missing.deeper | default('x')", "x"),
        ("order.lines | map(item.qty * item.price) | sum", Decimal("7.00")),
        ("map(order.lines, map(order.tags, item ~ index))", [["a0", "b1"], ["a0", "b1"]]),
        ("item ~ first(map([1], item))", "of the scope1"),
        ("map([{}], item.b | default(index))", [0]),
        ("{'a': order.id, 'b': [order.count]}", {"a": "O-1", "b": [3]}),
        ("(1, 2)", [1, 2]),
        ("'it\\'s \\u00e4\\n\\d'", "it's ä\n\\d"),
        ("'a' 'b'", "ab"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("12.50", Decimal("12.50")),
        ("round(order.total, places=1, mode='down')", Decimal("12.5")),
        ("order\n.\r\nid", "O-1"),
    ],
)
def test_value(text, value):
    found = evaluate(text)
    assert (found, str(found), type(found)) == (value, str(value), type(value))


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "syntax", 0),
        ("   ", "syntax", 0),
        ("1 +", "syntax", 3),
        ("a b", "syntax", 2),
        ("'open", "syntax", 0),
        ("a ; b", "syntax", 2),
        ("1 < 2 < 3", "syntax", 0),
        ("x if y", "syntax", 0),
        ("order.id.upper()", "syntax", 14),
        ("order.lines.append(1)", "syntax", 18),
        ("f(*order)", "syntax", 1),
        ("upper(**order)", "syntax", 5),
        ("nothing_like_it(1)", "syntax", 15),
        ("order | nothing_like_it", "syntax", 8),
        ("upper()", "syntax", 5),
        ("upper('a', 'b')", "syntax", 5),
        ("upper(text='a', other=1)", "syntax", 5),
        ("order is divisibleby 3", "syntax", 6),
        ("order is wonderful", "syntax", 6),
        ("{1: 2}", "syntax", 1),
        ("{'a': 1, 'a': 2}", "syntax", 9),
        ("order[::2]", "syntax", 5),
        ("'\\x00'", "syntax", 0),
        ("'\\ud800'", "syntax", 0),
        ("1e999", "syntax", 0),
        ("{{ order }}", "syntax", None),
        ("{% set x = 1 %}", "syntax", None),
        ("lambda x: x", "syntax", None),
        ("missing", "undefined", 0),
        ("1 + order.total.amount", "type", 15),
        ("order.missing.deeper", "undefined", 5),
        ("order.note.deeper", "undefined", 10),
        ("order.lines[7]", "undefined", 11),
        ("order.tags.a", "type", 10),
        ("order.lines | map(item.weight)", "undefined", 22),
        ("order.count + order.id", "type", 0),
        ("order.note + 1", "type", 0),
        ("true + 1", "type", 0),
        ("'x' * 3", "type", 0),
        ("1 + 2 + (order.id < 3)", "type", 14),
        ("1 < none", "type", 0),
        ("true < false", "type", 0),
        ("'a' ~ order.note", "type", 0),
        ("'a' ~ order", "type", 0),
        ("upper(order.count)", "type", 11),
        ("1 / 0", "value", 2),
        ("0 / 0", "value", 2),
        ("1 // 0", "value", 0),
        ("1 % 0.0", "value", 2),
        ("0.0 ** -1", "value", 0),
        ("number('12,5')", "value", 6),
    ],
)
def test_refused_with_the_place_and_a_remedy(text, code, position):
    with pytest.raises(ExpressionError) as caught:
        evaluate(text)
    error = caught.value
    assert error.code == f"expression.{code}"
    assert error.advice
    assert error.expression == text or not text.strip()
    if position is not None:
        assert abs((-99 if error.position is None else error.position) - position) <= 2


def test_error_tells_the_path_and_no_value():
    with pytest.raises(ExpressionError) as caught:
        compile_expression("customer.address.zip + 1").evaluate({"customer": {"address": {"street": "Secret Lane"}}})
    assert caught.value.path == "customer.address.zip"
    assert caught.value.detail == ("in `customer.address.zip + 1` at character 17: customer.address.zip is missing.")
    assert "Secret" not in str(caught.value.as_problem())


def test_default_hides_only_what_is_missing():
    for hidden in ("default(upper(3), 'x')", "default(order.tags.a, 'x')", "(order.id < 3) is defined"):
        with pytest.raises(ExpressionError) as caught:
            evaluate(hidden)
        assert caught.value.code == "expression.type"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("steps.charge.output.id", {"steps.charge.output.id"}),
        ("steps['charge'].output[0].id", {"steps.charge.output"}),
        ("a.b ~ a", {"a.b", "a"}),
        ("map(order.lines, item.sku ~ order.id)", {"order.lines", "order.id"}),
        ("item.a | default(index)", {"item.a", "index"}),
        ("upper('x') ~ null", set()),
        ("a[b.c].d", {"a", "b.c"}),
    ],
)
def test_names_are_known_without_running(text, names):
    assert compile_expression(text).names == names


def test_paths_are_tuples():
    assert compile_expression("steps.charge").paths == {("steps", "charge")}


def test_condition_must_be_a_boolean():
    assert compile_expression("order.count == 3").holds(SCOPE) is True
    with pytest.raises(ExpressionError, match="true or false"):
        compile_expression("order.count").holds(SCOPE)
