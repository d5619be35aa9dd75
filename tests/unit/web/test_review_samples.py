"""What a review says of real data: runs that change alike stand together, and the sum is right."""

from datetime import UTC, datetime

import pytest

from ipaas.web.pages.review_samples import SampleRow, _together, samples_summed
from ipaas.web.readmodels import DiffRow

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANGE = DiffRow("channel", "added", after="web")


def row(name: str, *rows: DiffRow, **more: str) -> SampleRow:
    return SampleRow(name, more.pop("flow", "Orders"), AT, f"/{name}", rows, **more)


def test_runs_that_change_alike_stand_together_before_those_that_do_not() -> None:
    found = _together([row("a"), row("b", CHANGE), row("c", CHANGE), row("d", CHANGE, problem="it fails"), row("e")])

    assert [(one.label, [link.label for link in one.alike]) for one in found] == [("b", ["c"]), ("d", []), ("a", ["e"])]
    assert samples_summed(found).startswith("3 of the 5 newest inputs become something else.")


def test_another_flow_is_another_group() -> None:
    assert len(_together([row("a", CHANGE), row("b", CHANGE, flow="Returns")])) == 2


@pytest.mark.parametrize(
    ("names", "words"),
    [("a", "The newest input becomes the same as before."), ("ab", "All 2 newest inputs become the same as before.")],
)
def test_nothing_that_changes_is_said(names: str, words: str) -> None:
    assert samples_summed(_together([row(name) for name in names])) == words
