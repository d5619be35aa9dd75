"""Reading a manifest: its published schema, what a schema can not say, and the frozen shapes made of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ipaas.core.errors import ErrorClass, InvalidInput
from ipaas.sdk.credential_fields import DEFAULT_FIELDS
from ipaas.sdk.handshakes import Handshake
from ipaas.sdk.manifest import (
    ActionSpec,
    AuthScheme,
    CompensatedBy,
    ErrorRule,
    EventSpec,
    HmacAuth,
    HookCall,
    Idempotency,
    Login,
    Lookup,
    Manifest,
    Pagination,
    Place,
    RateLimit,
    ResponseSpec,
    Retry,
    Rotation,
    RotationHook,
    SecretField,
    Subscription,
    SubscriptionCall,
    TriggerSpec,
)
from ipaas.sdk.manifest_rules import inconsistencies
from ipaas.sdk.pages import with_all_pages
from ipaas.sdk.schemas import Definitions, compile_schema, findings
from ipaas.sdk.signatures import SignatureScheme

ReadSchema = Callable[[str], Any]
"""Reads a JSON Schema file of the connector's folder by its relative path."""


class ManifestInvalid(InvalidInput):
    """The manifest of connector {connector} is not valid: {summary}"""

    code = "manifest_invalid"
    title = "Manifest invalid"
    remedy = "Correct the places named in errors; docs/reference/connector-manifest.md describes every key."


@cache
def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of manifests (draft 2020-12)."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("manifest_schema.json").read_text("utf-8"))
    return loaded


def _no_file(name: str) -> Any:
    raise LookupError(name)


def parse_manifest(document: Any, read_schema: ReadSchema = _no_file) -> Manifest:
    """Validate a manifest and build it; without ``read_schema`` it holds its schemas itself.

    Raises ManifestInvalid naming every place that is wrong.
    """
    slug = str(document.get("slug", "?")) if isinstance(document, dict) else "?"
    errors = findings(compile_schema(manifest_schema()), document)
    if errors:
        raise ManifestInvalid(errors, connector=slug)
    resolved = _with_schemas(document, read_schema)
    errors = list(inconsistencies(resolved))
    if errors:
        raise ManifestInvalid(errors, connector=slug)
    return _manifest(resolved)


def _with_schemas(document: dict[str, Any], read_schema: ReadSchema) -> dict[str, Any]:
    """The document with the text of schema files in place of their paths, and each schema standing alone."""
    definitions = Definitions(document.get("definitions", {}))

    def resolve(holder: dict[str, Any], key: str) -> dict[str, Any]:
        if key not in holder:
            return holder
        schema = read_schema(holder[key]) if isinstance(holder[key], str) else holder[key]
        return {**holder, key: definitions.standing_alone(schema)}

    actions = {}
    for name, action in document["actions"].items():
        action = with_all_pages(resolve(action, "params_schema"))
        if "response" in action:
            action = {**action, "response": resolve(action["response"], "schema")}
        actions[name] = action
    triggers = {}
    for name, trigger in document.get("triggers", {}).items():
        events = {key: resolve(event, "schema") for key, event in trigger.get("events", {}).items()}
        triggers[name] = {**resolve(trigger, "params_schema"), "events": events}
    return {**document, "actions": actions, "triggers": triggers}


# keys whose value goes into the dataclass unchanged
_SAME_IN_MANIFEST = (
    "slug",
    "title",
    "summary",
    "category",
    "vendor",
    "version",
    "api_version",
    "api_sunset",
    "changelog_url",
    "migration",
    "docs_url",
    "protocol",
    "base_urls",
    "default_headers",
    "config_schema",
    "config_example",
    "concurrency",
    "timeout_s",
    "test_action",
    "test_params",
    "stub",
)
_SAME_IN_ACTION = (
    "title",
    "doc",
    "effect",
    "params_schema",
    "params_example",
    "method",
    "path",
    "free_path",
    "query",
    "headers",
    "cookies",
    "body",
    "body_format",
    "omit_null",
    "timeout_s",
    "cost",
)
_SAME_IN_TRIGGER = (
    "title",
    "doc",
    "kind",
    "action",
    "params",
    "params_schema",
    "params_example",
    "items",
    "key",
    "event",
    "next_cursor",
    "more",
    "initial_cursor",
)
_SAME_IN_AUTH = (
    "parameter",
    "prefix",
    "token_url",
    "audience",
    "client_auth",
    "authorize_url",
    "pkce",
    "extra_params",
    "algorithm",
    "claims",
    "service",
    "region",
    "expires_s",
)


def _manifest(document: Mapping[str, Any]) -> Manifest:
    limit = document.get("rate_limit")
    same = {key: document[key] for key in _SAME_IN_MANIFEST if key in document}
    return Manifest(
        document=document,
        auth=_auth_schemes(document["auth"]),
        actions={name: _action(name, action) for name, action in document["actions"].items()},
        triggers={name: _trigger(name, trigger) for name, trigger in document["triggers"].items()},
        errors=tuple(_rule(rule) for rule in document.get("errors", [])),
        rate_limit=RateLimit(**{**limit, "rate": float(limit["rate"])}) if limit else None,
        retry=Retry(**document.get("retry", {})),
        sensitive=tuple(document.get("sensitive", [])),
        **same,
    )


def _auth_schemes(documents: Sequence[Mapping[str, Any]]) -> dict[str, AuthScheme]:
    plain = {one["name"]: _auth(one) for one in documents}
    together = {one["name"]: [plain[name] for name in one.get("schemes", ())] for one in documents}
    offered = [one["name"] for one in documents if one.get("alone", True)]
    return {name: _joined(plain[name], together[name]) for name in offered}


def _joined(scheme: AuthScheme, together: Sequence[AuthScheme]) -> AuthScheme:
    if not together:
        return scheme
    fields = dict.fromkeys(field for part in together for field in part.fields)
    scopes = dict.fromkeys(scope for part in together for scope in part.scopes)
    return replace(scheme, together=tuple(together), fields=tuple(fields), scopes=tuple(scopes))


def _auth(scheme: Mapping[str, Any]) -> AuthScheme:
    given = tuple(
        SecretField(one["name"], one.get("title", one["name"]), one.get("optional", False))
        for one in scheme.get("fields", [])
    )
    same = {key: scheme[key] for key in _SAME_IN_AUTH if key in scheme}
    send = scheme.get("send", {})
    body = send.get("body", {})
    if scheme.get("in") == "body" and not body:
        name = given[0].name if given else DEFAULT_FIELDS["api_key"][0].name
        body = {scheme["parameter"]: scheme.get("prefix", "") + f"{{{{ secret.{name} }}}}"}
    return AuthScheme(
        name=scheme["name"],
        type=scheme["type"],
        title=scheme.get("title", scheme["name"]),
        location=scheme.get("in", "header"),
        fields=given or DEFAULT_FIELDS[scheme["type"]],
        hmac=HmacAuth(**scheme.get("hmac", {})),
        scopes=tuple(scheme.get("scopes", [])),
        login=Login(**scheme.get("login", {})),
        token=Place(**scheme.get("token", {})),
        rotation=_hook(scheme["rotation"]) if "rotation" in scheme else None,
        rotates=Rotation(**scheme["rotates"]) if "rotates" in scheme else None,
        send_header=send.get("header", "Authorization").lower(),
        send_prefix=send.get("prefix", "Bearer " if "header" not in send else ""),
        send_body=body,
        **same,
    )


def _hook(document: Mapping[str, Any]) -> RotationHook:
    calls = {deed: HookCall(**document[deed]) for deed in ("create", "read", "revoke") if deed in document}
    return RotationHook(fields=document["fields"], **calls)


def _rule(rule: Mapping[str, Any]) -> ErrorRule:
    match = rule["match"]
    status = match.get("status")
    equals = match.get("equals", ())
    return ErrorRule(
        error_class=ErrorClass(rule["class"]),
        statuses=frozenset(status if isinstance(status, list) else [status] if isinstance(status, int) else []),
        status_class=int(status[0]) if isinstance(status, str) else None,
        path=match.get("path", ""),
        equals=tuple(equals) if isinstance(equals, list | tuple) else (equals,),
        regex=match.get("regex", ""),
        present=match.get("present"),
        header=match.get("header", "").lower(),
        code=rule.get("code", ""),
        message=rule.get("message", ""),
        retryable=rule.get("retryable"),
        applied=False if rule.get("applied") == "no" else None,
        applied_given="applied" in rule,
    )


def _action(name: str, action: Mapping[str, Any]) -> ActionSpec:
    idempotency = action.get("idempotency", {})
    lookup = idempotency.get("lookup")
    undo = action.get("compensated_by")
    pages = action.get("pagination")
    return ActionSpec(
        name=name,
        has_body="body" in action,
        response=ResponseSpec(**action.get("response", {})),
        idempotency=Idempotency(
            header=idempotency.get("header", ""),
            field=idempotency.get("field", ""),
            natural=tuple(idempotency.get("natural", ())),
            lookup=Lookup(**lookup) if lookup else None,
        ),
        pagination=Pagination(**pages) if pages else None,
        scopes=tuple(action.get("scopes", ())),
        sensitive=tuple(action.get("sensitive", ())),
        compensates=tuple(action.get("compensates", ())),
        compensated_by=CompensatedBy(undo["action"], undo.get("params", {})) if undo else None,
        errors=tuple(_rule(rule) for rule in action.get("errors", [])),
        **{key: action[key] for key in _SAME_IN_ACTION if key in action},
    )


def _trigger(name: str, trigger: Mapping[str, Any]) -> TriggerSpec:
    signature = trigger.get("signature")
    return TriggerSpec(
        name=name,
        signature=SignatureScheme.from_document(signature) if signature else None,
        handshake=Handshake.from_document(trigger["handshake"]) if "handshake" in trigger else None,
        answer_status=trigger.get("answer_status", 0),
        delivery_id=Place(**trigger["delivery_id"]) if "delivery_id" in trigger else None,
        event_type=Place(**trigger["event_type"]) if "event_type" in trigger else None,
        events={key: EventSpec(key, event["title"], event.get("schema")) for key, event in trigger["events"].items()},
        subscription=_subscription(trigger["subscription"]) if "subscription" in trigger else None,
        **{key: trigger[key] for key in _SAME_IN_TRIGGER if key in trigger},
    )


def _subscription(document: Mapping[str, Any]) -> Subscription:
    return Subscription(**{deed: SubscriptionCall(**call) for deed, call in document.items()})
