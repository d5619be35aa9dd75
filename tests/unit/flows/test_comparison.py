"""What turns one content of a document into another."""

from typing import Any

import pytest

from ipaas.flows.comparison import Change, compare


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    return list(compare(before, after, names=("1", "2")).changes)


def test_equal_contents_differ_in_nothing() -> None:
    found = compare({"slug": "a", "steps": [{"id": "x"}]}, {"steps": [{"id": "x"}], "slug": "a"}, names=("1", "2"))
    assert (found.text, found.changes) == ("", ())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"title": "a"}, {"title": "b"}, [Change("changed", "/title", "a", "b")]),
        ({"n": 1}, {"n": True}, [Change("changed", "/n", 1, True)]),
        ({}, {"owner": "us"}, [Change("added", "/owner", after="us")]),
        ({"a/b": 1}, {}, [Change("removed", "/a~1b", before=1)]),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [Change("changed", "/l/1", 2, 3), Change("added", "/l/2", after=4)]),
    ],
    ids=["changed", "type", "added", "removed", "list"],
)
def test_single_changes(before: dict[str, Any], after: dict[str, Any], expected: list[Change]) -> None:
    assert changes(before, after) == expected


def test_blocks_go_by_their_ids() -> None:
    before = {"steps": [{"id": "charge", "wait": 1}, {"id": "ship"}]}
    after = {"steps": [{"id": "check"}, {"id": "charge", "wait": 2}, {"id": "ship"}]}
    assert changes(before, after) == [
        Change("changed", "/steps/charge/wait", 1, 2),
        Change("added", "/steps/check", after={"id": "check"}),
    ]


def test_another_order_of_blocks_is_a_change() -> None:
    before, after = {"steps": [{"id": "a"}, {"id": "b"}]}, {"steps": [{"id": "b"}, {"id": "a"}]}
    assert changes(before, after) == [Change("changed", "/steps", ["a", "b"], ["b", "a"])]


def test_the_text_is_a_unified_diff_of_the_yaml() -> None:
    text = compare({"slug": "a", "title": "one"}, {"slug": "a", "title": "two"}, names=("orders@1", "orders@2")).text
    assert text.splitlines()[:2] == ["--- orders@1", "+++ orders@2"]
    assert {"-title: one", "+title: two"} <= set(text.splitlines())
