"""Tags of the pages: icons, states, times, data. Built in: templates need no ``load``."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from ipaas.accounts.single_signon import Provider, provider
from ipaas.core import clock
from ipaas.core.phrases import in_words
from ipaas.web import rendering
from ipaas.web.i18n.errors import title_of, told

register = template.Library()
AXIS = 1000
register.filter("error_title", title_of)
register.filter("told", told)
register.filter("in_words", in_words)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """``{% icon "search" %}``; ``extra`` is a class: icon-sm, icon-lg."""
    return rendering.icon(name, extra)


@register.simple_tag
def state(name: str, word: str = "") -> SafeString:
    """``{% state run.status %}``: icon, word and tone of a state; ``word`` replaces the usual one."""
    look = rendering.state_look(name)
    return format_html(
        '<span class="state" data-tone="{}">{}{}</span>', look.tone, rendering.icon(look.icon), word or look.word
    )


@register.filter
def state_word(name: str) -> str:
    return rendering.state_look(name).word


@register.filter
def state_tone(name: str) -> str:
    return rendering.state_look(name).tone


@register.filter
def state_icon(name: str) -> str:
    return rendering.state_look(name).icon


@register.simple_tag
def timeago(moment: datetime | None, empty: str = "–") -> SafeString:
    """Relative time with the exact UTC time on hover; ``empty`` for none."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    return format_html(
        '<time class="nowrap" data-relative datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        rendering.exact_time(moment),
        rendering.relative_time(moment, clock.now()),
    )


@register.filter
def duration(milliseconds: float | None) -> str:
    return rendering.duration(milliseconds)


@register.filter
def money(minor: int, currency: str) -> str:
    """Minor units as an amount of a two-decimal currency: ``{{ 129900|money:"EUR" }}``."""
    return f"{rendering.number(Decimal(minor) / 100, 2)} {currency}"


@register.simple_tag
def json_tree(value: object, open_levels: int = rendering.OPEN_LEVELS) -> SafeString:
    return rendering.json_tree(value, open_levels=open_levels)


@register.simple_tag
def sparkline(values: Sequence[float], tone: str = "accent", label: str = "") -> SafeString:
    return rendering.sparkline(values, tone, label)


@register.filter
def chart_rows(spec: Mapping[str, Any]) -> list[tuple[datetime, tuple[Any, ...]]]:
    """The figures of a chart, newest first: when, and the value of each series."""
    columns = zip(*(one["values"] for one in spec["series"]), strict=True)
    rows = zip(spec["x"], columns, strict=True)
    return [(datetime.fromtimestamp(moment, UTC), values) for moment, values in rows][::-1]


@register.simple_tag
def bar(offset_ms: float, length_ms: float | None, window_ms: float, tone: str, words: str = "") -> SafeString:
    """One bar of the waterfall as SVG: where a step lies on the run's time axis (at least visible); words on hover."""
    window = max(float(window_ms), 1.0)
    left = min(max(offset_ms / window, 0.0), 1.0) * AXIS
    width = max((length_ms or 0.0) / window * AXIS, 6.0)
    left = min(left, AXIS - width) if left + width > AXIS else left
    title = format_html("<title>{}</title>", words) if words else ""
    return format_html('<rect data-tone="{}" x="{}%" width="{}%" y="2" height="12">{}</rect>',
                       tone, f"{max(left, 0) / 10:.2f}", f"{min(width, AXIS) / 10:.2f}", title)  # fmt: skip


@register.simple_tag
def share_bar(*pairs: Any, label: str = "") -> SafeString:
    """``{% share_bar "ok" 80 "bad" 3 label="…" %}``: parts of a whole as one bar."""
    tones, sizes = pairs[::2], [float(size or 0) for size in pairs[1::2]]
    total, at = sum(sizes) or 1.0, 0.0
    parts = SafeString("")
    for tone, size in zip(tones, sizes, strict=True):
        parts += format_html('<rect data-tone="{}" x="{}%" width="{}%" height="8"></rect>',
                             tone, f"{at / total * 100:.2f}", f"{size / total * 100:.2f}")  # fmt: skip
        at += size
    return format_html('<svg class="share" role="img" aria-label="{}">{}</svg>', label, parts)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: object) -> str:
    """The present query string with changes; an empty value removes a parameter."""
    request = context.get("request")
    params = {} if request is None else {key: request.GET.getlist(key) for key in request.GET}
    for key, value in changes.items():
        params[key] = [] if value in ("", None) else [str(value)]
    return "?" + urlencode([(key, item) for key, items in params.items() for item in items])


@register.simple_tag(takes_context=True)
def dialog_open(context: template.Context, name: str) -> bool:
    """Whether ``?dialog=name`` asks for this dialog: how it opens without scripts."""
    request = context.get("request")
    return request is not None and request.GET.get("dialog") == name


@register.filter
def findings_json(findings: Sequence[Any], name: str) -> SafeString:
    """Findings as the JSON script the editor of this name reads."""
    places = [
        {"line": item.line or 1, "column": item.column or 1, "severity": item.severity, "message": item.message}
        for item in findings
    ]
    return json_script(places, f"editor-{name}-findings")


@register.simple_tag
def form_control(field: BoundField) -> SafeString:
    """A form's field with the look and the accessible state of the pages' controls."""
    widget = field.field.widget
    base = {"Select": "form-select", "CheckboxInput": "form-check-input"}.get(type(widget).__name__, "form-control")
    return field.as_widget(attrs={"class": f"{widget.attrs.get('class', '')} {base}".strip()})


@register.simple_tag
def single_signon() -> Provider | None:
    """The provider that the sign-in page offers."""
    return provider()
