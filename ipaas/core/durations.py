"""ISO 8601 durations in documents: weeks, days, hours, minutes, seconds (never months: they have no length)."""

import re

from ipaas.core.phrases import said

_FORM = re.compile(
    r"P(?:(?P<w>[0-9]{1,6})W)?(?:(?P<d>[0-9]{1,6})D)?"
    r"(?:T(?:(?P<h>[0-9]{1,6})H)?(?:(?P<m>[0-9]{1,6})M)?(?:(?P<s>[0-9]{1,9}(?:\.[0-9]{1,6})?)S)?)?"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse_duration(text: str) -> float:
    """Seconds of ``P1DT2H``; raises ``ValueError`` for anything else, an empty ``P`` or ``PT`` too."""
    match = _FORM.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        message = said("{text!r} is not a duration such as PT30S, PT5M or P1D", text=text[:40])
        raise ValueError(message)
    return sum(float(value) * _SECONDS[unit] for unit, value in match.groupdict().items() if value is not None)


def seconds_or(text: str, default: float) -> float:
    """Seconds of a duration; ``default`` for what is none (which is told elsewhere)."""
    try:
        return parse_duration(text)
    except ValueError:
        return default


def duration_in_words(seconds: float) -> str:
    """``90061`` as ``1 d 1 h 1 min 1 s``."""
    parts, rest = [], seconds
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{int(count)} {name}")
    if rest or not parts:
        parts.append(f"{rest:g} s")
    return " ".join(parts)
