"""Sending what came once more through the flows, and a signed sample through the ingress, because somebody asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection, transaction

from ipaas import audit
from ipaas.config import settings
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.context import new_trace
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound
from ipaas.core.ids import uuid7
from ipaas.core.jobs import wake
from ipaas.core.net import EgressPolicy, HttpClient, NetError, parse_url
from ipaas.core.phrases import said
from ipaas.events.addresses import hook_address
from ipaas.events.contents import FORM
from ipaas.events.intake import ACCEPT, MAX_BODY, RECEIPT_HEADER, EndpointUnknown, ReceiptRow, columns
from ipaas.events.models import Endpoint, Receipt
from ipaas.events.queries import endpoint_view
from ipaas.events.sealing import receipt_aad
from ipaas.sdk.paths import MISSING, read_path, with_path
from ipaas.sdk.signatures import sign, signed_body
from ipaas.vault.payloads import sealer_for

TEST_S = 20.0
MOST_ANSWER = 64 * 1024
_ACCEPT = ACCEPT.replace("%b", "%s")
_NAMED = "UPDATE events_receipt SET redelivery_of = %s WHERE id = %s"


class SampleNotSent(IpaasError):
    """The test delivery did not reach the ingress: {reason}"""

    status = 409
    code = "test_not_sent"
    title = "Test not sent"
    remedy = "Check that the ingress runs, and that IPAAS_PUBLIC_URL leads to it."


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """What the ingress answered to a test delivery; ``receipt_id`` when it was accepted."""

    status: int
    delivery_id: str
    receipt_id: UUID | None
    code: str
    detail: str


@transaction.atomic
def redeliver_receipt(*, actor: Actor, receipt: Receipt, reason: str) -> Receipt:
    """Take a delivery once more as a new receipt that names the old one: every flow that listens now starts again.

    Its runs are new ones with effect keys of their own, so what happened before can happen again. The new receipt has
    no delivery id of the sender: that stays with the first.
    """
    require_permission(actor, "flows.trigger", receipt)
    _refuse_bound(actor)
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    endpoint = Endpoint.objects.filter(id=receipt.endpoint_id, workspace_id=receipt.workspace_id).first()
    if endpoint is None:
        raise Conflict(what=said("The endpoint of this delivery is deleted; nothing could start from it."))
    sealer, new_id = sealer_for(receipt.workspace_id), uuid7()
    content = sealer.open(bytes(receipt.sealed), receipt_aad(receipt.id))
    row = ReceiptRow(
        id=new_id,
        workspace_id=receipt.workspace_id,
        endpoint_id=receipt.endpoint_id,
        delivery_id=None,
        event=receipt.event,
        body_sha256=bytes(receipt.body_sha256),
        trace_id=new_trace().trace_id,
        sealed=sealer.seal(content, receipt_aad(new_id)),
    )
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPT, columns([row]))
        cursor.execute(_NAMED, [receipt.id, new_id])
    details = {"receipt": str(receipt.id), "new_receipt": str(new_id), "reason": reason.strip()}
    _record("delivery.redelivered", endpoint, actor, details)
    transaction.on_commit(lambda: wake("default"))
    return Receipt.objects.get(id=new_id)


def send_test(*, actor: Actor, endpoint: Endpoint, body: Any, event: str = "") -> SampleAnswer:
    """Sign a document as the endpoint's sender would and post it to the ingress; what it starts is real.

    Its id and type are put where the endpoint reads them. Raises SigningSecretUnusable where only the sender can sign,
    SampleNotSent when the ingress is out of reach; a refusal by the endpoint is an answer.
    """
    require_permission(actor, "flows.trigger", endpoint)
    _refuse_bound(actor)
    view = endpoint_view(endpoint.public_id)
    if view is None:
        raise EndpointUnknown
    delivery_id = f"test-{uuid7()}"
    document = _placed(_placed(body, endpoint.delivery_path, delivery_id), endpoint.event_path, event)
    form = view.scheme.kind == "twilio"
    raw = _form_of(document) if form else jsonio.dumps(document)
    if len(raw) > MAX_BODY:
        raise InvalidInput(
            [
                {
                    "path": "body",
                    "code": "body.large",
                    "message": said("has at most {most:,} bytes", most=MAX_BODY),
                }
            ]
        )
    raw = signed_body(view.scheme, body=raw, secrets=view.secrets)
    signed = sign(view.scheme, body=raw, secrets=view.secrets, now=now(), delivery_id=delivery_id, url=view.url)
    told = {endpoint.delivery_header: delivery_id, endpoint.event_header: event}
    headers = {name: value for name, value in told.items() if name and value}
    headers |= {**signed, "content-type": FORM if form else "application/json", "user-agent": "ipaas-test/1"}
    _record("endpoint.tested", endpoint, actor, {"delivery_id": delivery_id, "event": event})
    status, found, answer = asyncio.run(_posted(_inner_address(endpoint), headers, raw))
    answered = answer if isinstance(answer, Mapping) else {}
    return SampleAnswer(
        status=status,
        delivery_id=delivery_id,
        receipt_id=UUID(found) if found else None,
        code=str(answered.get("code", "")),
        detail=str(answered.get("detail", "")),
    )


def _refuse_bound(actor: Actor) -> None:
    """What comes in starts any flow that listens, so it is no matter of who is bound to some."""
    if actor.flows is not None:
        raise NotFound(what="endpoint")


@transaction.atomic
def _record(action: str, endpoint: Endpoint, actor: Actor, details: Mapping[str, Any]) -> None:
    subject = ("endpoint", endpoint.id, endpoint.slug)
    audit.record(action, actor=actor, workspace_id=endpoint.workspace_id, subject=subject, details=details)


def _placed(document: Any, path: str, value: str) -> Any:
    """The document with a value at a path; one that stands there already stays."""
    if not path or "+" in path or not value or not isinstance(document, dict):
        return document
    return document if read_path(document, path) is not MISSING else with_path(document, path, value)


def _form_of(document: Any) -> bytes:
    if not isinstance(document, dict) or any(isinstance(value, dict | list) for value in document.values()):
        message = said("this sender posts forms: write an object of texts and numbers")
        raise InvalidInput([{"path": "body", "code": "body.form", "message": message}])
    return urlencode(document).encode()


def _inner_address(endpoint: Endpoint) -> str:
    """The public address where there is one, so that the way through the proxy is tried too."""
    if settings().public_url:
        return hook_address(endpoint.public_id)
    host = "127.0.0.1" if settings().host in {"0.0.0.0", "::"} else settings().host  # noqa: S104 - compared only
    return f"http://{host}:{settings().ingress_port}/hooks/{endpoint.public_id}"


async def _posted(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, Any]:
    """Status, receipt and document of the answer. Our own address may be a private one; no other target is meant."""
    lines = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    try:
        target = parse_url(url)
        egress = EgressPolicy(frozenset({(target.host, target.port)}))
        async with HttpClient() as client:
            answer = await client.call("POST", url, lines, body, egress=egress, deadline_s=TEST_S, max_body=MOST_ANSWER)
    except NetError as error:
        raise SampleNotSent(reason=error.detail) from None
    named = (value for name, value in answer.headers if name.lower() == RECEIPT_HEADER.lower().encode())
    receipt = next(named, b"").decode("ascii", "replace")
    try:
        return answer.status, receipt, jsonio.loads(answer.body)
    except jsonio.JsonInvalid:
        return answer.status, receipt, None
