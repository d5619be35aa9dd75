"""Sample data of the governing pages and of connections."""

from datetime import timedelta
from typing import Any

from ipaas.core import clock
from ipaas.web import build_readmodels as brm
from ipaas.web import readmodels as rm
from ipaas.web.design.samples import (
    ERROR,
    JOBS,
    ORDER,
    ago,
    components,
    options,
    run,
    run_steps,
)
from ipaas.web.operate_readmodels import AuditRow

GROUPS = [
    rm.DeadLetterGroup("a", "business_rejection", "The carrier refused the address", "Order to shipment", "Book the parcel", 4, ago(hours=5), "€ 804.10 · 4 customers", "/design/dead-letter-group/", "#"),
    rm.DeadLetterGroup("b", "outcome_unknown", "The connection broke after the charge was sent", "Order to shipment", "Charge the card", 2, ago(minutes=40), "€ 310.00 · 2 customers", "#"),
    rm.DeadLetterGroup("c", "contract_violation", "order.total is missing", "Order to shipment", "Check the order", 1, ago(days=1), "unknown", "#", "#"),
]  # fmt: skip
LETTERS = [
    rm.DeadLetterRow(str(i), "/design/dead-letter/", "Order to shipment", [("order", f"SO-{10470 - i}")], ago(hours=i + 1), ERROR)
    for i in range(4)
]  # fmt: skip
CONNECTIONS = [
    rm.ConnectionRow("payments", "/design/connection/", "Payments", "payments 1.4", "healthy", "breaker_closed", False, 6120, 10000, "6,120 of 10,000 today", [20, 24, 22, 30, 34, 40, 38], 0.4, clock.now() + timedelta(days=40)),
    rm.ConnectionRow("shipping", "#", "Shipping", "shipping 2.0", "failed", "breaker_open", False, 480, 500, "480 of 500 an hour", [20, 24, 22, 9, 3, 0, 0], 38.2),
    rm.ConnectionRow("smtp", "#", "Mail", "smtp 1.0", "degraded", "breaker_half_open", True, 0, None, "no quota known", [2, 4, 3, 3, 5, 4, 2], 4.0),
]  # fmt: skip
APPROVALS = [
    rm.ApprovalRow("1", "/design/approval/", "Refund of € 840.00 for order SO-10377", "Refund on return", ago(hours=2), clock.now() + timedelta(hours=3), "open", "Approvers", [("Amount", "€ 840.00"), ("Order", "SO-10377"), ("Reason", "Damaged on arrival")], "#"),
    rm.ApprovalRow("2", "#", "Ship order SO-10480 above € 5,000", "Order to shipment", ago(minutes=12), None, "open", "Approvers"),
]  # fmt: skip
SECRETS = [
    brm.SecretRow("payments-live", "/design/secret/", "API key of the payment vendor", "api_key", 3, "active", ago(days=20), clock.now() + timedelta(days=40), ago(seconds=50), [brm.UseRow("Connection", "payments", "#", ["Production"])]),
    brm.SecretRow("storefront-hook", "#", "Signs inbound orders", "hmac", 1, "active", ago(days=90), None, ago(minutes=2), [brm.UseRow("Endpoint", "storefront-orders", "#", ["Production"])]),
]  # fmt: skip
ENTRIES = [
    AuditRow(18432, ago(minutes=2), "Alice", "user", "run.replayed", "run SO-10478", "ok", "192.0.2.10", {"from_step": "ship", "effects": "same", "reason": "address corrected"}, "a1b2"),
    AuditRow(18431, ago(minutes=9), "ci-deploy", "api_key", "flow.published", "flow order-to-shipment v8", "ok", "192.0.2.44", {"environments": ["staging"]}, "c3d4"),
    AuditRow(18430, ago(minutes=30), "Charlie", "user", "secret.version_written", "secret payments-live", "denied", "198.51.100.7", None, "e5f6"),
]  # fmt: skip
STUB = rm.StubView("payments", "Payments", "http://127.0.0.1:8070/payments", [
    rm.StubOperation("charge", "POST", "/v1/charges", 431, "HTTP 503 on 30 % of the calls"),
    rm.StubOperation("refund", "POST", "/v1/refunds", 5), rm.StubOperation("find_charge", "GET", "/v1/charges", 2)],
    [("charges", 412), ("refunds", 5)], "#", "#", "#", "#")  # fmt: skip
LEDGER = [
    rm.LedgerRow(ago(seconds=8), "charge", 201, "k-7f12", "charge ch_5510, € 129.90"),
    rm.LedgerRow(ago(seconds=10), "charge", 201, "k-7f12", "none", True),
    rm.LedgerRow(ago(seconds=12), "charge", 503, "k-7f12", "none"),
]
LIST_FILTERS = {"q": "", "actor": "", "clear_url": "", "flow": options("Any flow"), "error_class": options("Any class"), "owner": options("Any owner"), "state": options("Any state"), "action": options("Any action"), "since": options("Last 7 days")}  # fmt: skip
LIVE = {"version": "1", "poll_url": ""}


def page(items: Any, label: str) -> rm.CursorPage:
    return rm.CursorPage(items, label, next_url="#")


def crumbs(label: str, url: str) -> list[rm.Link]:
    return [rm.Link(label, url)]


def dead_letters() -> dict[str, Any]:
    return {"groups": GROUPS, "totals": {"count": 7, "oldest_at": ago(days=1), "at_stake": "€ 1,114.10"}, "filters": LIST_FILTERS, **JOBS}  # fmt: skip


def dead_letter_group() -> dict[str, Any]:
    return {"group": GROUPS[0], "page": page(LETTERS, "4 dead letters"), "crumbs": crumbs("Dead letters", "/design/dead-letters/")}  # fmt: skip


def dead_letter() -> dict[str, Any]:
    text = '{\n  "order": {"id": "SO-10478", "total": "129.90"},\n  "shipping": {"street": "Hauptstraße", "house_number": ""}\n}\n'
    return {
        "letter": LETTERS[0], "run": rm.Link("run", "/design/run/"), "step": run_steps()[6], "input_text": text,
        "findings": [rm.Finding("error", "house_number must not be empty", "shipping.house_number", 3, 44)],
        "diff": components()["diff"], "impacts": run()["impacts"], "impacts_problem": "", "problem": "", "input": ORDER, "state": "open", "closed": None,
        "step_title": "Book the parcel", "replay_run": None, "replay_url": "#", "correct_url": "#", "discard_url": "#",
        "crumbs": crumbs("Dead letters", "/design/dead-letters/"),
    }  # fmt: skip


def approvals() -> dict[str, Any]:
    return {"page": page(APPROVALS, "2 open"), "tabs": [rm.Tab("Open", "#", True, 2), rm.Tab("Decided", "#")], **LIVE}


def approval() -> dict[str, Any]:
    return {"approval": APPROVALS[0], "run": rm.Link("SO-10377", "/design/run/"), "evidence": ORDER, "decision": None,
            "checklist": ["The photo shows the damage", "The amount is what the customer paid"], "on_expiry": "rejected",
            "crumbs": crumbs("Approvals", "/design/approvals/")}  # fmt: skip


def connections() -> dict[str, Any]:
    return {"page": page(CONNECTIONS, "3 connections"), "filters": LIST_FILTERS, "new_url": "#", **LIVE}


def connection() -> dict[str, Any]:
    return {
        "connection": CONNECTIONS[0], "enabled": True, "installed": True, "needs_secret": True, "limits": [("Calls under way", "3 of 50")], "facts": [("Address", "https://api.payments.example"), ("Authentication", "API key in a header"), ("Connector", "payments 1.4")],
        "secret": rm.Link("payments-live", "/design/secret/"), "crumbs": crumbs("Connections", "/design/connections/"),
        "breaker": {"failures": 2, "calls": 431, "open": False, "probe_at": None, "parked": 0, "forced": "", "forced_by": "", "reason": "", "known": True},
        "policies": [{"name": "retry attempts", "value": "5", "origin": "manifest"}, {"name": "rate limit", "value": "20 per second", "origin": "connection"}, {"name": "timeout", "value": "10 s", "origin": "platform"}],
        "operations": [{"name": "charge", "title": "Create a charge", "effect": "keyed", "calls": 412, "p95_ms": 340, "error_percent": 0.4}, {"name": "find_charge", "title": "Find charges", "effect": "safe", "calls": 2, "p95_ms": 80, "error_percent": 0}],
        "test": {"status": "succeeded", "message": "The vendor answered and accepted the credential", "at": ago(minutes=1), "duration_ms": 182},
        "used_by": [brm.UseRow("Flow", "Order to shipment", "/design/flow/", ["Production v7", "draft"])], "edit_url": "#", "test_url": "#", "force_url": "#", "switch_url": "#", "delete_url": "#",
    }  # fmt: skip


def stub() -> dict[str, Any]:
    return {"stub": STUB, "ledger": page(LEDGER, "3 calls, newest first"), "crumbs": crumbs("Stubs", "/design/stubs/"),
            "fault_kinds": options("Status", "Delay", "Reset", "Half answer", "Schema drift"), "whens": options("Before the effect"),
            "faults": [rm.FaultRow("f1", "charge", "HTTP 503 on 30 % of the calls", 12, 4)], "endpoints": options("storefront-orders"), "filter": {}, "filtered": False, **LIVE}  # fmt: skip


def stubs() -> dict[str, Any]:
    return {"items": [(STUB, "/design/stub/")], "running": True}


def audit() -> dict[str, Any]:
    return {"page": page(ENTRIES, "3 entries"), "filters": {**LIST_FILTERS, "outcome": options("Any outcome")}, "verify_url": "#", "export_csv_url": "#", "export_jsonl_url": "#",
            "chain": {"status": "verified", "length": 18432, "checked_at": ago(seconds=30), "checkpoint_at": ago(hours=6), "message": "The chain is whole", "problems": []}}  # fmt: skip


def secrets() -> dict[str, Any]:
    return {
        "page": page(SECRETS, "2 secrets"),
        "filters": {**LIST_FILTERS, "order": options("By name")},
        "new_url": "#",
    }


def secret() -> dict[str, Any]:
    return {"secret": SECRETS[0], "crumbs": crumbs("Vault", "/design/secrets/"), "form": None, "version_url": "#", "change_url": "", "delete_url": "#",
            "versions": [{"number": 3, "state": "active", "created_at": ago(days=20), "created_by": "Alice", "kek_version": 1, "revoke_url": ""}, {"number": 2, "state": "active", "created_at": ago(days=110), "created_by": "Alice", "kek_version": 1, "revoke_url": "#"}],
            "reads": [(ago(seconds=50), "Order to shipment", 412)]}  # fmt: skip
