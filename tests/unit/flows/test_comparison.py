"""What turns one content of a document into another."""

from ipaas.core.document_forms import Change
from ipaas.flows.comparison import compare

NAMES = ("orders@1", "orders@2")


def test_equal_contents_differ_in_nothing() -> None:
    found = compare({"slug": "a", "steps": [{"id": "x"}]}, {"steps": [{"id": "x"}], "slug": "a"}, names=NAMES)
    assert (found.text, found.changes) == ("", ())


def test_a_change_is_told_with_its_place_and_as_lines() -> None:
    found = compare({"slug": "a", "title": "one"}, {"slug": "a", "title": "two"}, names=NAMES)
    assert found.changes == (Change("/title", "changed", "one", "two"),)
    assert found.text.splitlines()[:2] == ["--- orders@1", "+++ orders@2"]
    assert {"-title: one", "+title: two"} <= set(found.text.splitlines())


def test_another_order_of_blocks_is_told_by_the_lines() -> None:
    found = compare({"steps": [{"id": "a"}, {"id": "b"}]}, {"steps": [{"id": "b"}, {"id": "a"}]}, names=NAMES)
    assert found.text
