"""What the schema of manifests can not see: references between keys, and promises that nothing keeps."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ipaas.sdk.auth_rules import Finding, auth_findings, places_in_body
from ipaas.sdk.manifest import Effect
from ipaas.sdk.pages import ALL_PAGES, all_pages_schema

_NEEDED_BY_TRIGGER = {"webhook": ("signature", "delivery_id", "events"), "poll": ("action", "items", "key")}
# kind → (what it needs, what it has besides)
_PAGE_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cursor": (("param", "next"), ()),
    "page": (("param",), ("size", "start")),
    "offset": (("param",), ("size", "start")),
    "link": ((), ()),
    "next_url": (("next",), ()),
}


def inconsistencies(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings of a manifest that fits its schema, its schemas in place of their paths."""
    actions = document["actions"]
    for path, name, safe in _action_references(document):
        if name not in actions:
            yield _finding(path, "unknown_action", f"there is no action {name}")
        elif safe and actions[name]["effect"] != Effect.SAFE:
            yield _finding(path, "not_safe", f"the action {name} must be safe")
    protocol = document.get("protocol", "http")
    for name, action in actions.items():
        yield from _action(f"actions.{name}", action, protocol)
        if "pagination" in action:
            yield from _pages(f"actions.{name}.pagination", action, protocol)
    for name, trigger in document["triggers"].items():
        yield from _trigger(f"triggers.{name}", trigger)
    yield from auth_findings(document["auth"])
    yield from _bodies(document)
    yield from _sunset(document.get("api_sunset"))


def _bodies(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Actions that a scheme would have no body for."""
    inside = [one["name"] for one in document["auth"] if places_in_body(one)]
    for name, action in document["actions"].items() if inside else ():
        if "body" not in action:
            message = f"the scheme {inside[0]} puts its credential into the body, and the action has none"
            yield _finding(f"actions.{name}.body", "required", message)
        elif action.get("body_format") in ("text", "base64"):
            message = f"the scheme {inside[0]} puts its credential into the body, which has no members here"
            yield _finding(f"actions.{name}.body_format", "unusable", message)


def _finding(path: str, code: str, message: str) -> Finding:
    return {"path": path, "code": code, "message": message}


def _action_references(document: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(place, action, whether it has to be safe)."""
    if "test_action" in document:
        yield "test_action", document["test_action"], True
    for name, action in document["actions"].items():
        lookup = action.get("idempotency", {}).get("lookup")
        if lookup:
            yield f"actions.{name}.idempotency.lookup.action", lookup["action"], True
        if "compensated_by" in action:
            yield f"actions.{name}.compensated_by.action", action["compensated_by"]["action"], False
        for other in action.get("compensates", []):
            yield f"actions.{name}.compensates", other, False
    for number, scheme in enumerate(document["auth"]):
        for deed, call in scheme.get("rotation", {}).items():
            if deed != "fields":
                yield f"auth.{number}.rotation.{deed}.action", call["action"], deed == "read"
    yield from _of_triggers(document)


def _of_triggers(document: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for name, trigger in document["triggers"].items():
        if "action" in trigger:
            yield f"triggers.{name}.action", trigger["action"], False
        for deed, call in trigger.get("subscription", {}).items():
            yield f"triggers.{name}.subscription.{deed}.action", call["action"], deed == "check"
    for name in document.get("stub", {}).get("operations", {}):
        yield "stub.operations", name, False


def _action(path: str, action: Mapping[str, Any], protocol: str) -> Iterator[Finding]:
    effect, idempotency = action["effect"], action.get("idempotency", {})
    if effect == Effect.KEYED and not {"header", "field", "natural"} & idempotency.keys():
        yield _finding(f"{path}.idempotency", "required", "a keyed action names a header, field or natural key")
    if effect == Effect.LOOKUP and "lookup" not in idempotency:
        yield _finding(f"{path}.idempotency", "required", "an action with the effect lookup needs a look-up")
    if protocol == "http":
        for key in ("method", "path"):
            if key not in action:
                yield _finding(path, "required", f"an HTTP action needs {key}")
        if "field" in idempotency and action.get("body_format", "json") == "text":
            yield _finding(f"{path}.idempotency.field", "unusable", "a text body has no members")


def _pages(path: str, action: Mapping[str, Any], protocol: str) -> Iterator[Finding]:
    pages, schema = action["pagination"], action["params_schema"]
    kind = pages.get("kind", "cursor")
    needed, besides = _PAGE_KEYS[kind]
    for key in needed:
        if not pages.get(key):
            yield _finding(f"{path}.{key}", "required", f"pagination by {kind} needs {key}")
    for key in sorted(pages.keys() - {"kind", "items", "max_pages", *needed, *besides}):
        yield _finding(f"{path}.{key}", "unused", f"pagination by {kind} has no {key}")
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    if pages.get("param") and properties and pages["param"] not in properties:
        yield _finding(f"{path}.param", "unknown", f"params_schema has no {pages['param']}")
    if kind in ("link", "next_url") and protocol != "http":
        yield _finding(f"{path}.kind", "unusable", f"pagination by {kind} is for HTTP alone")
    if action["effect"] == Effect.SAFE and properties.get(ALL_PAGES) != all_pages_schema(pages):
        message = f"the parameter {ALL_PAGES} is the platform's own; give yours another name, or leave out pagination"
        yield _finding(path, "reserved", message)


def _trigger(path: str, trigger: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _NEEDED_BY_TRIGGER[trigger["kind"]]:
        if not trigger.get(key):
            yield _finding(path, "required", f"a {trigger['kind']} trigger needs {key}")
    if trigger["kind"] != "poll" and "params_schema" in trigger:
        yield _finding(f"{path}.params_schema", "unusable", "only a poll trigger takes parameters of a flow")
    if trigger["kind"] != "webhook" and "subscription" in trigger:
        yield _finding(f"{path}.subscription", "unusable", "only a webhook trigger is subscribed to")


def _sunset(day: str | None) -> Iterator[Finding]:
    try:
        date.fromisoformat(day or "2000-01-01")
    except ValueError:
        yield _finding("api_sunset", "date", f"{day} is no day of the calendar")
