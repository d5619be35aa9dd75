"""What a test expects against what came out."""

from decimal import Decimal
from typing import Any

import pytest

from ipaas.mapping.comparing import MOST_DIFFERENCES, differences


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1.5}, {"a": Decimal("1.50")}, []),
        (1, Decimal("1.0"), []),
        ([], (), []),
        ({"a": 1}, {}, ["/a: is missing; expected 1"]),
        ({}, {"a": {"b": 1}}, ['/a: was not expected: {"b":1}']),
        ({"a": "1"}, {"a": 1}, ['/a: expected a text, "1", and got a number, 1']),
        ({"a": True}, {"a": 1}, ["/a: expected a truth value, true, and got a number, 1"]),
        ({"a": None}, {"a": {}}, ["/a: expected nothing, null, and got an object, {}"]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["/a/1: expected 2, got 3", "/a/2: was not expected: 4"]),
        ({"a/b": {"~": "x"}}, {"a/b": {"~": "y"}}, ['/a~1b/~0: expected "x", got "y"']),
        ("x", "y", [': expected "x", got "y"']),
    ],
)
def test_each_place_is_said_in_words(expected: Any, actual: Any, found: list[str]) -> None:
    assert [f"{one.path}: {one.message}" for one in differences(expected, actual)] == found


def test_a_tolerance_holds_for_its_places_only() -> None:
    expected, actual = {"lines": [{"p": 1.0}, {"p": 2.0}], "q": 1}, {"lines": [{"p": 1.04}, {"p": 2.06}], "q": 1.04}
    found = differences(expected, actual, tolerance={"/lines/*/p": 0.05})
    assert [one.path for one in found] == ["/lines/1/p", "/q"]
    assert found[0].message == "expected 2.0, got 2.06: off by 0.06, 0.05 is allowed"


def test_ignored_places_do_not_count_whatever_is_there() -> None:
    expected, actual = {"id": 1, "a": {"x": 1}, "l": [{"t": 1}]}, {"a": {"x": 2, "y": 3}, "l": [{"t": 2, "u": 1}]}
    assert differences(expected, actual, ignore=["/id", "/a", "/l/*/t", "/l/0/u"]) == []


def test_long_lists_of_differences_and_long_values_are_cut() -> None:
    found = differences({str(n): "x" * 1000 for n in range(200)}, {})
    assert len(found) == MOST_DIFFERENCES
    assert len(found[0].message) < 200
