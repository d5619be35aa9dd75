"""YAML as another spelling of JSON."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core import yamlio
from ipaas.core.yamlio import YamlInvalid, YamlLimits, dump, load, load_all
from tests.unit.core.test_jsonio import same

plain_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n:-#'\"{}[] "), max_size=20
)
words = st.sampled_from(["on", "yes", "null", "~", "", "007", "1e3", "12:30", "2026-01-31", "0x1f", "=", "<<", "- a"])
leaves = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | plain_text | words
trees = st.recursive(
    leaves | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", min_size=1) | words, inner, max_size=4),
    max_leaves=15,
)


def test_plain_words_mean_what_json_means():
    document = """
    on: yes
    off: no
    zip: 007
    day: 2026-01-31
    at: 12:30:00
    grouped: 1_000
    hex: 0x1f
    count: 12
    price: 12.50
    big: 1e3
    negative: -4
    yes_really: true
    nothing: ~
    empty:
    quoted: "1"
    tagged: !!str 1
    404: status
    """
    assert load(document) == {
        "on": "yes", "off": "no", "zip": "007", "day": "2026-01-31", "at": "12:30:00", "grouped": "1_000",
        "hex": "0x1f", "count": 12, "price": Decimal("12.50"), "big": Decimal("1e3"), "negative": -4,
        "yes_really": True, "nothing": None, "empty": None, "quoted": "1", "tagged": "1", "404": "status",
    }  # fmt: skip
    assert str(load("12.50")) == "12.50"


@pytest.mark.parametrize(
    ("document", "reason", "line"),
    [
        ("a: 1\nb: 2\na: 3", "occurs twice", 3),
        ("a: [1, 2", "expected", 1),
        ("a: b: c", "mapping values", 1),
        ("a: !!python/object:os.system x", "tag", 1),
        ("a: !!binary aGk=", "tag", 1),
        ("x: 1\n? [a]\n: 1", "can not be a key", 2),
        ("a: *nowhere", "no complete anchor", 1),
        ("a: &x [*x]", "no complete anchor", 1),
        ("base: &b {a: 1}\nc:\n  <<: *b", "merge keys", 3),
        ("a: 1e999", "exponent", 1),
        ("a: 1e99999999999999999999", "exponent", 1),
        ("a: " + "9" * 60, "digits", 1),
        ("[" * 65 + "]" * 65, "levels", 1),
        ("[" * 50_000, "levels", 1),
        ("a:\n  - x\n \tb", "expected|found|tab", 3),
    ],
)
def test_refuses_with_the_place(document, reason, line):
    with pytest.raises(YamlInvalid, match=reason) as caught:
        load(document)
    assert caught.value.line == line or (line == 1 and caught.value.line in (1, 2))
    assert caught.value.column >= 1


@pytest.mark.parametrize("document", ["a: \x00", "\ud800", b"\xff", "--- 1\n--- 2", "a: \x07", "x" * 1_048_577])
def test_refuses_what_has_no_place(document):
    with pytest.raises(YamlInvalid):
        load(document)


def test_alias_bomb_stops_at_the_node_limit():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(YamlInvalid, match="more than 100000 values"):
        load("\n".join(lines))


def test_aliases_are_copies():
    value = load("a: &x {n: 1}\nb: *x")
    value["a"]["n"] = 2
    assert value == {"a": {"n": 2}, "b": {"n": 1}}


def test_many_documents_in_order():
    assert load_all("a: 1\n---\n- 2\n---\n") == [{"a": 1}, [2], None]
    assert load_all("") == []
    assert load("") is None


def test_limits_are_the_callers():
    with pytest.raises(YamlInvalid, match="more than 3 values"):
        load("[1, 2, 3]", limits=YamlLimits(max_nodes=3))


@given(trees)
def test_what_is_dumped_is_loaded_back(value):
    assert same(load(dump(value)), value)


@given(st.text(max_size=60))
def test_arbitrary_text_is_read_or_refused_by_name(text):
    try:
        yamlio.load_all(text)
    except YamlInvalid:
        return


def test_long_texts_are_dumped_as_blocks():
    assert dump({"doc": "one\ntwo\n"}) == "doc: |\n  one\n  two\n"
