from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ipaas.web import rendering

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2, "just now"),
        (41, "41 s ago"),
        (180, "3 min ago"),
        (7300, "2 h ago"),
        (180_000, "2 d ago"),
        (-600, "in 10 min"),
    ],
)
def test_a_time_is_told_relative_to_now(seconds: int, text: str) -> None:
    assert rendering.relative_time(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (12, "12 ms"),
        (2_440, "2.4 s"),
        (185_000, "3 min 05 s"),
        (7_800_000, "2 h 10 min"),
        (180_000_000, "2 d 2 h"),
    ],
)
def test_a_duration_uses_the_unit_a_person_would(milliseconds: float | None, text: str) -> None:
    assert rendering.duration(milliseconds) == text


def test_a_tree_escapes_keys_and_values() -> None:
    html = rendering.json_tree({"<b>": "<script>alert(1)</script>"})
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;" in html


def test_a_tree_shows_a_masked_value_with_a_lock() -> None:
    html = rendering.json_tree({"card": "‹redacted:19fe›"})
    assert 'class="masked"' in html
    assert "redacted:19fe" in html


def test_a_tree_keeps_decimals_exact_and_tells_null_from_text() -> None:
    html = rendering.json_tree({"total": Decimal("129.90"), "note": None, "word": "null", "flag": True, "empty": {}})
    assert ">129.90<" in html
    assert '<span class="lit">null</span>' in html
    assert '<span class="str">"null"</span>' in html
    assert '<span class="lit">true</span>' in html


def test_a_huge_tree_is_cut_and_says_so() -> None:
    html = rendering.json_tree(list(range(rendering.MAX_NODES * 2)))
    assert html.count('class="leaf"') < rendering.MAX_NODES
    assert "left out" in html


def test_an_unknown_state_is_shown_as_it_is() -> None:
    assert rendering.state_look("brand_new").word == "Brand new"


def test_a_sparkline_of_zeros_is_drawn() -> None:
    assert "polyline" in rendering.sparkline([0, 0, 0])
