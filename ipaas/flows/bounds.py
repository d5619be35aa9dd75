"""How large and how long parts of a flow may be."""

from collections.abc import Iterator
from typing import Any

from ipaas.core.document_forms import Finding
from ipaas.core.durations import duration_in_words, parse_duration
from ipaas.core.phrases import said

DAY_S = 86_400.0
DEFAULT_DEADLINE_S = 7 * DAY_S
MAX_DEADLINE_S = 366 * DAY_S
MAX_WAIT_S = 366 * DAY_S
MAX_EXPIRY_S = 90 * DAY_S
MIN_POLL_S = 10.0
MAX_STEPS = 300
MAX_NESTING = 12
DEFAULT_MAX_ITEMS = 1000


def duration_findings(text: str, path: str, *, high: float, low: float = 0.001) -> Iterator[Finding]:
    """Problems of a duration, which must lie between ``low`` and ``high`` seconds."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        yield Finding(path, "flow.duration", error.args[0])
        return
    if not low <= seconds <= high:
        least = said("more than nothing") if low < 1 else said("at least {least}", least=duration_in_words(low))
        yield Finding(
            path,
            "flow.duration_range",
            said("must be {least} and at most {most}", least=least, most=duration_in_words(high)),
        )


def policy_findings(policy: dict[str, Any], path: str) -> Iterator[Finding]:
    """What the JSON Schema can not say of a step's policy overrides."""
    retry = policy.get("retry", {})
    if "base_s" in retry and "cap_s" in retry and retry["cap_s"] < retry["base_s"]:
        yield Finding(f"{path}/retry/cap_s", "flow.policy", said("the longest delay is below the first one (base_s)"))
