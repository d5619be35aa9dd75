"""What turns one content of a document into another."""

from typing import Any

from ipaas.core.document_forms import Change
from ipaas.flows.comparison import Comparison
from ipaas.flows.comparison import compare as compare_written
from ipaas.flows.yaml_form import Written, to_yaml

NAMES = ("orders@1", "orders@2")


def compare(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    return compare_written(Written(before, to_yaml(before)), Written(after, to_yaml(after)), names=NAMES)


def test_equal_contents_differ_in_nothing() -> None:
    found = compare({"slug": "a", "steps": [{"id": "x"}]}, {"steps": [{"id": "x"}], "slug": "a"})
    assert (found.text, found.changes) == ("", ())


def test_a_change_is_told_with_its_place_and_as_lines() -> None:
    found = compare({"slug": "a", "title": "one"}, {"slug": "a", "title": "two"})
    assert found.changes == (Change("/title", "changed", "one", "two"),)
    assert found.text.splitlines()[:2] == ["--- orders@1", "+++ orders@2"]
    assert {"-title: one", "+title: two"} <= set(found.text.splitlines())


def test_another_order_of_blocks_is_told_by_the_lines() -> None:
    found = compare({"steps": [{"id": "a"}, {"id": "b"}]}, {"steps": [{"id": "b"}, {"id": "a"}]})
    assert found.text


def test_another_comment_is_told_by_the_lines_alone() -> None:
    before, after = Written({"slug": "a"}, "# old\nslug: a\n"), Written({"slug": "a"}, "# new\nslug: a\n")
    found = compare_written(before, after, names=NAMES)
    assert found.changes == ()
    assert found.text.splitlines()[2:] == ["@@ -1,2 +1,2 @@", "-# old", "+# new", " slug: a"]
