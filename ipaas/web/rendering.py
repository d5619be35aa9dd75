"""HTML made in Python: JSON trees, sparklines and the words for times, durations and states."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from django.templatetags.static import static
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

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
    "held": StateLook("wait", "paused", gettext_noop("Held")),
    "queued": StateLook("idle", "queued", gettext_noop("Queued")),
    "running": StateLook("run", "running", gettext_noop("Running")),
    "waiting": StateLook("wait", "waiting", gettext_noop("Waiting")),
    "retrying": StateLook("wait", "replay", gettext_noop("Retrying")),
    "compensating": StateLook("undo", "compensating", gettext_noop("Compensating")),
    "compensated": StateLook("undo", "compensating", gettext_noop("Compensated")),
    "succeeded": StateLook("ok", "ok", gettext_noop("Succeeded")),
    "failed": StateLook("bad", "failed", gettext_noop("Failed")),
    "dead": StateLook("bad", "dead", gettext_noop("Dead letter")),
    "needs_operator": StateLook("bad", "operator", gettext_noop("Needs operator")),
    "unknown": StateLook("bad", "unknown", gettext_noop("Outcome unknown")),
    "cancelled": StateLook("idle", "cancelled", gettext_noop("Cancelled")),
    "discarded": StateLook("idle", "discarded", gettext_noop("Discarded")),
    "skipped": StateLook("idle", "skipped", gettext_noop("Skipped")),
    "recorded": StateLook("accent", "record", gettext_noop("From record")),
    "called_again": StateLook("wait", "call", gettext_noop("Called again")),
    "called": StateLook("wait", "call", gettext_noop("Called")),
    "stays": StateLook("idle", "record", gettext_noop("Stays")),
    "stopped": StateLook("idle", "cancelled", gettext_noop("Stopped")),
    "done": StateLook("ok", "ok", gettext_noop("Done")),
    "replayed": StateLook("accent", "replay", gettext_noop("Replayed")),
    "resumed": StateLook("accent", "resume", gettext_noop("Resumed")),
    "pending": StateLook("idle", "waiting", gettext_noop("Not started")),
    "computed": StateLook("idle", "map", gettext_noop("Computed again")),
    "active": StateLook("ok", "ok", gettext_noop("Active")),
    "paused": StateLook("wait", "paused", gettext_noop("Paused")),
    "disabled": StateLook("idle", "cancelled", gettext_noop("Disabled")),
    "draft": StateLook("idle", "draft", gettext_noop("Draft")),
    "published": StateLook("ok", "published", gettext_noop("Published")),
    "deprecated": StateLook("wait", "calendar", gettext_noop("Deprecated")),
    "healthy": StateLook("ok", "ok", gettext_noop("Healthy")),
    "degraded": StateLook("wait", "warning", gettext_noop("Degraded")),
    "failing": StateLook("bad", "failed", gettext_noop("Failing")),
    "idle": StateLook("idle", "waiting", gettext_noop("No runs today")),
    "archived": StateLook("idle", "discarded", gettext_noop("Archived")),
    "accepted": StateLook("run", "queued", gettext_noop("Accepted")),
    "processed": StateLook("ok", "ok", gettext_noop("Processed")),
    "unmatched": StateLook("wait", "unknown", gettext_noop("No flow for it")),
    "conflict": StateLook("bad", "warning", gettext_noop("Id reused")),
    "repeated": StateLook("idle", "replay", gettext_noop("Repeated")),
    "challenge": StateLook("idle", "info", gettext_noop("Challenge")),
    "breaker_closed": StateLook("ok", "bolt", gettext_noop("Breaker closed")),
    "breaker_half_open": StateLook("wait", "bolt", gettext_noop("Breaker half-open")),
    "breaker_open": StateLook("bad", "breaker-open", gettext_noop("Breaker open")),
    "delivered": StateLook("ok", "ok", gettext_noop("Delivered")),
    "in_review": StateLook("wait", "approvals", gettext_noop("In review")),
    "returned": StateLook("bad", "replay", gettext_noop("Returned")),
    "withdrawn": StateLook("idle", "cancelled", gettext_noop("Withdrawn")),
    "superseded": StateLook("idle", "discarded", gettext_noop("Superseded")),
    "outdated": StateLook("bad", "warning", gettext_noop("Draft changed since")),
    "warning": StateLook("wait", "warning", gettext_noop("Worth a look")),
    "passed": StateLook("ok", "ok", gettext_noop("Passed")),
    "undecided": StateLook("wait", "unknown", gettext_noop("Undecided")),
    "not_applicable": StateLook("idle", "skipped", gettext_noop("Does not apply")),
    "approved": StateLook("ok", "ok", gettext_noop("Approved")),
    "rejected": StateLook("bad", "failed", gettext_noop("Rejected")),
    "open": StateLook("wait", "waiting", gettext_noop("Open")),
    "expired": StateLook("idle", "waiting", gettext_noop("Expired")),
    "invited": StateLook("idle", "info", gettext_noop("Invited")),
    "replaced": StateLook("idle", "info", gettext_noop("Replaced")),
    "refused": StateLook("idle", "info", gettext_noop("Refused")),
    "revoked": StateLook("bad", "cancelled", gettext_noop("Revoked")),
    "ok": StateLook("ok", "ok", gettext_noop("Done")),
    "denied": StateLook("bad", "lock", gettext_noop("Denied")),
    "verified": StateLook("ok", "validate", gettext_noop("Verified")),
    "not_used_yet": StateLook("idle", "info", gettext_noop("Not used yet")),
    "breaker_recovering": StateLook("wait", "bolt", gettext_noop("Breaker recovering")),
    "breaker_off": StateLook("idle", "info", gettext_noop("Breaker off")),
    "breaker_not_known": StateLook("idle", "info", gettext_noop("Breaker not known")),
    "retired": StateLook("idle", "info", gettext_noop("Retired")),
    "retired_still_accepted": StateLook("idle", "info", gettext_noop("Retired still accepted")),
    "broken": StateLook("bad", "warning", gettext_noop("Chain broken")),
    "compatible": StateLook("ok", "ok", gettext_noop("Compatible")),
    "incompatible": StateLook("bad", "failed", gettext_noop("Not compatible")),
}


def state_look(name: str) -> StateLook:
    """Look of a state; an unknown name is shown as it is, in grey."""
    look = STATES.get(name)
    if look is None:
        return StateLook("idle", "info", name.replace("_", " ").capitalize())
    return look._replace(word=_(look.word))


def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite (see static/src/icons.json), hidden from screen readers: a word always stands beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("dist/icons.svg"),
        name,
    )


_UNITS = (
    (60, 1, gettext_noop("s")),
    (3600, 60, gettext_noop("min")),
    (86400, 3600, gettext_noop("h")),
    (math.inf, 86400, gettext_noop("d")),
)


def relative_time(moment: datetime, now: datetime) -> str:
    """``3 min ago``, ``in 2 h``; the browser keeps it true with the same wording."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 5:
        return _("just now")
    unit, name = next((unit, name) for limit, unit, name in _UNITS if size < limit)
    said = _("in %(amount)s") if seconds < 0 else _("%(amount)s ago")
    return said % {"amount": f"{int(size // unit)} {_(name)}"}


def exact_time(moment: datetime) -> str:
    """``2026-11-29 13:05:09 UTC``, as the language writes dates."""
    return f"{date_format(moment.astimezone(UTC), 'DATETIME_FORMAT')} UTC"


def number(value: float | Decimal, places: int | None = None) -> str:
    """A number with its thousands grouped: ``1,240.5``."""
    text = f"{value:g}" if isinstance(value, float) and places is None else value
    return number_format(text, places, force_grouping=True)


def duration(milliseconds: float | None) -> str:
    """``340 ms``, ``2.4 s``, ``3 min 05 s``, ``2 h 10 min``; a dash for none."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{number(seconds, 1)} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    day = _("d")
    return f"{hours // 24} {day} {hours % 24} h"


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
        label or _("trend"),
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
    more = "" if budget.left >= 0 else format_html('<li class="size">{}</li>', _("more values are left out here"))
    return format_html(
        '<div class="json" tabindex="0" role="group" aria-label="{}"><ul>{}{}</ul></div>', _("Data"), body, more
    )


def _key(key: str | int | None) -> SafeString | str:
    return "" if key is None else format_html('<span class="key">{}</span>: ', key)


def _node(key: str | int | None, value: object, levels: int, budget: _Budget) -> SafeString:
    if not budget.spend():
        return mark_safe("")
    pairs: list[tuple[str | int, object]]
    if isinstance(value, Mapping) and value:
        pairs, count = list(value.items()), len(value)
        size = ngettext("{count} field", "{count} fields", count).format(count=count)
    elif isinstance(value, list | tuple) and value:
        pairs, count = list(enumerate(value)), len(value)
        size = ngettext("{count} item", "{count} items", count).format(count=count)
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
                '<span class="masked" title="{}">{} {}</span>',
                _("Masked; equal values have the same mark"), icon("lock"), value.strip("‹›"),
            )  # fmt: skip
        return format_html('<span class="str">"{}"</span>', value)
    if isinstance(value, bool) or value is None:
        return format_html('<span class="lit">{}</span>', {True: "true", False: "false", None: "null"}[value])
    if isinstance(value, int | float | Decimal):
        return format_html('<span class="lit">{}</span>', str(value))
    return format_html('<span class="lit">{}</span>', "{}" if isinstance(value, Mapping) else "[]")
