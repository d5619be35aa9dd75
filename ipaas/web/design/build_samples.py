"""Sample data of the building pages: flows, mappings, schemas, endpoints."""

from typing import Any

from ipaas.contracts.models import Schema
from ipaas.flows.models import Flow
from ipaas.mapping.models import Mapping
from ipaas.web import build_readmodels as brm
from ipaas.web import readmodels as rm
from ipaas.web.design.more_samples import LIST_FILTERS, crumbs, page
from ipaas.web.design.samples import DOCUMENT, ORDER, ago, components, options, run_rows

FLOWS = [
    rm.FlowRow("order-to-shipment", "/design/flow/", "Order to shipment", "fulfilment", "active", [("production", 7), ("staging", 8)], 442, 98.6, [3, 8, 12, 9, 22, 31, 28], 7),
    rm.FlowRow("refund-on-return", "#", "Refund on return", "finance", "paused", [("production", 3)], 31, 100.0, [1, 2, 0, 3, 2, 4, 3]),
    rm.FlowRow("stock-levels", "#", "Stock levels to storefront", "merchandising", "draft", [], 0, None, []),
]  # fmt: skip
BLOCKS = [
    rm.BlockView("validate-order", "Check the order", "validate", "order-created@1"),
    rm.BlockView("pay", "Charge the card", "call", "payments charge", "refund"),
    rm.BlockView("lines", "For every line", "for_each", "trigger.body.order.lines, 10 at once", blocks=[
        rm.BlockView("reserve", "Reserve stock", "call", "inventory reserve", "release")]),
    rm.BlockView("big", "Large order?", "branch", "", blocks=[
        rm.BlockView("ask", "Ask a person", "approval", "role approver, expires in 1 day", lane="order.total > 5000"),
        rm.BlockView("go", "Book the parcel", "call", "shipping book", "cancel booking", lane="else")]),
    rm.BlockView("survey", "Send a survey", "call", "smtp send_mail", disabled=True),
]  # fmt: skip
VERSIONS = [
    rm.VersionRow(8, "published", "9f2c…", ago(hours=3), "Bob", "Ask a person above € 5,000", ["staging"], diff_url="/design/flow-diff/"),
    rm.VersionRow(7, "published", "1b77…", ago(days=12), "Alice", "Reserve lines in parallel", ["production"], diff_url="#"),
    rm.VersionRow(6, "deprecated", "55d0…", ago(days=40), "Alice", "First with compensation", [], diff_url="#"),
]  # fmt: skip
DEPLOYMENTS = [
    brm.DeploymentRow("Staging", "staging", 8, 7, True, "Bob", ago(hours=3)),
    brm.DeploymentRow("Production", "production", 7, 6, True, "Alice", ago(days=12), "https://ipaas.example/hooks/Zk3rQ0x9", rm.Link("Orders of the storefront", "/design/endpoint/")),
    brm.DeploymentRow("Development", "development", 3, None, False, "Alice", ago(days=80)),
]  # fmt: skip
FIELDS = [
    brm.FieldRow("order_id", "source.order.id", value="SO-10482"),
    brm.FieldRow("customer.phone", "source.order.customer.phone", "absent: omit"),
    brm.FieldRow("lines[]", "source.order.lines", "for each line"),
    brm.FieldRow("weight_g", "sum(source.order.lines, item.weight)", error="weight_g: weight is missing (reads source.order.lines)"),
]  # fmt: skip
ENDPOINTS = [
    brm.EndpointRow("storefront-orders", "/design/endpoint/", "Orders of the storefront", "Production", "https://ipaas.example/hooks/Zk3rQ0x9", "HMAC SHA256", True, "active", ago(seconds=20)),
    brm.EndpointRow("old-till", "#", "Till of the old shop", "Production", "https://ipaas.example/hooks/p7Ytr2", "unsigned", False, "paused"),
]  # fmt: skip
RECEIPTS = [
    brm.ReceiptRow("01979c3e", ago(seconds=20), "processed", "evt_5512", "order.created", "", "4bf9", [rm.Link("run 1b0a88e1", "/design/run/")]),
    brm.ReceiptRow("01979c3d", ago(minutes=4), "conflict", "evt_5511", "order.created", "came before with another body", "4bf9"),
    brm.ReceiptRow("01979c3c", ago(hours=2), "unmatched", "evt_5490", "order.updated", "", "4bf9"),
]  # fmt: skip
DEEDS = {"edit_url": "/design/flow-form/", "diff_url": "/design/flow-diff/", "draft_diff_url": "/design/flow-diff/", "text_url": "#", "deprecate_url": "#", "archive_url": "#", "restore_url": "", "published": options("Version 8", "Version 7"), "part_of": "", "shown": "Version 7"}  # fmt: skip
EDITOR = {"revision": 4, "text": DOCUMENT, "document_label": "Flow document", "guide": None, "save_url": "#", "check_url": "", "publish_url": "#", "part_of": "", "problem": ""}  # fmt: skip


class Environment:
    name = "Production"


class FigureSample:
    under_way = 18


class PreviewSample:
    rows, target, failed = FIELDS, ORDER, 1
    findings = (rm.Finding("warning", "The target breaks order@2: 'city' is missing", "/recipient"),)


def flows() -> dict[str, Any]:
    return {
        "page": page(FLOWS, "3 flows"),
        "filters": LIST_FILTERS,
        "new_url": "/design/flow-form/",
        "environment": Environment,
    }


def flow() -> dict[str, Any]:
    return {"document": Flow(slug="order-to-shipment", title="Order to shipment", description="An order is paid, reserved and shipped.", draft_revision=9),
            "flow": FLOWS[0], "figures": FigureSample, "environment": Environment, "blocks": BLOCKS, "versions": VERSIONS,
            "trigger": "the endpoint storefront-orders receives order.created", "deployments": DEPLOYMENTS, "recent": run_rows()[:5],
            "crumbs": crumbs("Flows", "/design/flows/"), "runs_url": "/design/runs/",
            "facts": [("Input", "order-created@1"), ("Deadline", "1 d"), ("Business ids", "order (primary), customer"), ("After a failure", "business rejection: compensate; otherwise dead letter")],
            "run_url": "/design/flow-run/", "pause_url": "#", "resume_url": "", "deploy_url": "#", "deploy_to": options("Staging", "Production"),
            "roll_back_url": "#", "roll_back_in": options("Production"), "undeploy_url": "#", "undeploy_in": options("Production"), **DEEDS}  # fmt: skip


def flow_run() -> dict[str, Any]:
    body = '{\n  "order": {"id": "SO-10482", "total": "129.90"}\n}\n'
    return {"flow": FLOWS[0], "crumbs": crumbs("Flows", "/design/flows/"), "body": body, "key": "by-hand-0197", "cancel_url": "#",
            "environments": options("Production (version 7)"), "problem": "The body breaks the flow's contract.",
            "findings": [rm.Finding("error", "lines is missing", "/order", 2, 3)]}  # fmt: skip


def flow_form() -> dict[str, Any]:
    return {"document": Flow(slug="order-to-shipment", title="Order to shipment"), "title": "Order to shipment", "kind": "flow",
            "findings": components()["findings"], "blocks": BLOCKS, "crumbs": crumbs("Flows", "/design/flows/"), "live_label": "Version 7",
            "live_text": DOCUMENT.replace("P1D", "PT2H"), "environments": options("Staging", "Production"), **EDITOR}  # fmt: skip


def flow_conflict() -> dict[str, Any]:
    return {**flow_form(), "problem": "The draft moved on.", "conflict": {
        "revision": 5, "by": "Bob", "at": ago(minutes=2), "text": DOCUMENT.replace("P1D", "P2D"), "load_url": "#",
        "rows": [rm.DiffRow("/deadline", "changed", "P2D", "P1D")]}}  # fmt: skip


def flow_diff() -> dict[str, Any]:
    return {"title": "Order to shipment: what changed", "crumbs": crumbs("Flows", "/design/flows/"), "before_label": "Version 7",
            "after_label": "Version 8", "before": DOCUMENT.replace("P1D", "PT2H"), "after": DOCUMENT, "since": options("Version 7"), "to": options("Version 8"),
            "rows": [rm.DiffRow("/deadline", "changed", "PT2H", "P1D")]}  # fmt: skip


def mappings() -> dict[str, Any]:
    rows = [brm.DocumentRow("order-canonical", "/design/mapping/", "Storefront order to our order", 3, ago(days=2)),
            brm.DocumentRow("refunds--row", "#", "Make the row", 1, ago(days=9), rm.Link("refund-on-return", "/design/flow/"))]  # fmt: skip
    return {"page": page(rows, "2 mappings"), "filters": LIST_FILTERS, "new_url": "/design/mapping-form/"}


def mapping() -> dict[str, Any]:
    return {"document": Mapping(slug="order-canonical", title="Storefront order to our order", latest_version=3), "fields": FIELDS,
            "tests_url": "#tests",
            "source_schema": rm.Link("order-created@1", "/design/schema/"), "target_schema": None, "versions": VERSIONS,
            "used_by": [brm.UseRow("Flow", "Order to shipment", "/design/flow/", ["Production v7"])], "crumbs": crumbs("Mappings", "/design/mappings/"), **DEEDS}  # fmt: skip


def mapping_form() -> dict[str, Any]:
    return {"document": Mapping(slug="order-canonical"), "title": "Storefront order to our order", "kind": "mapping", "findings": [],
            "crumbs": crumbs("Mappings", "/design/mappings/"), "sample": "{}", "preview": PreviewSample, "variables_of": "Production", **EDITOR}  # fmt: skip


def schemas() -> dict[str, Any]:
    return {**mappings(), "new_url": "/design/schema-form/"}


def schema() -> dict[str, Any]:
    return {"document": Schema(slug="order-created", title="Order created", latest_version=1), "schema": {"type": "object", "required": ["order"]},
            "examples": [ORDER], "refers_to": [rm.Link("address@2", "#")], "sensitive": [("order.customer.email", "personal")], "versions": VERSIONS, "used_by": [],
            "crumbs": crumbs("Schemas", "/design/schemas/"), **DEEDS}  # fmt: skip


def schema_form() -> dict[str, Any]:
    return {"document": None, "title": "New schema", "kind": "schema", "findings": [], "crumbs": crumbs("Schemas", "/design/schemas/"),
            "sample": "{}", "tried": [rm.Finding("error", "order is missing", "(all)")], **EDITOR}  # fmt: skip


def endpoints() -> dict[str, Any]:
    return {"page": page(ENDPOINTS, "2 endpoints"), "filters": LIST_FILTERS, "new_url": "#", "environment": Environment}


def endpoint() -> dict[str, Any]:
    return {"endpoint": ENDPOINTS[0], "crumbs": crumbs("Endpoints", "/design/endpoints/"), "facts": [("Delivery id", "header X-Delivery"), ("Event type", "header X-Topic")],
            "secret": rm.Link("storefront-hook", "/design/secret/"), "starts": [rm.Link("Order to shipment v7 (order.created)", "/design/flow/")],
            "tabs": [rm.Tab("Accepted", "?", True), rm.Tab("Refused", "?show=refused", False)], "test_url": "#",
            "page": page(RECEIPTS, "3 receipts, newest first"), "edit_url": "#", "pause_url": "#", "resume_url": "", "rotate_url": "#", "delete_url": "#"}  # fmt: skip
