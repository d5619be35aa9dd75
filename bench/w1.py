"""The unit of work W1: webhook with an order of 1 KB, ten fields mapped, one POST, everything journalled.

All features are on: Standard Webhooks signature, deduplication by delivery id, sealing, redaction, two business ids,
an intent before the POST with an idempotency key, a bearer token from the vault, rate limit, concurrency cap, breaker.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

SLUG, ENDPOINT, CONNECTION = "bench", "orders", "warehouse-api"

MAPPING = {
    "kind": "mapping",
    "slug": "bench-order",
    "title": "Order for the warehouse",
    "fields": {
        "reference": "source.order.id",
        "number": "source.order.number",
        "placed_at": "source.order.placed_at",
        "currency": "source.order.currency",
        "total_minor": "source.order.total_minor",
        "email": "source.order.customer.email | lower",
        "name": "source.order.customer.first_name ~ ' ' ~ source.order.customer.last_name",
        "city": "source.order.shipping_address.city",
        "country": "source.order.shipping_address.country",
        "pieces": "sum(source.order.lines, item.quantity)",
    },
}
FLOW = {
    "kind": "flow",
    "slug": "bench-orders",
    "title": "Orders to the warehouse",
    "owner": "bench",
    "trigger": {"webhook": {"endpoint": ENDPOINT}},
    "business_ids": {"order": "trigger.body.order.id", "customer": "trigger.body.order.customer.email"},
    "primary_business_id": "order",
    "deadline": "PT1H",
    "steps": [
        {"id": "order", "map": {"mapping": "bench-order@1", "input": "{{ trigger.body }}"}},
        {
            "id": "post",
            "call": {
                "connection": CONNECTION,
                "action": "request",
                "with": {"method": "POST", "path": "/orders", "body": "{{ steps.order.output }}", "effect": "keyed"},
            },
        },
    ],
}
POLICY = {"rate": {"per_second": 100_000, "burst": 100_000}, "concurrency": 1000}


@dataclass(frozen=True, slots=True)
class World:
    """The workspace that is measured and what its sender needs; ``now`` is when it was made."""

    workspace_id: UUID
    environment_id: UUID
    flow_id: UUID
    version_id: UUID
    endpoint_id: UUID
    connection_id: UUID
    path: str
    key: bytes
    now: datetime


def install(target: int) -> World:
    """Make the workspace through the services, as a person would; Django is set up for the instance."""
    from ipaas.accounts import services as accounts
    from ipaas.catalog.services import create_connection
    from ipaas.core.actor import SYSTEM
    from ipaas.events.services import create_endpoint
    from ipaas.governance.services import apply_document, deploy
    from ipaas.vault.models import Secret
    from ipaas.vault.services import create_secret

    key = secrets.token_bytes(32)
    workspace = accounts.create_workspace(slug=SLUG, name="Bench", actor=SYSTEM)
    allowed = {"egress_allow": [f"127.0.0.1:{target}"]}
    workspace = accounts.change_settings(workspace=workspace, settings=allowed, actor=SYSTEM)
    environment = accounts.create_environment(workspace=workspace, slug="production", name="Production", actor=SYSTEM)
    signing = {"signing_secret": "whsec_" + base64.b64encode(key).decode()}
    create_secret(workspace=workspace, slug="signing", fields=signing, actor=SYSTEM, kind=Secret.Kind.SIGNING)
    create_secret(workspace=workspace, slug="token", fields={"token": secrets.token_urlsafe(24)}, actor=SYSTEM)
    connection = create_connection(
        environment=environment,
        slug=CONNECTION,
        connector="http",
        actor=SYSTEM,
        base_url=f"http://127.0.0.1:{target}",
        config={"idempotency_header": True},
        auth_scheme="bearer",
        secret="token",  # noqa: S106 - its name
        policy=POLICY,
    )
    endpoint = create_endpoint(
        actor=SYSTEM,
        environment=environment,
        slug=ENDPOINT,
        title="Orders",
        secret_slug="signing",  # noqa: S106
    )
    apply_document(actor=SYSTEM, workspace=workspace, content=MAPPING)
    applied = apply_document(actor=SYSTEM, workspace=workspace, content=FLOW)
    deploy(flow=applied.document, environment=environment, version=applied.version, actor=SYSTEM)  # type: ignore[arg-type]
    return World(
        workspace.id,
        environment.id,
        applied.document.id,
        applied.version.id,
        endpoint.id,
        connection.id,
        f"/hooks/{endpoint.public_id}",
        key,
        datetime.now(UTC),
    )


def order(reference: str) -> dict[str, Any]:
    """About one kilobyte, as a storefront sends it."""
    lines = [
        {"sku": f"SKU-{number:04}", "title": f"Enamel mug, number {number}", "quantity": number, "unit_minor": 1290}
        for number in range(1, 5)
    ]
    address = {
        "name": "Ada Quarry",
        "street": "Harbour Lane 17",
        "postal_code": "20457",
        "city": "Hamburg",
        "country": "DE",
    }
    return {
        "topic": "order.created",
        "order": {
            "id": reference,
            "number": f"FH-{reference[:8]}",
            "placed_at": "2026-03-14T09:26:53Z",
            "currency": "EUR",
            "total_minor": 12900,
            "payment_token": "tok_" + reference,
            "customer": {
                "id": "cus_" + reference[:12],
                "first_name": "Ada",
                "last_name": "Quarry",
                "email": f"ada.{reference[:8]}@example.com",
                "phone": "+49 40 555 0100",
            },
            "shipping_address": address,
            "lines": lines,
            "note": "Leave the parcel with the neighbour at number 19 if nobody answers the bell.",
        },
    }


def deliveries(path: str, key: bytes, count: int) -> list[bytes]:
    """Signed HTTP requests of as many different orders; valid for five minutes."""
    moment = str(int(time.time()))
    return [_delivery(path, key, moment) for _ in range(count)]


def _delivery(path: str, key: bytes, moment: str) -> bytes:
    delivery = f"msg_{uuid4().hex}"
    body = json.dumps(order(uuid4().hex), separators=(",", ":")).encode()
    signed = b"%s.%s.%s" % (delivery.encode(), moment.encode(), body)
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\ncontent-type: application/json\r\n"
        f"webhook-id: {delivery}\r\nwebhook-timestamp: {moment}\r\nwebhook-signature: v1,{signature}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def lowest_id(moment: float) -> UUID:
    """The lowest UUIDv7 of a moment (seconds since the epoch): lets a query look at few partitions only."""
    return UUID(int=int(moment * 1000) << 80)
