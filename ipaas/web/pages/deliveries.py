"""What reached an endpoint, one by one: content masked, verdict, taking it once more; and sending a test."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.errors import NotFound
from ipaas.core.ids import uuid7_time
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.events.redelivery import redeliver_receipt, send_test
from ipaas.runtime.shown_deliveries import shown_note, shown_receipt
from ipaas.web.pages.document_views import reason_of
from ipaas.web.pages.endpoint_rows import endpoint_of, endpoint_url, receipt_rows, refusal_of
from ipaas.web.pages.support import environment_of, posted, told
from ipaas.web.readmodels import Link

MOST_BODY = 100_000


@require_GET
@page("runs.view")
def delivery_detail(request: WorkspaceRequest, environment: str, slug: str, delivery_id: UUID) -> HttpResponse:
    """An accepted delivery, or a note of what became none; both are looked up by their id."""
    environment_of(request)
    endpoint = endpoint_of(request, environment, slug)
    receipt = Receipt.objects.filter(endpoint_id=endpoint.id, id=delivery_id).first()
    shown = _receipt(request, endpoint, receipt) if receipt is not None else _note(endpoint, delivery_id)
    crumbs = [
        Link(_("Endpoints"), reverse("events:endpoint_list", args=[request.workspace.slug])),
        Link(endpoint.title, endpoint_url(endpoint)),
    ]
    return render(request, "events/delivery_detail.html", {"endpoint": endpoint, "crumbs": crumbs, **shown})


def _receipt(request: WorkspaceRequest, endpoint: Endpoint, receipt: Receipt) -> dict[str, Any]:
    row = receipt_rows(request, [receipt])[0]
    facts: list[tuple[str, str]] = [
        (_("Delivery id"), receipt.delivery_id or _("not told by the sender")),
        (_("Event"), receipt.event or _("not told by the sender")),
        (_("Trace"), receipt.trace_id),
    ]
    again = [request.workspace.slug, endpoint.environment.slug, endpoint.slug, receipt.id]
    return {
        "row": row,
        "facts": facts,
        "content": shown_receipt(receipt, endpoint),
        "first_url": _delivery_url(endpoint, receipt.redelivery_of) if receipt.redelivery_of else "",
        "again_url": reverse("events:delivery_redeliver", args=again) if request.actor.may("flows.trigger") else "",
    }


def _note(endpoint: Endpoint, note_id: UUID) -> dict[str, Any]:
    note = ArrivalNote.objects.select_related("endpoint").filter(endpoint=endpoint, id=note_id).first()
    if note is None:
        raise NotFound(what="delivery")
    facts = [
        (_("Answered"), f"{note.status} {note.code}".strip()),
        (_("Method"), note.method),
        (_("From"), note.peer or _("unknown")),
        (_("Size"), _("{count} bytes").format(count=f"{note.size:,}")),
    ]
    row = {"id": str(note.id), "at": uuid7_time(note.id), "state": note.verdict, "note": refusal_of(note), "runs": ()}
    first = _delivery_url(endpoint, note.receipt_id) if note.receipt_id else ""
    return {"row": row, "facts": facts, "content": shown_note(note), "repeats_url": first, "doubtful": True}


def _delivery_url(endpoint: Endpoint, delivery_id: UUID) -> str:
    place = [endpoint.workspace.slug, endpoint.environment.slug, endpoint.slug, delivery_id]
    return reverse("events:delivery_detail", args=place)


@require_POST
@page("flows.trigger")
def delivery_redeliver(request: WorkspaceRequest, environment: str, slug: str, delivery_id: UUID) -> HttpResponse:
    """Take a delivery once more, as a new receipt."""
    endpoint = endpoint_of(request, environment, slug)
    receipt = Receipt.objects.filter(endpoint_id=endpoint.id, id=delivery_id).first()
    if receipt is None:
        raise NotFound(what="delivery")
    with told(request, _("It is taken once more, as this new delivery.")):
        made = redeliver_receipt(actor=request.actor, receipt=receipt, reason=reason_of(request))
        return redirect(_delivery_url(endpoint, made.id))
    return redirect(_delivery_url(endpoint, receipt.id))


@require_POST
@page("flows.trigger")
def endpoint_test(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Send a signed document through the ingress and show what became of it."""
    endpoint = endpoint_of(request, environment, slug)
    text = request.POST.get("body", "")[:MOST_BODY].strip() or "{}"
    try:
        body = jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        messages.error(request, _("The body is not one JSON document: {reason}").format(reason=error.detail))
        return redirect(endpoint_url(endpoint))
    event = posted(request, "event", 200)
    with told(request, _("The test delivery went through the ingress.")):
        answer = send_test(actor=request.actor, endpoint=endpoint, body=body, event=event)
        if answer.receipt_id is not None:
            return redirect(_delivery_url(endpoint, answer.receipt_id))
        message = _("The endpoint answered {status}: {detail}").format(status=answer.status, detail=answer.detail)
        messages.warning(request, message)
    return redirect(endpoint_url(endpoint))
