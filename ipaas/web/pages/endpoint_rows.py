"""Endpoints and what reached them, as the pages show it: never a delivery's content."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_time
from ipaas.core.phrases import in_words, unpacked
from ipaas.events.addresses import hook_address
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.web.build_readmodels import EndpointRow, ReceiptRow
from ipaas.web.pages.endpoint_forms import VENDORS
from ipaas.web.readmodels import Link

SCHEMES = {
    **VENDORS,
    "hmac": "HMAC",
    "jwt": "JWT",
    "public-key": gettext_noop("public key"),
    "client-certificate": gettext_noop("client certificate"),
    "basic": gettext_noop("user and password"),
    "token": gettext_noop("fixed token"),
    "none": gettext_noop("unsigned"),
}


def endpoint_url(endpoint: Endpoint, name: str = "endpoint_detail") -> str:
    return reverse(f"events:{name}", args=[endpoint.workspace.slug, endpoint.environment.slug, endpoint.slug])


def endpoint_of(request: WorkspaceRequest, environment: str, slug: str) -> Endpoint:
    """An endpoint by its address. Raises NotFound."""
    place = Environment.objects.filter(workspace=request.workspace, slug=environment).first()
    rows = Endpoint.objects.select_related("workspace", "environment").filter(workspace=request.workspace, slug=slug)
    found = rows.filter(environment=place).first() if place is not None else None
    if found is None:
        raise NotFound(what="endpoint")
    return found


def endpoint_rows(endpoints: Iterable[Endpoint]) -> list[EndpointRow]:
    found = list(endpoints)
    newest = _newest_receipts([one.id for one in found])
    return [endpoint_row(one, newest.get(one.id)) for one in found]


def endpoint_row(endpoint: Endpoint, newest: UUID | None = None) -> EndpointRow:
    scheme = endpoint.signature.get("scheme", "none")
    digest = f" {endpoint.signature.get('algorithm', 'sha256').upper()}" if scheme in {"hmac", "jwt"} else ""
    return EndpointRow(
        slug=endpoint.slug,
        url=endpoint_url(endpoint),
        title=endpoint.title,
        environment=endpoint.environment.name,
        address=hook_address(endpoint.public_id),
        scheme=f"{_(SCHEMES.get(scheme, scheme))}{digest}",
        signed=endpoint.signature_required,
        state=endpoint.state,
        last_at=uuid7_time(newest) if newest else None,
    )


def _newest_receipts(endpoint_ids: list[UUID]) -> Mapping[UUID, UUID]:
    """Id of the newest receipt by endpoint: one look into the index for each."""
    newest = {
        one: Receipt.objects.filter(endpoint_id=one).order_by("-id").values_list("id").first() for one in endpoint_ids
    }
    return {one: found[0] for one, found in newest.items() if found}


def receipt_rows(
    request: WorkspaceRequest, receipts: Iterable[Receipt], endpoint: Endpoint | None = None
) -> list[ReceiptRow]:
    """With ``endpoint`` each leads to its own page, for those who may see content."""
    return [
        ReceiptRow(
            id=str(one.id),
            at=uuid7_time(one.id),
            state=one.state,
            delivery_id=one.delivery_id or "",
            event=one.event,
            note=note_of(one),
            trace_id=one.trace_id,
            runs=[_run_link(request, run_id) for run_id in one.run_ids or ()],
            url=_delivery_url(request, endpoint, one.id),
        )
        for one in receipts
    ]


def arrival_rows(request: WorkspaceRequest, notes: Iterable[ArrivalNote], endpoint: Endpoint) -> list[ReceiptRow]:
    """What became no receipt, in the same table."""
    return [
        ReceiptRow(
            id=str(one.id),
            at=uuid7_time(one.id),
            state=one.verdict,
            delivery_id=f"{one.method} {one.code or one.status}",
            event="",
            note=refusal_of(one),
            trace_id="",
            url=_delivery_url(request, endpoint, one.id),
        )
        for one in notes
    ]


def refusal_of(note: ArrivalNote) -> str:
    """Why an arrival became no receipt, in the language of the page."""
    return in_words(unpacked(note.words)) or note.detail


def note_of(receipt: Receipt) -> str:
    """What became of a receipt that started nothing, in the language of the page."""
    if receipt.state == Receipt.State.UNMATCHED:
        return _("No active flow takes it.")
    if receipt.state == Receipt.State.CONFLICT and receipt.note:  # the note ends with the id of the other
        return _("The delivery id was first used by receipt {receipt}.").format(receipt=receipt.note.rpartition(" ")[2])
    return receipt.note


def _delivery_url(request: WorkspaceRequest, endpoint: Endpoint | None, delivery_id: UUID) -> str:
    if endpoint is None or not request.actor.may("runs.view"):
        return ""
    place = [endpoint.workspace.slug, endpoint.environment.slug, endpoint.slug, delivery_id]
    return reverse("events:delivery_detail", args=place)


def _run_link(request: WorkspaceRequest, run_id: Any) -> Link:
    label = _("run {id}").format(id=str(run_id)[-8:])
    if not request.actor.may("runs.view"):
        return Link(label, "")
    return Link(label, reverse("runtime:run_detail", args=[request.workspace.slug, run_id]))
