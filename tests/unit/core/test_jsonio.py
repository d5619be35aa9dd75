"""The strict JSON reader and the exact writer."""

import json
import math
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core import jsonio
from ipaas.core.jsonio import JsonInvalid, JsonLimits, canonical, dumps, loads, sha256_of

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
numbers = (
    st.integers(-(10**39), 10**39)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20)
    | st.sampled_from([Decimal("1E+5"), Decimal("-0.00"), Decimal("12.50"), 2**64, -(2**63) - 1])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equality that tells 1 from True and 12.5 from 12.50."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and str(left) == str(right)


@given(values)
def test_what_is_written_is_read_back_digit_by_digit(value):
    assert same(loads(dumps(value)), value)


@given(values)
def test_escaped_spelling_reads_the_same(value):
    ascii_only = json.dumps(value, default=lambda number: f"D{number}")
    again = loads(ascii_only)
    assert same(again, json.loads(ascii_only))


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused_by_name(data):
    try:
        value = loads(data)
    except JsonInvalid:
        return
    assert same(loads(dumps(value)), value)


fragments = st.sampled_from(
    ['"a"', '"b"', ":", ",", "{", "}", "[", "]", "1", "-0", "1.5", "1e400", "NaN", "-Infinity", "true", "null", " ",
     '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\\\ud800"', "\ufeff", "01", "+1", ".5", "1.", '"\n"', "\x0b"]
)  # fmt: skip


def reference(document: str) -> object:
    """A slow reader that states each rule separately."""

    def pairs(items):
        assert len({key for key, _ in items}) == len(items)
        return dict(items)

    def constant(word):
        raise AssertionError(word)

    def number(word):
        found = Decimal(word)
        assert abs(found.adjusted()) <= 308
        return found

    value = json.loads(document, object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    everything = json.dumps(value, ensure_ascii=False, default=str)
    everything.encode()
    assert "\\u0000" not in everything
    return value


@given(st.lists(fragments, max_size=9).map("".join))
def test_accepts_exactly_what_the_reference_accepts(document):
    try:
        wanted = reference(document)
    except (AssertionError, ValueError):
        with pytest.raises(JsonInvalid):
            loads(document)
    else:
        assert same(loads(document), wanted)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "json.syntax"),
        (b"{", "json.syntax"),
        (b"\xef\xbb\xbf{}", "json.syntax"),
        (b"{} {}", "json.syntax"),
        (b"[1,]", "json.syntax"),
        (b"{'a':1}", "json.syntax"),
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "json.duplicate_key"),
        (b'[{"x":{"a":1,"b":2,"a":3}}]', "json.duplicate_key"),
        (b"NaN", "json.number"),
        (b"[-Infinity]", "json.number"),
        (b"1e400", "json.number"),
        (b"1e-400", "json.number"),
        (b"1e999999999999999999999999", "json.number"),
        (b"1" * 41, "json.number"),
        (b"-" + b"1" * 41, "json.number"),
        (b"0." + b"1" * 41, "json.number"),
        (b"1" * 5000, "json.number"),
        (b"\xff", "json.encoding"),
        (b'"\xed\xa0\x80"', "json.encoding"),
        (b'"\\ud800"', "json.encoding"),
        (b'{"\\udc00":1}', "json.encoding"),
        (b'"a\\u0000"', "json.encoding"),
        ("\ud800", "json.encoding"),
        (b"[" * 65 + b"]" * 65, "json.too_deep"),
        (b"[" * 100_000, "json.too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json.too_deep"),
    ],
)
def test_refuses(document, code):
    with pytest.raises(JsonInvalid) as caught:
        loads(document)
    assert caught.value.code == code
    assert caught.value.status == 400
    assert caught.value.detail


def test_depth_is_counted_outside_of_strings_only():
    assert loads(b"[" * 64 + b"]" * 64)
    brackets = "[{" * 500 + '\\"'
    assert loads(dumps([brackets] * 3)) == [brackets] * 3


def test_many_shallow_lists_are_not_deep():
    assert loads(b"[" + b"[[]]," * 500 + b"1]")


def test_limits_are_the_callers():
    tight = JsonLimits(max_bytes=40, max_keys=2, max_string=5)
    assert loads(b'{"a":"::","b":2}', limits=tight)
    assert loads(b'{"a":"::::","b":2}', limits=tight)
    for document in (b" " * 41, b'{"a":1,"b":2,"c":3}', b'["abcdef"         ]'):
        with pytest.raises(jsonio.JsonTooLarge) as caught:
            loads(document, limits=tight)
        assert caught.value.status == 413


def test_says_where_the_syntax_breaks():
    with pytest.raises(JsonInvalid, match="at character 6"):
        loads(b'{"a": }')


def test_escaped_emoji_is_one_character():
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("bad", [math.nan, math.inf, Decimal("NaN"), Decimal("Infinity")])
def test_non_finite_numbers_are_never_written(bad):
    for writer in (dumps, canonical):
        with pytest.raises(ValueError, match="non-finite"):
            writer({"a": [None, bad]})


def test_unknown_objects_are_never_written():
    for writer in (dumps, canonical):
        with pytest.raises(TypeError):
            writer({"a": object()})
        with pytest.raises(TypeError):
            writer({1: 2})


def test_writes_ids_and_long_integers():
    assert dumps({"id": UUID(int=1), "n": 10**30}) == (
        b'{"id":"00000000-0000-0000-0000-000000000001","n":1000000000000000000000000000000}'
    )


def test_canonical_form_does_not_depend_on_spelling():
    spellings = [
        b'{"b":1,"a":[1.50,1e2]}',
        b'{ "a" : [1.5, 100], "b" : 1.0 }',
        b'{"\\u0062":1,"a":[0.15e1,100.0]}',
    ]
    assert {canonical(loads(each)) for each in spellings} == {b'{"a":[1.5,100],"b":1}'}
    assert canonical({"a": [1.5, 100.0], "b": 1}) == b'{"a":[1.5,100],"b":1}'
    assert canonical([Decimal("-0.0"), -0.0, Decimal("1E+3"), True]) == b"[0,0,1000,true]"


def test_canonical_strings_are_fixed():
    assert canonical({"ä": '\t"\\/\x1f\x7f', "z": "\u2028", "\U0001f600": 1, "\uffee": 2}) == (
        '{"z":"\u2028","ä":"\\t\\"\\\\/\\u001f\x7f","\uffee":2,"\U0001f600":1}'.encode()
    )


@given(values)
def test_canonical_is_a_fixed_point_and_hash_follows(value):
    assert canonical(loads(canonical(value))) == canonical(value)
    assert len(sha256_of(value)) == 32


def test_django_fields_keep_decimals():
    encoded = json.dumps({"a": Decimal("1.10")}, cls=jsonio.FieldEncoder)
    assert encoded == '{"a":1.10}'
    assert same(json.loads(encoded, cls=jsonio.FieldDecoder), {"a": Decimal("1.10")})
