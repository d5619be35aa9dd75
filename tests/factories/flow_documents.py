"""Flow documents for tests: a small valid one, changed by key."""

from typing import Any


def flow(**changes: Any) -> dict[str, Any]:
    """A valid flow of two calls."""
    return {
        "kind": "flow",
        "slug": "orders",
        "title": "Orders",
        "owner": "fulfilment",
        "deadline": "P1D",
        "trigger": {"manual": {}},
        "business_ids": {"order": "trigger.body.id"},
        "primary_business_id": "order",
        "steps": [call("charge"), call("ship", {"charge": "{{ steps.charge.output.id }}"})],
        **changes,
    }


def call(step_id: str, given: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"connection": "payments", "action": "look_up"}
    return {"id": step_id, "call": spec if given is None else {**spec, "with": given}, **changes}


def schema(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "schema",
        "slug": "order",
        "title": "Order",
        "schema": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string"}, "email": {"type": "string", "x-sensitive": "personal"}},
        },
        **changes,
    }


def mapping(**changes: Any) -> dict[str, Any]:
    return {"kind": "mapping", "slug": "order-row", "title": "Order row", "fields": {"id": "source.id"}, **changes}


def lookup(**changes: Any) -> dict[str, Any]:
    rows = "code,name,rate\nDE,Germany,0.19\nAT,Austria,0.20\n"
    given = {"key": "code", "columns": {"rate": "number"}, "csv": rows}
    return {"kind": "lookup", "slug": "vat-rates", "title": "VAT rates", **given, **changes}


def function(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "function",
        "slug": "gross",
        "title": "Gross",
        "parameters": [{"name": "net", "kind": "number"}, {"name": "rate", "kind": "number", "default": 0}],
        "expr": "net * (1 + rate)",
        "examples": [{"args": {"net": 100, "rate": 0.19}, "result": 119}],
        **changes,
    }


def contract(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "contract",
        "slug": "orders-in",
        "title": "Orders from the storefront",
        "owner": "fulfilment",
        "input": {"schema": "order"},
        "errors": [{"class": "business_rejection", "meaning": "The card was refused.", "remedy": "Ask for another."}],
        **changes,
    }


def term(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "term",
        "slug": "order-number",
        "title": "Order number",
        "definition": "The number of an order.",
        "synonyms": ["order id", "Bestellnummer"],
        "avoid": ["order key"],
        **changes,
    }


def convention(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "convention",
        "slug": "field-names",
        "title": "Fields are named in snake case",
        "reason": "one way to write names",
        "rule": {"fields": {"case": "snake", "abbreviations": {"qty": "quantity"}}},
        **changes,
    }


def event_type(**changes: Any) -> dict[str, Any]:
    given = {"owner": "fulfilment", "name": "orders.order.shipped", "schema": "order"}
    return {"kind": "event_type", "slug": "order-shipped", "title": "Order shipped", **given, **changes}
