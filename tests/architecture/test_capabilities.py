"""The table of capabilities is whole, and the tests that it names are there."""

import re

from ipaas.launcher.layout import ROOT

TABLE = (ROOT / "docs" / "reference" / "capabilities.md").read_text()
ROWS = re.findall(r"^\| (C\d\d) \| [^|]+ \| ([^|]+) \| ([^|]*)\|$", TABLE, re.MULTILINE)


def test_every_capability_has_one_row_in_order() -> None:
    assert [number for number, _state, _proof in ROWS] == [f"C{number:02}" for number in range(1, 51)]


def test_what_works_is_proved_by_tests_that_exist() -> None:
    for number, state, proof in ROWS:
        named = re.findall(r"`([^`]+)`", proof)
        assert bool(named) != state.startswith("not yet"), number
        assert [path for path in named if not (ROOT / path).exists()] == [], number
