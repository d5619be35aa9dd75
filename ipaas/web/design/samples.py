"""Sample data of the component page; nothing else imports it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from ipaas.accounts.models import Environment, Workspace
from ipaas.core import clock
from ipaas.web import readmodels as rm
from ipaas.web.keyboard import GO, key_groups
from ipaas.web.shell import NAVIGATION, NavGroup, NavItem, Shell, language_options, theme_of

PAGE_OF_KEY = {
    "home": "home", "runs": "runs", "deadletters": "dead-letters", "approvals": "approvals", "flows": "flows",
    "mappings": "mappings", "schemas": "schemas", "endpoints": "endpoints", "catalog": "connections", "webhooks": "endpoints", "connections": "connections", "secrets": "secrets", "stubs": "stubs", "audit": "audit",
    "settings": "components",
}  # fmt: skip
CALLED = rm.Impact(
    "Confirm to the customer", "called_again", "smtp send_mail: it never got an answer in the first run."
)
ORDER: dict[str, Any] = {
    "id": "SO-10482",
    "total": Decimal("129.90"),
    "currency": "EUR",
    "gift": False,
    "note": None,
    "customer": {"email": "‹redacted:7c21›", "name": "‹redacted:e04b›", "country": "DE"},
    "lines": [{"sku": "MUG-BLUE", "quantity": 2}, {"sku": "TEA-ASSAM-500", "quantity": 1}],
}


def ago(**parts: float) -> Any:
    return clock.now() - timedelta(**parts)


def shell(request: HttpRequest, page: str) -> Shell:
    """Navigation among the sample pages."""
    workspace = Workspace(slug="northwind", name="Northwind Trading")
    environments = [
        Environment(workspace=workspace, slug=slug, name=slug.capitalize())
        for slug in ("development", "staging", "production")
    ]
    counts = {"deadletters": 7, "approvals": 2}
    nav = [
        NavGroup(
            gettext(group),
            [
                NavItem(key, gettext(label), f"/design/{PAGE_OF_KEY[key]}/", PAGE_OF_KEY[key] == page, counts.get(key),
                        "bad" if key == "deadletters" else "wait", GO[key])
                for key, label, *_rest in entries
                if key in PAGE_OF_KEY
            ],
        )
        for group, entries in NAVIGATION
    ]  # fmt: skip
    return Shell(
        theme=request.GET.get("theme", theme_of(request)), path=request.path, languages=language_options(),
        workspace=workspace,
        workspaces=[workspace, Workspace(slug="contoso", name="Contoso Retail")], environment=environments[2],
        environments=environments, nav=nav, search_url="/design/runs/", environment_url="#",
        keys=key_groups([(item.key, item.label) for one in nav for item in one.items]), jump_url="/design/jump/",
    )  # fmt: skip


ERROR = rm.ErrorView(
    "business_rejection", "shipping.address_rejected", "The carrier refused the address: house number missing.", 422,
    "Correct the address in the input and replay.",
)  # fmt: skip


def run_rows() -> list[rm.RunRow]:
    rows = [
        ("running", 2, None, "Reserve stock", None),
        ("waiting", 41, None, "Charge the card: throttled, next try in 12 s", None),
        ("succeeded", 65, 1840.0, "Confirm to the customer", None),
        ("compensating", 140, None, "Refund the charge", ERROR),
        ("dead", 300, 5230.0, "", ERROR),
        ("needs_operator", 900, 8120.0, "",
         rm.ErrorView("outcome_unknown", "gateway.outcome_unknown", "The connection broke after the charge was sent.")),
        ("compensated", 1900, 4100.0, "Refund the charge", None),
        ("cancelled", 8000, 900.0, "", None),
        ("succeeded", 90000, 640.0, "Write to the warehouse", None),
    ]  # fmt: skip
    return [
        rm.RunRow(
            id=f"01979c3e-0000-7000-8000-0000000000{index:02d}", url="/design/run/", flow="Order to shipment",
            status=status, business_ids=[("order", f"SO-{10482 - index}"), ("customer", f"C-{2210 + index}")],
            started_at=ago(seconds=age), duration_ms=took, step=step, error=error,
        )
        for index, (status, age, took, step, error) in enumerate(rows)
    ]  # fmt: skip


def options(*labels: str) -> list[rm.Option]:
    return [rm.Option(label.lower(), label, index == 0) for index, label in enumerate(labels)]


BULK_JOB = rm.BulkJob("1", "Replay of 120 dead letters", "running", 47, 2, 120, 60, "#", "#", "", "effects_undone")
JOBS: dict[str, Any] = {"jobs": [BULK_JOB], "jobs_version": "1", "jobs_url": "", "jobs_live": False}


def runs() -> dict[str, Any]:
    return {
        "page": rm.CursorPage(run_rows(), "9 runs, newest first", next_url="#"),
        "filters": {
            "q": "", "status": options("Any state", "Running", "Waiting", "Dead letter"),
            "flow": options("Any flow", "Order to shipment"), "since": options("Last 24 h", "Last 7 days"),
            "error_class": options("Any class", "Throttled", "Business rejection"), "clear_url": "#",
        },
        "version": "1", "poll_url": "", **JOBS,
        "bulk": {"cancel": {"url": "#", "count_url": "#", "count": "9"}}, "saved": [], "save_url": "#",
    }  # fmt: skip


def _attempts() -> list[rm.AttemptView]:
    request = {
        "method": "POST",
        "path": "/v1/charges",
        "headers": {"Idempotency-Key": "k-7f12", "Authorization": "‹redacted:aa01›"},
        "body": {"amount": 12990, "currency": "EUR", "card": "‹redacted:19fe›"},
    }
    return [
        rm.AttemptView(1, "failed", 150, 210, 503, "The vendor is unavailable.",
                       [rm.Verdict("retry", "again in 740 ms (full jitter)", "wait")], request,
                       {"status": 503, "body": {"error": "unavailable"}}),
        rm.AttemptView(2, "failed", 1100, 160, 429, "Too many requests.",
                       [rm.Verdict("retry", "Retry-After 1 s honoured", "wait"), rm.Verdict("rate limit", "waited 80 ms", "idle")],
                       request, {"status": 429}),
        rm.AttemptView(3, "succeeded", 2300, 340, 201, "", [rm.Verdict("idempotency", "recorded under k-7f12", "ok")],
                       request, {"status": 201, "body": {"charge": "ch_5510", "state": "captured"}}),
    ]  # fmt: skip


def run_steps() -> list[rm.StepView]:
    return [
        rm.StepView("validate-order", "Check the order", "validate", "succeeded", 8, 14, input=ORDER, output={"valid": True}),
        rm.StepView("to-charge", "Map to a charge", "map", "succeeded", 30, 6, input=ORDER, output={"amount": 12990}),
        rm.StepView("pay", "Charge the card", "call", "succeeded", 150, 2490, connection="payments", attempts=_attempts(),
                    waits=[rm.WaitView("Backoff after HTTP 503", None, 360, 740), rm.WaitView("Retry-After", None, 1260, 1040)],
                    input={"amount": 12990}, output={"charge": "ch_5510"}, replay_url="?dialog=replay"),
        rm.StepView("reserve", "Reserve every line", "for_each", "succeeded", 2660, 420, input=ORDER["lines"], output=None),
        rm.StepView("reserve.0", "Reserve stock", "call", "succeeded", 2670, 190, 1, "1 of 2", "inventory",
                    output={"reservation": "r-881"}, recorded=True),
        rm.StepView("reserve.1", "Reserve stock", "call", "succeeded", 2680, 390, 1, "2 of 2", "inventory"),
        rm.StepView("ship", "Book the parcel", "call", "failed", 3100, 480, connection="shipping", error=ERROR, attempts=[
            rm.AttemptView(1, "failed", 3100, 480, 422, ERROR.message,
                           [rm.Verdict("retry", "business rejection is never retried", "bad")],
                           {"method": "POST", "path": "/parcels"}, {"status": 422, "body": {"field": "house_number"}})],
                    input={"address": {"street": "‹redacted:0b77›", "city": "Ulm"}}, replay_url="?dialog=replay", skip_url="#"),
        rm.StepView("pay~undo", "Refund the charge", "call", "compensated", 3700, 560, connection="payments"),
        rm.StepView("reserve~undo", "Release the stock", "call", "running", 4300, 700, connection="inventory"),
        rm.StepView("confirm", "Confirm to the customer", "call", "pending", 0, None, connection="smtp"),
    ]  # fmt: skip


def run() -> dict[str, Any]:
    detail = rm.RunDetail(
        id="01979c3e-7a41-7c02-9d55-2f6c1b0a88e1", flow="Order to shipment", flow_url="/design/flow/", flow_version=7,
        environment="Production", status="compensating", status_reason="Booking the parcel failed; what was done is being undone",
        business_ids=[("order", "SO-10482"), ("customer", "C-2210")], trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        started_at=ago(seconds=140), finished_at=None, duration_ms=5000, window_ms=5000,
        trigger="webhook storefront-orders, order.created", steps=run_steps(),
        effects=[rm.Effect("Charge € 129.90", "payments", "ch_5510", "compensated"),
                 rm.Effect("Reservation of 2 lines", "inventory", "r-881, r-882", "succeeded")],
        input=ORDER, error=ERROR, version="1", live=False, poll_url="", replay_url="#", replay_preview_url="",
        resume_url="#", cancel_url="#", raw_url="#", replay_of=None, replays=[rm.Link("replay 1", "#")],
    )  # fmt: skip
    return {
        "run": detail,
        "crumbs": [rm.Link("Runs", "/design/runs/")],
        "impacts_problem": "",
        "problem": "",
        "replay_from": "",
        "impacts": [
            rm.Impact("Charge the card", "recorded", "payments ch_5510: the recorded answer is used."),
            rm.Impact("Reserve every line", "recorded", "inventory r-881, r-882."),
            rm.Impact("Book the parcel", "called_again", "shipping: it failed, so it is called again."),
            CALLED,
        ],
    }


def home() -> dict[str, Any]:
    return {
        "tiles": [
            {"label": "Orders shipped today", "value": "412", "hint": "38 more than by this time yesterday", "url": "#", "tone": "", "icon": "ok", "trend": [3, 8, 12, 9, 22, 31, 28, 40]},
            {"label": "Under way", "value": "18", "hint": "oldest 4 min", "url": "#", "tone": "", "icon": "running", "trend": []},
            {"label": "Stuck", "value": "7", "hint": "€ 1,204.10 · 6 customers", "url": "#", "tone": "bad", "icon": "dead", "trend": []},
            {"label": "Waits for you", "value": "2", "hint": "next expires in 3 h", "url": "#", "tone": "wait", "icon": "approvals", "trend": []},
        ],
        "outcomes": [
            rm.OutcomeRow("Order to shipment", "#", "412 orders shipped", 412, 18, 5, 7, [3, 8, 12, 9, 22, 31, 28, 40]),
            rm.OutcomeRow("Refund on return", "#", "31 refunds paid", 31, 0, 0, 0, [1, 2, 0, 3, 2, 4, 3, 1]),
            rm.OutcomeRow("Stock levels to storefront", "#", "1,920 levels published", 1920, 2, 0, 0, [20, 21, 20, 22, 20, 21, 22, 20]),
        ],
        "todos": [
            rm.TodoItem("approvals", "Approve a refund of € 840.00 for order SO-10377", "#", ago(hours=2)),
            rm.TodoItem("operator", "One charge has an unknown outcome: order SO-10477", "#", ago(minutes=15), "bad"),
            rm.TodoItem("breaker-open", "Connection shipping: breaker open, 12 runs wait", "#", ago(minutes=6), "bad"),
        ],
        "throughput": {"x": [1_764_000_000 + 600 * i for i in range(24)], "unit": "", "series": [
            {"label": "Succeeded", "tone": "ok", "values": [20, 24, 22, 30, 34, 40, 38, 44, 46, 40, 42, 50, 52, 47, 44, 40, 46, 55, 58, 60, 52, 50, 47, 49]},
            {"label": "Failed", "tone": "bad", "values": [0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0, 3, 6, 4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]}]},
        "version": "1", "poll_url": "",
    }  # fmt: skip


def components() -> dict[str, Any]:
    return {
        "states": [
            "queued", "running", "waiting", "retrying", "compensating", "compensated", "succeeded", "failed", "dead",
            "needs_operator", "unknown", "cancelled", "skipped", "recorded", "called_again", "computed", "paused",
            "draft", "published", "deprecated", "healthy", "degraded", "breaker_closed", "breaker_half_open", "breaker_open",
        ],
        "page": runs()["page"], "run": run()["run"], "errors": ["Ensure this value is greater than or equal to 1."],
        "order": ORDER, "job": BULK_JOB, "trend": [3, 8, 12, 9, 22, 31, 28, 40],
        "tabs": [rm.Tab("Overview", "#", True), rm.Tab("Versions", "#", False, 7), rm.Tab("Runs", "#")],
        "options": options("Any state", "Running", "Dead letter"),
        "impacts": run()["impacts"],
        "findings": [
            rm.Finding("error", "The connection “shiping” does not exist in Production.", "steps[4].call.connection", 9, 7, "Did you mean shipping?"),
            rm.Finding("warning", "This call has no compensation.", "steps[2]", 5, 3),
        ],
        "diff": [
            rm.DiffRow("shipping.house_number", "added", "", "12a"),
            rm.DiffRow("shipping.city", "changed", "Ullm", "Ulm"),
            rm.DiffRow("note", "removed", "leave at the door", ""),
        ],
        "document": DOCUMENT,
        "chart": home()["throughput"], "moment": ago(minutes=3),
        "document_before": DOCUMENT.replace("P1D", "PT2H"),
    }  # fmt: skip


DOCUMENT = """kind: flow
slug: order-to-shipment
title: Order to shipment
owner: fulfilment
trigger:
  webhook: {endpoint: storefront-orders, events: [order.created]}
business_ids: {order: trigger.body.order.id}
primary_business_id: order
deadline: P1D
steps:
  - id: pay
    title: Charge the card
    call: {connection: payments, action: charge, with: {amount: "{{ money_minor(trigger.body.order.total) }}"}}
    compensate: {call: {connection: payments, action: refund, with: {charge: "{{ steps.pay.output.id }}"}}}
"""
