"""Accepting a delivery: checked over its raw bytes, sealed, and stored before it is answered.

``prepare`` is pure and shared by the ingress process and the plain view; ``ACCEPT`` stores a whole batch in one
round trip and tells which deliveries are new.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from ipaas.core import jsonio
from ipaas.core.context import new_trace, parse_traceparent
from ipaas.core.errors import IpaasError, TooLarge
from ipaas.core.ids import uuid7
from ipaas.events.sealing import receipt_aad
from ipaas.sdk.signatures import SignatureScheme, verify

MAX_BODY = 1_000_000
MAX_DELIVERY_ID = 200
MAX_EVENT = 200
MAX_PUBLIC_ID = 40
KEPT_HEADERS = frozenset({"content-type", "user-agent", "webhook-id", "webhook-timestamp"})
CHANNEL = "ipaas_work"


class EndpointUnknown(IpaasError):
    """There is no endpoint at this address."""

    status = 404
    code = "endpoint_unknown"
    title = "Endpoint unknown"
    remedy = "Check the address in the endpoint's page."


class EndpointPaused(IpaasError):
    """The endpoint {slug} is paused and takes nothing at present."""

    status = 503
    code = "endpoint_paused"
    title = "Endpoint paused"
    remedy = "Send the delivery again later, or resume the endpoint."


class EndpointUnready(IpaasError):
    """The endpoint {slug} can not check signatures at present and takes nothing."""

    status = 503
    code = "endpoint_unready"
    title = "Endpoint not ready"
    remedy = "Send the delivery again later; its owner must enter the signing secret anew."


class DeliveryInvalid(IpaasError):
    """The delivery is not accepted: {reason}"""

    status = 400
    code = "delivery_invalid"
    title = "Delivery not accepted"
    remedy = "Send one JSON document (Content-Type application/json) with the headers that the endpoint's page names."


class DeliveryConflict(IpaasError):
    """The delivery id {delivery_id} came before with another body; both are kept, this one starts nothing."""

    status = 409
    code = "delivery_conflict"
    title = "Delivery id reused"
    remedy = "Give every delivery an id of its own; repeat an id only with the very same body."


class MethodNotAllowed(IpaasError):
    """Only POST is answered here."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    remedy = "Send deliveries with POST."


class SenderGone(IpaasError):
    """The sender closed the connection before its delivery was complete."""

    status = 400
    code = "sender_gone"
    title = "Delivery incomplete"
    remedy = "Send the whole delivery again with the same id."


class SenderSlow(IpaasError):
    """The delivery did not arrive within {seconds} seconds."""

    status = 408
    code = "sender_slow"
    title = "Delivery too slow"
    remedy = "Send the whole delivery again with the same id, over a better connection."


class NotStored(IpaasError):
    """Deliveries can not be stored at present; nothing was accepted."""

    status = 503
    code = "not_stored"
    title = "Not stored"
    remedy = "Send the same delivery again with the same id."


class Sealer(Protocol):
    def seal(self, data: bytes, aad: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What accepting needs of an endpoint; ``secrets`` are the live signing secrets (two during a rotation)."""

    id: UUID
    workspace_id: UUID
    slug: str
    paused: bool
    scheme: SignatureScheme
    signature_required: bool
    secrets: Sequence[str]
    delivery_header: str
    event_header: str
    sealer: Sealer


class ReceiptRow(NamedTuple):
    """A delivery ready to be stored."""

    id: UUID
    workspace_id: UUID
    endpoint_id: UUID
    delivery_id: str | None
    event: str
    body_sha256: bytes
    trace_id: str
    sealed: bytes


_COLUMNS = ", ".join(ReceiptRow._fields)
RECEIPT_KINDS = ("uuid", "uuid", "uuid", "text", "text", "bytea", "text", "bytea")
_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in RECEIPT_KINDS)

ACCEPT = f"""
WITH c AS (SELECT * FROM unnest({_ARRAYS}) AS c({_COLUMNS})),
fresh AS (
  INSERT INTO events_delivery (endpoint_id, delivery_id, receipt_id, body_sha256)
  SELECT endpoint_id, delivery_id, id, body_sha256 FROM c WHERE delivery_id IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING receipt_id
), accepted AS (
  SELECT * FROM c WHERE delivery_id IS NULL OR id IN (SELECT receipt_id FROM fresh)
), receipt AS (
  INSERT INTO events_receipt ({_COLUMNS}, state) SELECT {_COLUMNS}, 'accepted' FROM accepted
), work AS (
  INSERT INTO runtime_work (id, kind, lane, workspace_id, group_id, due_at)
  SELECT id, 0, 1, workspace_id, endpoint_id, now() FROM accepted
)
SELECT id, pg_notify('{CHANNEL}', '') FROM accepted
"""
FIRST_OF = "SELECT receipt_id, body_sha256 FROM events_delivery WHERE endpoint_id = %s AND delivery_id = %s"
KEEP_CONFLICT = f"""
INSERT INTO events_receipt ({_COLUMNS}, state, note)
VALUES ({", ".join(["%s"] * len(RECEIPT_KINDS))}, 'conflict', %s)
"""


def check_address(public_id: str) -> None:
    """Refuse what no address can be before anything is asked."""
    if not public_id.isascii() or not 0 < len(public_id) <= MAX_PUBLIC_ID or "\0" in public_id:
        raise EndpointUnknown


def prepare(endpoint: EndpointView, headers: Mapping[str, str], body: bytes, moment: datetime) -> ReceiptRow:
    """Check a delivery and seal it. ``headers`` have lower-case names.

    Raises ``EndpointPaused``, ``TooLarge``, ``SignatureInvalid`` (401), ``DeliveryInvalid`` or ``JsonInvalid``;
    whatever the sender sends, nothing else.
    """
    if endpoint.paused:
        raise EndpointPaused(slug=endpoint.slug)
    if len(body) > MAX_BODY:
        raise TooLarge(what="body", limit=f"{MAX_BODY} bytes")
    if endpoint.signature_required or endpoint.secrets:
        verify(endpoint.scheme, headers=headers, body=body, secrets=endpoint.secrets, now=moment)
    content_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise DeliveryInvalid(reason=f"the content type {content_type[:60]!r} is not JSON.")
    jsonio.loads(body)
    receipt_id = uuid7()
    trace = parse_traceparent(headers.get("traceparent", "")) or new_trace()
    return ReceiptRow(
        id=receipt_id,
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.id,
        delivery_id=_text(headers, endpoint.delivery_header, MAX_DELIVERY_ID),
        event=_text(headers, endpoint.event_header, MAX_EVENT) or "",
        body_sha256=hashlib.sha256(body).digest(),
        trace_id=trace.trace_id,
        sealed=endpoint.sealer.seal(_content(endpoint, headers, body), receipt_aad(receipt_id)),
    )


def _text(headers: Mapping[str, str], name: str, limit: int) -> str | None:
    value = headers.get(name.lower(), "").strip() if name else ""
    if len(value) > limit or not value.isprintable():
        raise DeliveryInvalid(reason=f"the header {name} is longer than {limit} characters or not printable.")
    return value or None


def _content(endpoint: EndpointView, headers: Mapping[str, str], body: bytes) -> bytes:
    """What is sealed: the headers that tell something, and the body as it came (it is JSON already)."""
    wanted = KEPT_HEADERS | {endpoint.delivery_header.lower(), endpoint.event_header.lower()}
    kept = {name: value for name, value in headers.items() if name in wanted and value.isprintable()}
    return b'{"headers":' + json.dumps(kept).encode() + b',"body":' + body + b"}"


def decide_repeated(row: ReceiptRow, first: tuple[Any, Any]) -> UUID | None:
    """The first receipt of a delivery that came again; None when it came with another body."""
    receipt_id, body_sha256 = first
    return UUID(str(receipt_id)) if bytes(body_sha256) == row.body_sha256 else None


def conflict_row(row: ReceiptRow, first: tuple[Any, Any]) -> list[Any]:
    """The parameters of ``KEEP_CONFLICT``."""
    return [*row, f"the delivery id was first used by receipt {first[0]}"]


def answer_of(receipt_id: UUID) -> bytes:
    """The body of a 202."""
    return b'{"receipt_id":"%s"}' % str(receipt_id).encode()


def columns(rows: Sequence[ReceiptRow]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
