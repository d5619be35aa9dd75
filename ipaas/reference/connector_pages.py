"""A page for each connector of the product, made from its manifest and its README."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ipaas.config import ROOT
from ipaas.core import yamlio
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import load_all
from ipaas.sdk.manifest import ActionSpec, AuthScheme, ErrorRule, Manifest, TriggerSpec

FOLDER = Path(ROOT) / "connectors"
_INDEX = """\
# Connectors

What comes with the product. A connector's operations are called by steps of a [flow](../flow-document.md) over a
connection, which holds address, credential and limits. A folder of your own beside these is a connector too: see
[the manifest](../connector-manifest.md).

| connector | slug | category | what it does |
|---|---|---|---|
"""
# Effect → what a repetition does, in the words of docs/explanation/calls.md.
_EFFECTS = {
    "safe": "changes nothing; simply made again",
    "keyed": "made again with the same key, which the other side recognises",
    "lookup": "looked up before it is made again",
    "unkeyed": "never made again by itself: an operator says what happened",
}


def connector_pages() -> dict[str, str]:
    """Name below ``docs/reference`` → Markdown."""
    found = load_all([FOLDER], installed=False)
    rows = "".join(_index_row(one.manifest) for _, one in sorted(found.items()))
    pages = {f"connectors/{slug}.md": _page(one) for slug, one in sorted(found.items())}
    return {"connectors/index.md": _INDEX + rows, **pages}


def _index_row(manifest: Manifest) -> str:
    slug = manifest.slug
    return f"| [{manifest.title}]({slug}.md) | `{slug}` | {manifest.category} | {manifest.summary} |\n"


def _page(connector: Connector) -> str:
    manifest = connector.manifest
    parts = [
        (FOLDER / manifest.slug / "README.md").read_text("utf-8").rstrip() + "\n",
        *_facts(manifest),
        "## Authentication\n",
        *(_auth(scheme) for scheme in manifest.auth.values()),
        *_settings(manifest),
        "## Operations\n",
        *(part for action in manifest.actions.values() for part in _action(action)),
    ]
    if manifest.triggers:
        parts += ["## Triggers\n", *(part for trigger in manifest.triggers.values() for part in _trigger(trigger))]
    parts += ["## Errors\n", _errors(manifest.errors)]
    parts += ["## Stand-in\n", _stand_in(manifest)]
    return "\n".join(parts).rstrip() + "\n"


def _facts(manifest: Manifest) -> Iterator[str]:
    limit = manifest.rate_limit
    rows = {
        "slug": f"`{manifest.slug}`",
        "version": manifest.version,
        "vendor": manifest.vendor,
        "API version": manifest.api_version,
        "ends on": manifest.api_sunset,
        "changes": f"<{manifest.changelog_url}>" if manifest.changelog_url else "",
        "protocol": manifest.protocol,
        "addresses": ", ".join(f"{name}: `{url}`" for name, url in manifest.base_urls.items()),
        "rate": f"{limit.rate:g} a second, {limit.burst or limit.rate:g} at once" if limit else "no limit of its own",
        "quota": f"{limit.daily_quota:,} calls a day" if limit and limit.daily_quota else "",
        "calls under way": f"{manifest.concurrency} at once" if manifest.concurrency else "no limit of its own",
        "timeout": f"{manifest.timeout_s:g} s" if manifest.timeout_s else "that of the policy",
        "masked": ", ".join(f"`{path}`" for path in manifest.sensitive),
        "test of a connection": f"`{manifest.test_action}`" if manifest.test_action else "none",
    }  # fmt: skip
    yield "## At a glance\n\n| | |\n|---|---|"
    yield "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)
    yield "\nLimits and timeout are defaults: a connection may set its own, see [policies](../policies.md).\n"


def _auth(scheme: AuthScheme) -> str:
    fields = ", ".join(f"`{one.name}` ({one.title}{', optional' if one.optional else ''})" for one in scheme.fields)
    where = f" Sent as {scheme.location} `{scheme.parameter}`." if scheme.parameter else ""
    if scheme.send_body:
        places = ", ".join(f"`{path}`" for path in scheme.send_body)
        where = f" Goes into the body at {places}, once the request is on its way."
    entered = f" The secret holds {fields}." if fields else " No secret."
    return f"- **{scheme.title or scheme.name}** (`{scheme.name}`, {scheme.type}).{entered}{where}\n"


def _settings(manifest: Manifest) -> Iterator[str]:
    if manifest.config_schema.get("properties"):
        yield "## Settings of a connection\n"
        yield _properties(manifest.config_schema)


def _action(action: ActionSpec) -> Iterator[str]:
    yield f"### `{action.name}`\n\n{action.title}. {' '.join(action.doc.split())}\n"
    way = [f"`{action.method} {action.path}`"] if action.method else []
    effect = _EFFECTS.get(action.effect)
    way.append(f"effect **{action.effect}**: {effect}" if effect else f"effect by setting: `{action.effect}`")
    if action.pagination:
        way.append(f"`all_pages` follows the pages, at most {action.pagination.max_pages}")
    if action.scopes:
        way.append(f"needs {', '.join(f'`{one}`' for one in action.scopes)}")
    if action.compensated_by:
        way.append(f"undone by `{action.compensated_by.action}`")
    if action.timeout_s:
        way.append(f"timeout {action.timeout_s:g} s")
    yield "".join(f"- {one}\n" for one in way)
    yield _properties(action.params_schema)
    if action.params_example:
        yield f"```yaml\n{yamlio.dump({'action': action.name, 'with': dict(action.params_example)}).rstrip()}\n```\n"
    if action.errors:
        yield _errors(action.errors)


def _trigger(trigger: TriggerSpec) -> Iterator[str]:
    yield f"### `{trigger.name}`\n\n{trigger.title}, by {trigger.kind}. {trigger.doc}\n"
    if trigger.action:
        yield f"Polls with `{trigger.action}`; each item becomes the event `{trigger.event}`.\n"
    if trigger.subscription:
        calls = trigger.subscription
        yield f"Subscribed by `{calls.create.action}`, ended by `{calls.delete.action}`.\n"
    if trigger.events:
        rows = "".join(f"| `{one.name}` | {one.title} |\n" for one in trigger.events.values())
        yield f"| event | meaning |\n|---|---|\n{rows}"


def _properties(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        f"| {f'**`{name}`**' if name in required else f'`{name}`'} | {_kind(schema, part)} | {_words(part)} |"
        for name, part in schema.get("properties", {}).items()
    ]
    return "\n".join(["| name (**required**) | value | meaning |", "|---|---|---|", *rows]) + "\n" if rows else ""


def _kind(schema: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        return _kind(schema, schema.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {}))
    if "enum" in part:
        return ", ".join(f"`{json.dumps(one)}`" for one in part["enum"])
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_kind(schema, one) for one in part["anyOf"]))
    kind = part.get("type", "any value")
    if kind == "array":
        return f"list of {_kind(schema, part.get('items', {}))}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _words(part: Mapping[str, Any]) -> str:
    """Title, description, bounds and default of one value."""
    bounds = [
        f"{word} {part[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("minLength", "from"), ("maxLength", "up to"))
        if key in part and part[key] not in (0, "")
    ]
    unit = " characters" if "maxLength" in part else ""
    told = [part.get("title", ""), part.get("description", ""), " ".join(bounds) + unit if bounds else ""]
    told.append(f"default `{json.dumps(part['default'])}`" if "default" in part else "")
    told.append("masked where it is shown" if part.get("x-sensitive") else "")
    return "; ".join(one.rstrip(".") for one in told if one).replace("|", "\\|")


def _errors(rules: tuple[ErrorRule, ...]) -> str:
    if not rules:
        return "No rules of its own: [the platform's table](../error-classes.md) classifies answers.\n"
    rows = "".join(
        f"| {_condition(rule)} | `{rule.error_class}` | {f'`{rule.code}`' if rule.code else ''} | {_applied(rule)} |\n"
        for rule in rules
    )
    return f"| when | class | code | has it happened? |\n|---|---|---|---|\n{rows}"


def _condition(rule: ErrorRule) -> str:
    told = []
    if rule.statuses:
        told.append("HTTP " + ", ".join(map(str, sorted(rule.statuses))))
    if rule.status_class:
        told.append(f"HTTP {rule.status_class}xx")
    subject = f"`{rule.path}`" if rule.path else f"header `{rule.header}`" if rule.header else ""
    if rule.equals:
        told.append(f"{subject} is " + ", ".join(f"`{one}`" for one in rule.equals))
    if rule.regex:
        told.append(f"{subject} matches `{rule.regex}`".replace("|", "\\|"))
    if rule.present is not None:
        told.append(f"{subject} is {'there' if rule.present else 'absent'}")
    return " and ".join(told)


def _applied(rule: ErrorRule) -> str:
    if not rule.applied_given:
        return ""
    return {True: "yes", False: "no"}.get(rule.applied, "unknown") if rule.applied is not None else "unknown"


def _stand_in(manifest: Manifest) -> str:
    operations = manifest.stub.get("operations", {})
    if not operations:
        return "None is described by the manifest.\n"
    rows = "".join(f"| `{name}` | {_deed(spec)} |\n" for name, spec in operations.items())
    return (
        "For trying out and for tests: it keeps state and a ledger of what reached it, and takes "
        "[faults](../../how-to/demo.md).\n\n"
        f"| operation | what it does |\n|---|---|\n{rows}"
    )


def _deed(spec: Mapping[str, Any]) -> str:
    deed = f"{spec.get('do', 'reply')} {spec.get('entity', '')}".strip()
    conditions = [f"`{one['when']}`".replace("|", "\\|") for one in spec.get("reject", ()) if "when" in one]
    return deed + (f"; refuses when {' or '.join(conditions)}" if conditions else "")
