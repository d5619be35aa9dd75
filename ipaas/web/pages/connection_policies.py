"""The policy of a connection: what is in effect and where each value comes from, and a form for its own values."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.catalog.registry import policy_of
from ipaas.policies.schema import CONNECTION_SCHEMA, policy_leaves
from ipaas.policies.settings import PLATFORM, Effective, merge
from ipaas.sdk.manifest import Manifest
from ipaas.web.pages.schema_fields import field_for, initial_for, value_for

PREFIX = "policy__"
GROUP_TITLES = {
    "retry": gettext_noop("Retry"),
    "rate": gettext_noop("Rate"),
    "breaker": gettext_noop("Breaker"),
    "capture": gettext_noop("Journal"),
}
ORIGINS = {
    "platform": gettext_noop("platform"),
    "connector": gettext_noop("connector"),
    "connection": gettext_noop("this connection"),
    "step": gettext_noop("step"),
}
TITLES = {
    "retry": gettext_noop("Retries"),
    "retry.max_attempts": gettext_noop("Attempts at most"),
    "retry.base_s": gettext_noop("First pause, s"),
    "retry.cap_s": gettext_noop("Longest pause, s"),
    "retry.budget_s": gettext_noop("Retried for at most, s"),
    "retry.doubt_s": gettext_noop("In doubt for at most, s"),
    "timeout_s": gettext_noop("Time for an attempt, s"),
    "rate": gettext_noop("Rate"),
    "rate.per_second": gettext_noop("Calls a second"),
    "rate.burst": gettext_noop("Calls at once"),
    "rate.daily_quota": gettext_noop("Calls a day"),
    "concurrency": gettext_noop("Calls side by side"),
    "breaker": gettext_noop("Breaker"),
    "breaker.window_s": gettext_noop("Looks back, s"),
    "breaker.min_calls": gettext_noop("Calls before it judges"),
    "breaker.failure_ratio": gettext_noop("Share of failures that opens it"),
    "breaker.open_s": gettext_noop("Stays open, s"),
    "breaker.half_open_probes": gettext_noop("Probes"),
    "breaker.ramp_s": gettext_noop("Back to full speed, s"),
    "capture.request": gettext_noop("Requests kept"),
    "capture.response": gettext_noop("Answers kept"),
}
OFF, OWN = "off", ""
Path = tuple[str, ...]


def effective_rows(effective: Effective) -> list[dict[str, str]]:
    """Name, value and origin of every setting; a group that is off is one line."""
    rows, off = [], set()
    for path, _node in policy_leaves():
        group = getattr(effective.settings, path[0])
        if len(path) > 1 and group is None:
            if path[0] not in off:
                off.add(path[0])
                rows.append(_row(path[0], _("off"), effective.origins.get(path[0], "platform")))
            continue
        value = group if len(path) == 1 else getattr(group, path[1])
        rows.append(_row(".".join(path), in_words(value), effective.origins.get(".".join(path), "platform")))
    return rows


def platform_rows() -> list[dict[str, str]]:
    """The platform's defaults, with what each is for."""
    effective = merge(PLATFORM, {}, {}, {})
    means = {".".join(path): _meaning(node) for path, node in policy_leaves()}
    means |= {name: _meaning(node) for name, node in CONNECTION_SCHEMA["properties"].items()}
    return [{**row, "meaning": means.get(row["name"], "")} for row in effective_rows(effective)]


def _meaning(node: Mapping[str, Any]) -> str:
    return _(node["description"]) if node.get("description") else ""


def _row(name: str, value: str, origin: str) -> dict[str, str]:
    return {"name": name, "title": setting_title(name), "value": value, "origin": _(ORIGINS[origin])}


def in_words(value: Any) -> str:
    """A setting as people write it: 30 s stays 30, not 30.0."""
    if value is None:
        return _("off")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return number_format(f"{value:g}") if isinstance(value, float) else str(value)


def add_policy_fields(form: forms.Form, manifest: Manifest, policy: Mapping[str, Any]) -> None:
    """One control per setting, empty where the connection says nothing of its own."""
    below = merge(PLATFORM, policy_of(manifest), {}, {})
    usual = {row["name"]: f"{row['value']} ({row['origin']})" for row in effective_rows(below)}
    for path, node in policy_leaves():
        group = CONNECTION_SCHEMA["properties"][path[0]]
        switch = field_name(path[:1])
        if len(path) > 1 and isinstance(group["type"], list) and switch not in form.fields:
            form.fields[switch] = _switch(path[0], group)
            form.initial[switch] = OFF if path[0] in policy and policy[path[0]] is None else OWN
        holder = policy if len(path) == 1 else (policy.get(path[0]) or {})
        shown = {
            **node,
            "description": _meaning(node),
            "title": setting_title(".".join(path)),
        }
        said = usual.get(".".join(path)) or usual.get(path[0], "")
        form.fields[field_name(path)] = field_for(path[-1], shown, required=False, usual=said)
        form.initial[field_name(path)] = initial_for(node, holder, path[-1])


def policy_from(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The policy object that the filled-in controls make."""
    policy: dict[str, Any] = {}
    for path, node in policy_leaves():
        given, value = value_for(node, cleaned.get(field_name(path)))
        if given:
            holder = policy if len(path) == 1 else policy.setdefault(path[0], {})
            holder[path[-1]] = value
    for name in CONNECTION_SCHEMA["properties"]:
        if cleaned.get(field_name((name,))) == OFF and name in GROUP_TITLES:
            policy[name] = None
    return policy


def field_name(path: Path) -> str:
    return PREFIX + "__".join(path)


def _switch(name: str, node: Mapping[str, Any]) -> forms.Field:
    return forms.ChoiceField(
        choices=[(OWN, _("as set here, else inherited")), (OFF, _("switched off"))],
        label=_(GROUP_TITLES[name]),
        help_text=_meaning(node),
        required=False,
    )


def setting_title(name: str) -> str:
    """``Retry · attempts at most``: what people call a setting."""
    group, _dot, leaf = name.partition(".")
    title = _(TITLES[name])
    return f"{_(GROUP_TITLES[group])} · {title}" if leaf else title
