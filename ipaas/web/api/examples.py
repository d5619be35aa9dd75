"""An example for every request and answer of the description, made from its schemas and from names that are known."""

from typing import Any, Final

Schema = dict[str, Any]

ID: Final = "01936f5e-8c2a-7b41-9d3e-5f0a1b2c3d4e"
TIME: Final = "2026-03-14T09:26:53Z"
FLOW: Final[Schema] = {
    "kind": "flow",
    "slug": "orders",
    "title": "Orders to the warehouse",
    "owner": "sales",
    "tags": ["storefront"],
    "deadline": "P1D",
    "trigger": {"manual": {}},
    "business_ids": {"order": "trigger.body.id"},
    "primary_business_id": "order",
    "steps": [{"id": "note", "map": {"fields": {"order": "trigger.body.id"}}}],
}
BY_NAME: Final[dict[str, Any]] = {
    "action": "create_order", "actions": ["create_order"], "currency": "EUR",
    "actor_ip": "192.0.2.10", "actor_kind": "user",
    "actor_label": "alice@example.com", "api_version": "2026-01", "auth_scheme": "bearer",
    "auth_schemes": ["bearer"], "base_url": "https://api.example.com", "body": {"id": "o-1001", "total": 42.5},
    "breaker": "closed", "business_ids": {"order": "o-1001"}, "business_key": "o-1001", "cancel_reason": None,
    "category": "payments", "cause": "dispatch: no_stock", "chain": "workspace", "checklist": ["Address checked"],
    "close_reason": "handled by phone", "closed_by": "alice@example.com", "code": "no_stock", "config": {},
    "connector": "payments", "connector_version": "1.2.0", "content": FLOW, "correlation_id": "4bf92f3577b34da6",
    "counts": [], "created_by": "alice@example.com", "decided_by": "carol@example.com", "deed": "replay",
    "delivery_header": "webhook-id", "delivery_id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    "deployed_by": "alice@example.com",
    "description": "Takes orders of the shop to the warehouse.", "details": {"revision": 3}, "draft": FLOW,
    "email": "alice@example.com", "endpoint": "shop", "entities": {"orders": 12}, "environment": "production",
    "error_class": "business_rejection", "error_code": "no_stock", "error_message": "Nothing left.",
    "error_step": "dispatch", "event": "order.created", "event_header": "x-event", "evidence": {"order": "o-1001"},
    "evidence_sha256": "a" * 64, "field_names": ["token"], "filter": {"flow": "orders"}, "fixed_at": TIME,
    "flow": "orders", "flows": ["orders"], "forced_breaker": "", "forced_by": "", "forced_reason": "",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "input": {"id": "o-1001"}, "item": "",
    "kind": "flow", "manifest": {"slug": "payments"}, "message": "Nothing left.", "name": "Alice Example",
    "note": "first version", "output": {"order": "o-1001"}, "outcome": "ok", "owner": "sales",
    "path": "flows/orders.yaml", "pause_reason": "", "permission": "flows.view", "permissions": ["flows.view"],
    "policy": {}, "prefix": "7f3a9c21", "published_by": "alice@example.com", "reason": "the supplier asked for it",
    "reference": "o-1001", "request": {"method": "POST"}, "response": {"status": 201}, "result": {"id": "ch_1"},
    "role": "approver", "roles": ["builder"], "scopes": ["flows.view", "flows.trigger"], "secret": "payments-key",
    "secret_slug": "shop-signing", "service_account": "nightly-import", "settings": {"egress_allow": ["10.0.0.5:443"]},
    "sha256": "b" * 64, "signature": {"scheme": "standard-webhooks"}, "slug": "orders", "span_id": "00f067aa0ba902b7",
    "state": None, "step": "dispatch", "subject_id": ID, "subject_label": "orders", "subject_type": "flow",
    "summary": "Takes payments.", "test_message": "", "text": "kind: flow\nslug: orders\n",
    "title": "Orders to the warehouse", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "trigger": "manual",
    "trigger_kind": "manual", "archived": False, "signed_by": "audit-2026",
    "used_by": ["connection payments in production"], "values": {"token": "the new value"}, "variables": {"rate": 3},
    "vendor": "storefront", "verdicts": [{"policy": "retry", "verdict": "go"}], "version": 3, "workspace": "acme",
    "expected_revision": 3, "draft_revision": 3, "latest_version": 2, "number": 1, "http_status": 409, "url": "http://127.0.0.1:8099",
    "key": "ipk_7f3a9c21_…", "evidence_kept": True, "next_cursor": None, "after": {"rate": 4}, "before": {"rate": 3},
}  # fmt: skip
"""What a member of this name is like, where its schema takes it."""
_CONNECTION: Final = {"slug": "payments", "title": "Payments", "secret": "payments-key"}
_CONNECTOR: Final = {"slug": "payments", "title": "Kestrel Pay", "actions": ["create_charge"]}
_SECRET: Final = {"slug": "payments-key", "description": "Key of the payment provider."}
_ENDPOINT: Final = {"slug": "shop", "title": "The shop's webhooks", "path": "/hooks/7Qm2f0d1"}
_FINDING: Final = {"path": "/steps/0/call", "code": "flow.connection_unknown", "message": "there is no connection pay"}
_SCHEMA: Final = {"slug": "order", "title": "Order", "description": "An order as the shop sends it."}
BY_OWNER: Final[dict[str, dict[str, Any]]] = {
    "ApiKey": {"name": "nightly import"}, "NewApiKey": {"name": "nightly import"},
    "AuditEntry": {"action": "flow.published"},
    "Change": {"path": "/steps/note/map"}, "Finding": _FINDING, "ProblemPlace": _FINDING,
    "Clock": {"kind": "schedule"},
    "Connection": _CONNECTION, "PatchedConnectionChanges": _CONNECTION,
    "Connector": _CONNECTOR, "ConnectorDetail": _CONNECTOR,
    "Document": _SCHEMA, "DocumentDetail": _SCHEMA | {"draft": {"kind": "schema", "slug": "order"}},
    "Endpoint": _ENDPOINT, "PatchedEndpointChanges": _ENDPOINT,
    "Environment": {"slug": "production", "name": "Production"}, "PatchedEnvironmentChanges": {"name": "Production"},
    "Lane": {"name": "Deliveries"}, "Me": {"kind": "service_account", "name": "nightly-import"},
    "PolicyValue": {"name": "retry.max_attempts", "value": 5},
    "Problem": {"code": "audit.hash", "message": "the hash does not follow from the entry before"},
    "Role": {"name": "builder", "description": "Configures flows."},
    "Secret": _SECRET, "SecretDetail": _SECRET, "PatchedSecretChanges": _SECRET,
    "ServiceAccount": {"slug": "nightly-import", "name": "Nightly import"},
    "Step": {"path": "dispatch", "kind": "call"}, "Store": {"name": "PostgreSQL", "detail": "version 18.1"},
    "Test": {"ok": True, "status": 200, "code": "", "message": ""}, "Workspace": {"slug": "acme", "name": "Acme"},
    "LedgerLine": {"key": "order-o-1001"},
}  # fmt: skip
"""What members of one component are like; its name is without Input, Output and Request."""
BY_COMPONENT: Final[dict[str, Any]] = {
    "DocumentInputRequest": {"content": FLOW},
    "DraftInputRequest": {"content": FLOW, "expected_revision": 3},
    "ApplyInputRequest": {"content": FLOW, "note": "first version"},
    "EnvironmentInputRequest": {"slug": "production", "name": "Production", "variables": {"rate": 3}},
    "SettingsInputRequest": {"egress_allow": ["10.0.0.5:443"]},
    "PatchedSettingsInputRequest": {"egress_allow": ["10.0.0.5:443"]},
}
FORMATS: Final = {
    "decimal": "42.5000",
    "uuid": ID, "date-time": TIME, "date": TIME[:10], "email": "alice@example.com", "uri": "https://example.com/",
    "binary": "…",
}  # fmt: skip
BODIES: Final = "Request"
"""How the names of components end that are sent."""


def with_examples(document: Schema) -> Schema:
    """The description with an example beside each schema of JSON that is sent or answered."""
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for operation in item.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (media for body in bodies for media in body.get("content", {}).items()):
                if media[0] == "application/json":
                    media[1].setdefault("example", example_of(media[1]["schema"], schemas))
                else:
                    media[1].setdefault("example", "…")
    return document


def example_of(
    schema: Schema, schemas: dict[str, Schema], name: str = "", owner: str = "", *, sent: bool = False
) -> Any:
    """A value that the schema takes, for the member ``name`` of the component ``owner``."""
    if "$ref" in schema:
        component = schema["$ref"].rpartition("/")[2]
        if component in BY_COMPONENT:
            return BY_COMPONENT[component]
        owner = component.removesuffix(BODIES).removesuffix("Input").removesuffix("Output")
        return example_of(schemas[component], schemas, name, owner, sent=sent or component.endswith(BODIES))
    for way in ("allOf", "oneOf", "anyOf"):
        if way in schema:
            return example_of(schema[way][0], schemas, name, owner, sent=sent)
    kinds = _kinds(schema)
    for known in (BY_OWNER.get(owner, {}), {} if "enum" in schema or "format" in schema else BY_NAME):
        if name in known and _takes(kinds, known[name], schema):
            return known[name]
    if "enum" in schema:
        return next(one for one in schema["enum"] if one not in ("", None))
    if schema.get("format") in FORMATS and "string" in kinds:
        return FORMATS[schema["format"]]
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    return _plain(schema, kinds, schemas, name, owner, sent=sent)


def _plain(schema: Schema, kinds: list[str], schemas: dict[str, Schema], name: str, owner: str, *, sent: bool) -> Any:
    if "object" in kinds and (members := schema.get("properties")):
        chosen = (schema.get("required") or members) if sent else members
        return {one: example_of(members[one], schemas, one, owner, sent=sent) for one in members if one in chosen}
    if "object" in kinds and isinstance(values := schema.get("additionalProperties"), dict) and values:
        return {"example": example_of(values, schemas, "", owner, sent=sent)}
    if "array" in kinds:
        return [example_of(schema.get("items", {}), schemas, name.removesuffix("s"), owner, sent=sent)]
    if "integer" in kinds or "number" in kinds:
        return max(schema.get("minimum", 0), 1)
    if "boolean" in kinds:
        return True
    return "text" if "string" in kinds else {}


def _kinds(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _takes(kinds: list[str], value: Any, schema: Schema) -> bool:
    if value is None:
        return "null" in kinds
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    kind = names[type(value)]
    fits = kind in kinds or (kind == "integer" and "number" in kinds) or not kinds
    return fits and "format" not in schema.get("items", ())
