"""How large and how long parts of a flow may be."""

from collections.abc import Iterator
from typing import Any

from ipaas.core.document_forms import Finding
from ipaas.core.durations import duration_in_words, parse_duration

DAY_S = 86_400.0
DEFAULT_DEADLINE_S = 7 * DAY_S
MAX_DEADLINE_S = 366 * DAY_S
MAX_WAIT_S = 366 * DAY_S
MAX_EXPIRY_S = 90 * DAY_S
MAX_TIMEOUT_S = 600.0
MAX_RETRY_S = 7 * DAY_S
MIN_POLL_S = 10.0
MAX_STEPS = 300
MAX_NESTING = 12
DEFAULT_MAX_ITEMS = 1000


def duration_findings(text: str, path: str, *, high: float, low: float = 0.001) -> Iterator[Finding]:
    """Problems of a duration, which must lie between ``low`` and ``high`` seconds."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        yield Finding(path, "flow.duration", str(error))
        return
    if not low <= seconds <= high:
        least = "more than nothing" if low < 1 else f"at least {duration_in_words(low)}"
        yield Finding(path, "flow.duration_range", f"must be {least} and at most {duration_in_words(high)}")


def policy_findings(policy: dict[str, Any], path: str) -> Iterator[Finding]:
    """Problems of a step's policy overrides."""
    if "timeout" in policy:
        yield from duration_findings(policy["timeout"], f"{path}/timeout", high=MAX_TIMEOUT_S)
    retry = policy.get("retry", {})
    for key in ("base", "cap", "budget"):
        if key in retry:
            yield from duration_findings(retry[key], f"{path}/retry/{key}", high=MAX_RETRY_S)


def policy_in_seconds(policy: dict[str, Any]) -> dict[str, Any]:
    """A valid policy in seconds: ``timeout_s``, ``retry: {max_attempts, base_s, cap_s, budget_s, classes}``."""
    settled: dict[str, Any] = {}
    if "timeout" in policy:
        settled["timeout_s"] = parse_duration(policy["timeout"])
    if "retry" in policy:
        settled["retry"] = {
            (f"{key}_s" if key in ("base", "cap", "budget") else key): (
                parse_duration(value) if key in ("base", "cap", "budget") else value
            )
            for key, value in policy["retry"].items()
        }
    return settled
