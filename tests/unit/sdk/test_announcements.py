"""Rates and ends that answers announce, in the forms that vendors write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.sdk.announcements import NAMES, Ending, Rate, ending_of, rate_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EPOCH = str(int(NOW.timestamp()) + 90)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit-policy": '"burst";q=100;w=60', "ratelimit": '"burst";r=50;t=30'}, Rate(100, 60, 50, 30.0)),
        ({"ratelimit": "limit=100, remaining=0, reset=7", "ratelimit-policy": "100;w=60"}, Rate(100, 60, 0, 7.0)),
        ({"ratelimit-limit": "10, 10;w=1", "ratelimit-remaining": "9", "ratelimit-reset": "1"}, Rate(10, 1, 9, 1.0)),
        (
            {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH},
            Rate(5000, None, 0, 90.0),
        ),
        ({"x-rate-limit-limit": "15", "x-rate-limit-remaining": "3"}, Rate(15, None, 3, None)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH + "000"}, Rate(None, None, 0, 90.0)),
        ({"x-ratelimit-limit": "many", "ratelimit": "soon"}, None),
        ({"retry-after": "5"}, None),
    ],
)
def test_a_rate_is_read(headers: dict[str, str], expected: Rate | None) -> None:
    assert rate_of(headers, NOW) == expected


def test_nothing_left_means_a_pause_until_the_reset() -> None:
    assert Rate(10, 60, 0, 7.0).pause_s == 7.0
    assert Rate(10, 60, 1, 7.0).pause_s == Rate(10, 60, 0, None).pause_s == 0.0


def test_ends_are_read() -> None:
    """The examples of RFC 9745 2.1 and RFC 8594 3."""
    told = ending_of(
        {
            "deprecation": "@1688169599",
            "sunset": "Sun, 30 Jun 2024 23:59:59 GMT",
            "link": '<https://developer.example.com/deprecation>; rel="deprecation"; type="text/html"',
        }
    )
    assert told == Ending(
        datetime(2023, 6, 30, 23, 59, 59, tzinfo=UTC),
        datetime(2024, 6, 30, 23, 59, 59, tzinfo=UTC),
        "https://developer.example.com/deprecation",
    )
    assert ending_of({"deprecation": "true"}) is not None
    for nothing in ({}, {"sunset": "some day"}, {"deprecation": "@x"}, {"sunset": "Sun, 99 Foo 2024 GMT"}):
        assert ending_of(nothing) is None
    harmful = ending_of({"sunset": "Sun, 30 Jun 2024 23:59:59 GMT", "link": '<javascript:alert(1)>; rel="sunset"'})
    assert harmful is not None
    assert harmful.url == ""


@given(st.dictionaries(st.sampled_from(sorted(NAMES | {"link"})), st.text(max_size=60)))
def test_no_header_breaks_the_reader(headers: dict[str, str]) -> None:
    rate_of(headers, NOW)
    ending_of(headers)
