import pytest

from ipaas.core.durations import duration_in_words, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT30S", 30), ("PT0.5S", 0.5), ("P1DT2H3M4S", 93_784), ("P2W", 1_209_600), ("PT90M", 5_400)],
)
def test_durations_are_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1Y", "P1M", "1D", "PT1D", "P-1D", "P1DT", "PT1S ", "PT٣S"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_durations_read_well() -> None:
    assert duration_in_words(90_061) == "1 d 1 h 1 min 1 s"
    assert duration_in_words(0) == "0 s"
