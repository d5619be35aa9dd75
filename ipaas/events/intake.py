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
from ipaas.core.net import PUBLIC_ONLY, EgressPolicy
from ipaas.events.caps import Network, check_source
from ipaas.events.contents import read_body, told
from ipaas.events.sealing import receipt_aad
from ipaas.sdk.handshakes import JSON, Answer, Greeting, Handshake
from ipaas.sdk.signatures import SignatureScheme, verify, without_token

MAX_BODY = 1_000_000
MAX_DELIVERY_ID = 200
MAX_EVENT = 200
MAX_PUBLIC_ID = 40
CLOUD_EVENT = frozenset(
    f"ce-{name}" for name in ("specversion", "id", "source", "type", "subject", "time", "dataschema")
)
"""The context attributes of a CloudEvent in binary mode (CloudEvents 1.0.2, HTTP binding 3.1)."""
KEPT_HEADERS = frozenset({"content-type", "user-agent", "webhook-id", "webhook-timestamp"}) | CLOUD_EVENT
CHANNEL = "ipaas_work"
RECEIPT_HEADER = "Receipt-Id"


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
    remedy = "Send the delivery again later; its owner must see to the signing secret, or to the store that keeps it."


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
    """What accepting needs of an endpoint; ``secrets`` are the live signing secrets (two during a rotation).

    ``url`` is its public address, ``egress`` what its sender's keys may be fetched from, ``keys`` what was fetched.
    """

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
    url: str = ""
    delivery_path: str = ""
    event_path: str = ""
    egress: EgressPolicy = PUBLIC_ONLY
    max_body: int = MAX_BODY
    sources: Sequence[Network] = ()
    rate_per_minute: int = 0
    handshake: Handshake | None = None
    verify_tokens: Sequence[str] = ()
    keys: Sequence[str] = ()
    answer_status: int = 202


@dataclass(frozen=True, slots=True)
class Arrival:
    """What reached an endpoint. ``headers`` have lower-case names; ``peer`` is whom it came from, "" when unknown;
    ``certificate`` is what a trusted proxy hands on, see ``client_certificates``."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    query: str = ""
    peer: str = ""
    certificate: str = ""


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


def prepare(endpoint: EndpointView, arrival: Arrival, moment: datetime) -> ReceiptRow | Answer | Greeting:
    """Check what reached an endpoint: a delivery is sealed, a challenge answered; a greeting is to be kept.

    Raises ``EndpointPaused``, ``TooLarge``, ``SourceRefused``, ``HandshakeRefused``, ``MethodNotAllowed``,
    ``SignatureInvalid`` (401), ``DeliveryInvalid`` or ``JsonInvalid``; whatever the sender sends, nothing else.
    """
    if endpoint.paused:
        raise EndpointPaused(slug=endpoint.slug)
    if len(arrival.body) > endpoint.max_body:
        raise TooLarge(what="body", limit=f"{endpoint.max_body} bytes")
    check_source(endpoint.sources, arrival.peer)
    handshake = endpoint.handshake
    if handshake is not None:
        said = handshake.greeting(arrival.method, arrival.headers) or handshake.unsigned(
            arrival.method, arrival.query, arrival.body, endpoint.verify_tokens, endpoint.url
        )
        if said is not None:
            return said
    if arrival.method != "POST":
        raise MethodNotAllowed
    if endpoint.signature_required or endpoint.secrets or endpoint.scheme.vouches_alone:
        check_signature(endpoint, arrival, moment)
    document, text = read_body(arrival.headers, arrival.body)
    if (kept := without_token(endpoint.scheme, document)) is not document:
        document, text = kept, jsonio.dumps(kept)
    answer = handshake.signed(document) if handshake is not None else None
    return answer or _row(endpoint, arrival, document, text)


def check_signature(endpoint: EndpointView, arrival: Arrival, moment: datetime) -> None:
    """Raise SignatureInvalid unless the endpoint's sender vouches for what came."""
    verify(
        endpoint.scheme,
        headers=arrival.headers,
        body=arrival.body,
        secrets=endpoint.secrets,
        now=moment,
        url=f"{endpoint.url}?{arrival.query}" if arrival.query else endpoint.url,
        keys=endpoint.keys,
        certificate=arrival.certificate,
    )


def _row(endpoint: EndpointView, arrival: Arrival, document: Any, text: bytes) -> ReceiptRow:
    receipt_id, headers = uuid7(), arrival.headers
    trace = parse_traceparent(headers.get("traceparent", "")) or new_trace()
    return ReceiptRow(
        id=receipt_id,
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.id,
        delivery_id=told(headers, document, endpoint.delivery_header, endpoint.delivery_path, MAX_DELIVERY_ID),
        event=told(headers, document, endpoint.event_header, endpoint.event_path, MAX_EVENT) or "",
        body_sha256=hashlib.sha256(arrival.body).digest(),
        trace_id=trace.trace_id,
        sealed=endpoint.sealer.seal(_content(endpoint, headers, text), receipt_aad(receipt_id)),
    )


def _content(endpoint: EndpointView, headers: Mapping[str, str], text: bytes) -> bytes:
    """What is sealed: the headers that tell something, and the body as JSON."""
    return b'{"headers":' + json.dumps(kept_headers(endpoint, headers)).encode() + b',"body":' + text + b"}"


def kept_headers(endpoint: EndpointView, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that tell something and hold no secret."""
    wanted = KEPT_HEADERS | {endpoint.delivery_header.lower(), endpoint.event_header.lower()}
    return {name: value for name, value in headers.items() if name in wanted and value.isprintable()}


def decide_repeated(row: ReceiptRow, first: tuple[Any, Any]) -> UUID | None:
    """The first receipt of a delivery that came again; None when it came with another body."""
    receipt_id, body_sha256 = first
    return UUID(str(receipt_id)) if bytes(body_sha256) == row.body_sha256 else None


def conflict_row(row: ReceiptRow, first: tuple[Any, Any]) -> list[Any]:
    """The parameters of ``KEEP_CONFLICT``."""
    return [*row, f"the delivery id was first used by receipt {first[0]}"]


def answer_of(endpoint: EndpointView, receipt_id: UUID) -> Answer:
    """What the sender of an accepted delivery is told, with the status that its endpoint answers."""
    body = b"" if endpoint.answer_status == 204 else b'{"receipt_id":"%s"}' % str(receipt_id).encode()
    return Answer(body, JSON, {RECEIPT_HEADER: str(receipt_id)}, endpoint.answer_status)


def columns(rows: Sequence[ReceiptRow]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
