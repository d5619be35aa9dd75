"""SECURITY.md names tests; each of them exists."""

import re

from tests.architecture.sources import ROOT

TABLE = (ROOT / "SECURITY.md").read_text()
ROW = re.compile(r"^\| (API\d+) .*\| (?P<tests>[^|]*) \|$", re.MULTILINE)


def test_every_risk_has_its_row_with_a_test_or_an_admission() -> None:
    rows = {row.group(1): row["tests"] for row in ROW.finditer(TABLE)}
    assert rows.keys() == {f"API{number}" for number in range(1, 11)}
    assert [risk for risk, tests in rows.items() if "`test_" not in tests and "not yet" not in tests] == []


def test_every_test_that_is_named_exists() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", TABLE) if f"def {name}(" not in sources]
    assert missing == []
