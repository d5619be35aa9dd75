import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.core.document_forms import (
    Finding,
    content_sha256,
    did_you_mean,
    difference,
    normalise,
    pointer,
    read_document,
)
from ipaas.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        (Decimal("1.50"), 1.5),
        (Decimal("3.0"), 3),
        (2.0, 2),
        ({"a": (1, None, True)}, {"a": [1, None, True]}),
        ("ä", "ä"),
    ],
)
def test_content_becomes_plain_json(value: Any, normal: Any) -> None:
    assert normalise(value) == normal
    assert type(normalise(value)) is type(normal)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (Decimal("0.12345678901234567890123"), "document.number"),
        (2**63, "document.number"),
        (pytest.param(10**5000, "document.number", id="huge")),
        (float("nan"), "document.number"),
        (Decimal("Infinity"), "document.number"),
        (Decimal("1e999999"), "document.number"),
        ("a\x00b", "document.text"),
        pytest.param("\ud800", "document.text", id="surrogate"),
        ({1: 2}, "document.key"),
        ({10**4000: 2}, "document.key"),
        ([{"a": b"x"}], "document.type"),
    ],
)
def test_what_can_not_be_stored_exactly_is_refused(value: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise(value)
    assert caught.value.errors[0]["code"] == code


def test_deep_nesting_is_refused() -> None:
    value: Any = 1
    for _ in range(10_000):
        value = [value]
    with pytest.raises(InvalidInput):
        normalise(value)


def test_findings_of_yaml_name_the_line() -> None:
    source = read_document(text="kind: flow\nsteps:\n  - id: a\n  - id: b\n    call:\n      action: x\n")
    found = source.locate([Finding("/steps/1/call/action", "c", "m"), Finding("/steps/1/nope", "c", "m")])
    assert [finding.line for finding in found] == [6, 4]


def test_json_text_is_read_too() -> None:
    assert read_document(text='{"kind": "flow", "n": 1.5}').content == {"kind": "flow", "n": 1.5}


@pytest.mark.parametrize(
    "text", ["[1]", "- a", "5", "", "{", "a: b: c", "a: &x [*x]", "\ud800", b"\xff", "a: !!python/object:os.system {}"]
)
def test_text_that_is_no_document_is_invalid_input(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        read_document(text=text)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(read_document(text=text).content, dict)


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert content_sha256({"a": 1, "b": [2]}) == content_sha256({"b": [2], "a": 1})
    assert content_sha256({"a": 1}) != content_sha256({"a": "1"})


def test_differences_name_paths_and_match_steps_by_id() -> None:
    before = {"title": "A", "steps": [{"id": "x", "n": 1}, {"id": "y"}]}
    after = {"title": "B", "steps": [{"id": "new"}, {"id": "x", "n": 2}]}
    changes = {(change.path, change.kind) for change in difference(before, after)}
    assert changes == {
        ("/title", "changed"),
        ("/steps/x/n", "changed"),
        ("/steps/y", "removed"),
        ("/steps/new", "added"),
    }


def test_true_is_not_the_same_as_one() -> None:
    assert difference({"a": 1}, {"a": True})
    assert not difference({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})


def test_pointers_escape_their_parts() -> None:
    assert pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"


def test_a_near_miss_gets_a_suggestion() -> None:
    assert did_you_mean("conection", ["connection", "action"]) == "; did you mean 'connection'?"
    assert did_you_mean("zzz", []) == ""
