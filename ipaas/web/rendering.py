"""HTML made in Python: JSON trees, sparklines and the words for times, durations and states."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

MAX_NODES = 2_000
"""A tree shows at most this many values; the download has the rest."""
OPEN_LEVELS = 2
MASK_START = "‹redacted"


class StateLook(NamedTuple):
    """How a state is shown: always a tone, an icon and a word together."""

    tone: str
    icon: str
    word: str


STATES: Mapping[str, StateLook] = {
    "held": StateLook("wait", "paused", "Held"),
    "queued": StateLook("idle", "queued", "Queued"),
    "running": StateLook("run", "running", "Running"),
    "waiting": StateLook("wait", "waiting", "Waiting"),
    "retrying": StateLook("wait", "replay", "Retrying"),
    "compensating": StateLook("undo", "compensating", "Compensating"),
    "compensated": StateLook("undo", "compensating", "Compensated"),
    "succeeded": StateLook("ok", "ok", "Succeeded"),
    "failed": StateLook("bad", "failed", "Failed"),
    "dead": StateLook("bad", "dead", "Dead letter"),
    "needs_operator": StateLook("bad", "operator", "Needs operator"),
    "unknown": StateLook("bad", "unknown", "Outcome unknown"),
    "cancelled": StateLook("idle", "cancelled", "Cancelled"),
    "discarded": StateLook("idle", "discarded", "Discarded"),
    "skipped": StateLook("idle", "skipped", "Skipped"),
    "recorded": StateLook("accent", "record", "From record"),
    "called_again": StateLook("wait", "call", "Called again"),
    "called": StateLook("wait", "call", "Called"),
    "stays": StateLook("idle", "record", "Stays"),
    "stopped": StateLook("idle", "cancelled", "Stopped"),
    "done": StateLook("ok", "ok", "Done"),
    "replayed": StateLook("accent", "replay", "Replayed"),
    "resumed": StateLook("accent", "resume", "Resumed"),
    "pending": StateLook("idle", "waiting", "Not started"),
    "computed": StateLook("idle", "map", "Computed again"),
    "active": StateLook("ok", "ok", "Active"),
    "paused": StateLook("wait", "paused", "Paused"),
    "disabled": StateLook("idle", "cancelled", "Disabled"),
    "draft": StateLook("idle", "draft", "Draft"),
    "published": StateLook("ok", "published", "Published"),
    "deprecated": StateLook("wait", "calendar", "Deprecated"),
    "healthy": StateLook("ok", "ok", "Healthy"),
    "degraded": StateLook("wait", "warning", "Degraded"),
    "failing": StateLook("bad", "failed", "Failing"),
    "idle": StateLook("idle", "waiting", "No runs today"),
    "archived": StateLook("idle", "discarded", "Archived"),
    "accepted": StateLook("run", "queued", "Accepted"),
    "processed": StateLook("ok", "ok", "Processed"),
    "unmatched": StateLook("wait", "unknown", "No flow for it"),
    "conflict": StateLook("bad", "warning", "Id reused"),
    "breaker_closed": StateLook("ok", "bolt", "Breaker closed"),
    "breaker_half_open": StateLook("wait", "bolt", "Breaker half-open"),
    "breaker_open": StateLook("bad", "breaker-open", "Breaker open"),
    "delivered": StateLook("ok", "ok", "Delivered"),
    "approved": StateLook("ok", "ok", "Approved"),
    "rejected": StateLook("bad", "failed", "Rejected"),
    "open": StateLook("wait", "waiting", "Open"),
    "expired": StateLook("idle", "waiting", "Expired"),
    "revoked": StateLook("bad", "cancelled", "Revoked"),
    "ok": StateLook("ok", "ok", "Done"),
    "denied": StateLook("bad", "lock", "Denied"),
    "verified": StateLook("ok", "validate", "Verified"),
    "broken": StateLook("bad", "warning", "Chain broken"),
}


def state_look(name: str) -> StateLook:
    """Look of a state; an unknown name is shown as it is, in grey."""
    return STATES.get(name) or StateLook("idle", "info", name.replace("_", " ").capitalize())


def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite (see static/src/icons.json), hidden from screen readers: a word always stands beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("dist/icons.svg"),
        name,
    )


def relative_time(moment: datetime, now: datetime) -> str:
    """``3 min ago``, ``in 2 h``; the browser keeps it true with the same wording."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 5:
        return "just now"
    limit_unit_name = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (math.inf, 86400, "d"))
    unit, name = next((unit, name) for limit, unit, name in limit_unit_name if size < limit)
    text = f"{int(size // unit)} {name}"
    return f"in {text}" if seconds < 0 else f"{text} ago"


def duration(milliseconds: float | None) -> str:
    """``340 ms``, ``2.4 s``, ``3 min 05 s``, ``2 h 10 min``; a dash for none."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def sparkline(values: Sequence[float], tone: str = "accent", label: str = "") -> SafeString:
    """A small line chart as SVG; ``label`` says in words what it shows."""
    if len(values) < 2:
        return mark_safe("")
    top = max(values) or 1
    points = [
        f"{index * 100 / (len(values) - 1):.1f},{28 - 26 * float(value) / float(top):.1f}"
        for index, value in enumerate(values)
    ]
    line = " ".join(points)
    return format_html(
        '<svg class="spark" data-tone="{}" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polygon class="area" points="0,30 {} 100,30"></polygon><polyline points="{}"'
        ' vector-effect="non-scaling-stroke"></polyline></svg>',
        tone,
        label or "trend",
        line,
        line,
    )


class _Budget:
    def __init__(self, nodes: int) -> None:
        self.left = nodes

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def json_tree(value: object, *, open_levels: int = OPEN_LEVELS) -> SafeString:
    """A JSON value as nested ``<details>``; masked values carry a lock; at most ``MAX_NODES`` values."""
    budget = _Budget(MAX_NODES)
    body = _node(None, value, open_levels, budget)
    more = "" if budget.left >= 0 else mark_safe('<li class="size">more values are left out here</li>')
    return format_html('<div class="json" tabindex="0" role="group" aria-label="Data"><ul>{}{}</ul></div>', body, more)


def _key(key: str | int | None) -> SafeString | str:
    return "" if key is None else format_html('<span class="key">{}</span>: ', key)


def _node(key: str | int | None, value: object, levels: int, budget: _Budget) -> SafeString:
    if not budget.spend():
        return mark_safe("")
    pairs: list[tuple[str | int, object]]
    if isinstance(value, Mapping) and value:
        pairs, size = list(value.items()), f"{len(value)} field{'s' * (len(value) != 1)}"
    elif isinstance(value, list | tuple) and value:
        pairs, size = list(enumerate(value)), f"{len(value)} item{'s' * (len(value) != 1)}"
    else:
        return format_html('<li class="leaf">{}{}</li>', _key(key), _leaf(value))
    children = format_html_join("", "{}", ((_node(name, item, levels - 1, budget),) for name, item in pairs))
    if key is None:
        return format_html(
            '<li><details open><summary><span class="size">{}</span></summary><ul>{}</ul></details></li>',
            size, children,
        )  # fmt: skip
    return format_html(
        '<li><details{}><summary>{}<span class="size">{}</span></summary><ul>{}</ul></details></li>',
        mark_safe(" open") if levels > 0 else "",
        _key(key), size, children,
    )  # fmt: skip


def _leaf(value: object) -> SafeString:
    if isinstance(value, str):
        if value.startswith(MASK_START):
            return format_html(
                '<span class="masked" title="Masked; equal values have the same mark">{} {}</span>',
                icon("lock"), value.strip("‹›"),
            )  # fmt: skip
        return format_html('<span class="str">"{}"</span>', value)
    if isinstance(value, bool) or value is None:
        return format_html('<span class="lit">{}</span>', {True: "true", False: "false", None: "null"}[value])
    if isinstance(value, int | float | Decimal):
        return format_html('<span class="lit">{}</span>', str(value))
    return format_html('<span class="lit">{}</span>', "{}" if isinstance(value, Mapping) else "[]")
