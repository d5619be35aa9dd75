"""Lookups, reusable functions, texts and JSONata in mappings: what they give, and how they fail."""

from decimal import Decimal
from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.core.errors import NotFound
from ipaas.expressions import ExpressionError
from ipaas.mapping import engine, function_document, lookup_document
from ipaas.mapping.document import validate
from ipaas.mapping.errors import LookupMissed, MappingFailed, MappingLimit, MappingMissing
from tests.factories.flow_documents import function, lookup, mapping

ZONES = lookup(slug="zones", key=["country", "zip"], returns="zone", match={"case": "ignore", "trim": True},
               csv="country,zip,zone\nDE,10,north\nDE,80,south\n")  # fmt: skip
DOCUMENTS = {
    "vat-rates": lookup(),
    "zones": ZONES,
    "optional": lookup(slug="optional", returns="rate", default=0),
    "gross": function(),
    "country-gross": function(
        slug="country-gross",
        parameters=[{"name": "order", "kind": "object"}],
        expr="gross(order.net, lookup('rates', order.country).rate)",
        lookups={"rates": "vat-rates@1"},
        functions={"gross": "gross@1"},
        examples=[],
    ),
}
NAMED = {
    "lookups": {"rates": "vat-rates@1", "zones": "zones@1", "opt": "optional@1"},
    "functions": {"gross": "gross@1", "of_order": "country-gross@1"},
}
SCOPE = {"run": {"id": "r-1"}, "now": "2026-01-01T00:00:00Z", "vars": {"region": "eu"}}


def resolve(_kind: str, reference: str) -> Any:
    try:
        return DOCUMENTS[reference.partition("@")[0]]
    except KeyError:
        raise NotFound(what=reference) from None


def compiled(**parts: Any) -> engine.CompiledMapping:
    document = mapping(**parts)
    if set(parts) & {"jsonata", "template"}:
        del document["fields"]
    assert validate(document) == []
    return engine.compile(document, resolve=resolve)


def value(text: str, source: Any) -> Any:
    made = compiled(fields={"x": text}, **NAMED)
    target = made.apply(source, SCOPE)
    assert made.explain(source, SCOPE).target == target
    return target["x"]


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("lookup('rates', source.c).rate", {"c": "DE"}, Decimal("0.19")),
        ("lookup('rates', source.c)", {"c": "AT"}, {"code": "AT", "name": "Austria", "rate": Decimal("0.20")}),
        ("lookup('rates', source.c, 'none')", {"c": "de"}, "none"),
        ("lookup('rates', source.c) | default('?')", {"c": "XX"}, "?"),
        ("lookup('zones', [source.c, 80])", {"c": " de "}, "south"),
        ("lookup('opt', 'XX')", {}, 0),
        ("lookup({'a': 1}, 'a')", {}, 1),
        ("gross(100, 0.19)", {}, Decimal("119.00")),
        ("gross(100)", {}, 100),
        ("source.n | gross(rate=1)", {"n": 2}, 4),
        ("of_order(source)", {"net": 100, "country": "AT"}, Decimal("120.00")),
        ("map(source, gross(item, 1)) | sum", [1, 2], 6),
    ],
)  # fmt: skip
def test_rows_and_functions_give_their_values(text: str, source: Any, expected: Any) -> None:
    assert value(text, source) == expected


@pytest.mark.parametrize(
    ("text", "source", "error", "reason"),
    [
        ("lookup('rates', source.c).rate", {"c": "XX"}, LookupMissed, "'rates' has no row for this key"),
        ("of_order(source)", {"net": 1, "country": "XX"}, LookupMissed, "in the function country-gross"),
        ("of_order(source)", {"country": "DE"}, MappingMissing, "in the function country-gross: order.net is missing"),
        ("gross('1')", {}, MappingFailed, "a number is needed"),
        ("lookup('zones', 'DE')", {}, LookupMissed, "a list of 2 values is the key"),
        ("lookup('rates', [1])", {}, MappingFailed, "a text or a number is needed"),
    ],
)
def test_what_fails_names_the_lookup_or_the_function(text: str, source: Any, error: Any, reason: str) -> None:
    with pytest.raises(error, match=reason) as caught:
        value(text, source)
    assert type(caught.value) is error
    assert caught.value.params["field"] == "x"


def test_explaining_tells_the_rows_and_what_a_function_read() -> None:
    made = compiled(fields={"x": "of_order(source.order)"}, **NAMED)
    (trace,) = made.explain({"order": {"net": 1, "country": "AT", "note": "-"}}).fields
    assert trace.lookup_rows == (("rates", 1),)
    assert trace.reads == ("source.order.net", "source.order.country")


def test_functions_in_a_circle_are_refused() -> None:
    turning = {
        "a": function(slug="a", parameters=[], expr="b()", functions={"b": "b"}, examples=[]),
        "b": function(slug="b", parameters=[], expr="a()", functions={"a": "a"}, examples=[]),
    }
    document = mapping(fields={"x": "a()"}, functions={"a": "a"})
    with pytest.raises(ExpressionError, match="in a circle: a → b → a"):
        engine.compile(document, resolve=lambda _kind, reference: turning[reference])


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"fields": {"x": "lookup('nope', 1)"}, "lookups": {"rates": "r"}}, "/fields/x", "expression.syntax"),
        ({"fields": {"x": "nope(1)"}}, "/fields/x", "expression.syntax"),
        ({"fields": {"x": "1"}, "functions": {"upper": "u"}}, "/functions/upper", "mapping.shadowed"),
        ({"fields": {"x": "1"}, "functions": {"Up": "u"}}, "/functions", "propertyNames"),
    ],
)
def test_names_are_checked(changes: dict[str, Any], path: str, code: str) -> None:
    found = validate(mapping(**changes))
    assert any(one.path == path and (one.code == code or code == "propertyNames") for one in found), found


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"csv": "code,code\n1,2\n"}, "/csv", "a name of its own"),
        ({"csv": "code,name,rate\nDE,x,1\nDE,y,2\n"}, "/csv", "row 2 has the key of row 1"),
        ({"csv": "code,name,rate\nDE,x\n"}, "/csv", "row 1 has 2 cells, 3 are needed"),
        ({"csv": "code,name,rate\nDE,x,0,19\n"}, "/csv", "has 4 cells"),
        ({"csv": "code,name,rate\nDE,x,much\n"}, "/csv", "row 1 rate is no number"),
        ({"csv": 'code,name,rate\n"DE,x,1\n'}, "/csv", "line"),
        ({"csv": '"code,name\n'}, "/csv", "line 1"),
        ({"csv": "code,name,rate\rDE,x,1\rDE,y,2\r"}, "/csv", "row 2 has the key of row 1"),
        ({"key": "nope"}, "/key", "there is no column 'nope'"),
        ({"returns": "nope"}, "/returns", "there is no column"),
        ({"csv": "code,name,rate\n" + "".join(f"k{n},a,1\n" for n in range(100_001))}, "/csv", "longer"),
    ],
)
def test_rows_are_checked(changes: dict[str, Any], path: str, words: str) -> None:
    found = lookup_document.validate(lookup(**changes))
    assert found
    assert found[0].path == path
    assert words in found[0].message or words == "longer"


def test_many_rows_are_indexed_once() -> None:
    rows = "k,v\n" + "".join(f"k{number},{number % 7}\n" for number in range(90_000))
    big = lookup(slug="big", key="k", returns="v", columns={}, csv=rows)
    assert lookup_document.validate(big) == []
    document = mapping(fields={"x": "lookup('big', source)"}, lookups={"big": "big@1"})
    first, second = (engine.compile(document, resolve=lambda _k, _r: dict(big)) for _ in range(2))
    assert first.apply("k89999") == second.apply("k89999") == {"x": str(89_999 % 7)}


WRONG = {"name": "net", "kind": "number", "default": "x"}


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"expr": "net +"}, "/expr", ""),
        ({"expr": "source.x"}, "/expr", "nothing is called 'source'"),
        ({"parameters": [{"name": "net", "default": 1}, {"name": "rate"}]}, "/parameters/1", "needs a default"),
        ({"parameters": [{"name": "net"}, {"name": "net"}]}, "/parameters/1/name", "two parameters"),
        ({"parameters": [WRONG], "expr": "net"}, "/parameters/0/default", "a number"),
        ({"examples": [{"args": {"net": 100, "rate": 0.19}, "result": 120}]}, "/examples/0/result", "something else"),
        ({"examples": [{"args": {"net": "a"}, "result": 1}]}, "/examples/0", "it fails"),
        ({"examples": [{"args": {"net": 1}, "error": True}]}, "/examples/0", "should fail"),
        ({"examples": [{"args": {"gros": 1}, "result": 1}]}, "/examples/0/args", "no parameter 'gros'"),
        ({"examples": [{"args": {}, "result": 1}]}, "/examples/0", "net is not given"),
    ],
)  # fmt: skip
def test_functions_and_their_examples_are_checked(changes: dict[str, Any], path: str, words: str) -> None:
    found = function_document.validate(function(**changes))
    assert (path, True) in {(one.path, words in one.message) for one in found}


def test_a_text_comes_out_of_a_template() -> None:
    made = compiled(template="Order {{ source.id }}: {{ source.lines | map('- ' ~ item) | join('\\n') }}.")
    source = {"id": 7, "lines": ["a", "b"]}
    assert made.apply(source) == made.explain(source).target == "Order 7: - a\n- b."
    first = made.explain(source).fields[0]
    assert (first.path, first.reads) == ("text[0]", ("source.id",))
    with pytest.raises(MappingMissing, match=r"text\[1\]"):
        made.apply({"id": 7})
    with pytest.raises(MappingLimit):
        compiled(template="{{ " + " ~ ".join(["pad_left('', 1000000)"] * 2) + " }}").apply({})


LINES = [{"price": Decimal("19.99"), "qty": 3}, {"price": Decimal("0.10"), "qty": 1}]


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("{'id': order.id, 'sum': $sum(order.lines.(price * qty))}",
         {"order": {"id": "o1", "lines": LINES}},
         {"id": "o1", "sum": Decimal("60.07")}),
        ("a + 0.2", {"a": Decimal("0.1")}, Decimal("0.3")),
        ("a", {"a": None}, None),
        ("{'a': a, 'b': b}", {"a": None}, {"a": None}),
        ("a", {"a": 2**53}, 2**53),
        ("1e21", {}, Decimal("1E+21")),
        ("$now()", {}, "2026-01-01T00:00:00.000Z"),
        ("$vars.region & '-' & $run.id", {}, "eu-r-1"),
        ("$gross(net, $lookupRow('rates', country).rate)", {"net": 100, "country": "DE"}, 119),
    ],
)  # fmt: skip
def test_one_jsonata_expression_makes_a_target(text: str, source: Any, expected: Any) -> None:
    made = compiled(jsonata=text, **NAMED)
    assert made.apply(source, SCOPE) == expected
    (trace,) = made.explain(source, SCOPE).fields
    assert (trace.value, trace.error) == (expected, None)


def test_what_jsonata_draws_is_the_same_in_a_replay() -> None:
    made = compiled(jsonata="$random()")
    first, again, other = (made.apply({}, {**SCOPE, "run": {"id": run}}) for run in ("a", "a", "b"))
    assert first == again != other


@pytest.mark.parametrize(
    ("text", "source", "error", "reason"),
    [
        ("a", {"a": 2**53 + 1}, MappingFailed, "source.a has more digits"),
        ("a", {"a": [1, Decimal("0.12345678901234567891")]}, MappingFailed, r"source.a\[1\] has more digits"),
        ("a * 4", {"a": 2**53}, MappingFailed, "has lost digits"),
        ("b", {"a": 1}, MappingMissing, "gives nothing"),
        ("a + 1", {"a": "secret"}, MappingFailed, "T2001: a value is of another kind"),
        ("$lookupRow('rates', 'XX')", {}, LookupMissed, "has no row"),
        ("($f := function($x){ 1 + $f($x) }; $f(1))", {}, MappingLimit, "calls itself too deeply"),
        ("[1..10000000]", {}, MappingLimit, "a list would be too long"),
        ("$pad('x', 1000000000)", {}, MappingLimit, "D2016"),
    ],
)
def test_what_jsonata_can_not_do_is_an_error(text: str, source: Any, error: Any, reason: str) -> None:
    with pytest.raises(error, match=reason) as caught:
        compiled(jsonata=text, **NAMED).apply(source, SCOPE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["($f := function($x){ $f($x) }; $f(1))", "$match('" + "a" * 40 + "b', /(a+)+$/)"])
def test_jsonata_ends_in_time(text: str) -> None:
    with pytest.raises(MappingLimit, match="takes too long"):
        compiled(jsonata=text).apply({}, within_s=0.2)


def test_numbers_may_be_rounded_where_that_is_meant() -> None:
    big = {"a": 2**53 + 1}
    assert compiled(jsonata="a", numbers="round").apply(big) == 2**53


def test_expressions_that_are_not_understood_have_a_place() -> None:
    document = mapping(jsonata="{'a': ")
    del document["fields"]
    (found,) = validate(document)
    assert (found.path, found.code) == ("/jsonata", "expression.syntax")
    assert jsonio.dumps(found.message)
