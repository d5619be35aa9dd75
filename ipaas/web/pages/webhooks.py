"""Webhooks: who outside is told of which events, and what became of each delivery."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.notices import services
from ipaas.notices.checks import choosable
from ipaas.notices.envelope import envelope
from ipaas.notices.models import Webhook, WebhookDelivery
from ipaas.notices.schedule import DELAYS_S
from ipaas.notices.services import WithSecret, shown_url
from ipaas.outbox.event_types import event_types
from ipaas.outbox.models import OutboxEvent
from ipaas.vault.models import Secret
from ipaas.web.pages.document_views import reason_of
from ipaas.web.pages.documents import with_items
from ipaas.web.pages.support import (
    asked,
    environment_of,
    form_errors,
    known_version,
    newest_first,
    options,
    posted,
    told,
)
from ipaas.web.pages.webhook_forms import OVERLAPS, WebhookForm, overlap_of
from ipaas.web.readmodels import CursorPage, Link, Tab

MOST_WEBHOOKS = 200


@require_GET
@page("webhooks.view")
def webhook_list(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    found = list(_rows(request)[:MOST_WEBHOOKS])
    context = {
        "page": CursorPage(
            [_row(request, one) for one in found],
            ngettext("%(count)s webhook", "%(count)s webhooks", len(found)) % {"count": len(found)},
        ),
        "new_url": _url(request, "webhook_new") if request.actor.may("webhooks.edit") else "",
        "types_url": _url(request, "event_types"),
    }
    return render(request, "notices/webhook_list.html", context)


@require_GET
@page("webhooks.view")
def event_type_list(request: WorkspaceRequest) -> HttpResponse:
    """Every type of event with its form and an example."""
    environment_of(request)
    return render(
        request, "notices/event_type_list.html", {"types": event_types().values(), "crumbs": _crumbs(request)}
    )


def _rows(request: WorkspaceRequest) -> Any:
    return Webhook.objects.in_workspace(request.workspace.id).select_related("workspace", "environment")


def _row(request: WorkspaceRequest, webhook: Webhook) -> dict[str, Any]:
    return {
        "slug": webhook.slug,
        "title": webhook.title,
        "url": _url(request, "webhook_detail", webhook.slug),
        "address": shown_url(webhook, request.actor),
        "environment": webhook.environment.name if webhook.environment else _("all"),
        "events": webhook.events,
        "state": webhook.state,
        "failing_since": webhook.failing_since,
        "delivered_at": webhook.delivered_at,
    }


@require_GET
@page("webhooks.view")
def webhook_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    webhook = _webhook(request, slug)
    state = asked(request, "state")
    rows = webhook.deliveries.all()
    if state in WebhookDelivery.State.values:
        rows = rows.filter(state=state)
    found, listed = newest_first(request, rows)
    names = {"": _("All"), "waiting": _("Waiting"), "failed": _("Failed"), "delivered": _("Delivered")}
    context = {
        "webhook": _row(request, webhook),
        "state_reason": webhook.state_reason,
        "secret": _secret(request, webhook),
        "crumbs": _crumbs(request),
        "tabs": [Tab(label, f"?state={name}" if name else "?", name == state) for name, label in names.items()],
        "page": with_items(listed, (_delivery_row(request, webhook, one) for one in found)),
        "overlaps": options({name: str(label) for name, label in OVERLAPS.items()}, "24"),
        "tries": len(DELAYS_S) + 1,
        "secret_version": Secret.objects.in_workspace(request.workspace.id)
        .filter(slug=webhook.secret_slug)
        .values_list("current_version", flat=True)
        .first(),
        **_deeds(request, webhook),
    }
    return render(request, "notices/webhook_detail.html", context)


def _secret(request: WorkspaceRequest, webhook: Webhook) -> Link:
    place = [request.workspace.slug, webhook.secret_slug]
    url = reverse("vault:secret_detail", args=place) if request.actor.may("secrets.view") else ""
    return Link(webhook.secret_slug, url)


def _deeds(request: WorkspaceRequest, webhook: Webhook) -> dict[str, str]:
    active = webhook.state == Webhook.State.ACTIVE
    edit, again = request.actor.may("webhooks.edit"), request.actor.may("webhooks.redeliver")
    wanted = {
        "edit": edit,
        "rotate": edit,
        "delete": edit,
        "pause": edit and active,
        "resume": edit and not active,
        "test": again and active,
        "redeliver": again,
    }
    return {
        f"{name}_url": _url(request, f"webhook_{name}", webhook.slug) if may else "" for name, may in wanted.items()
    }


def _delivery_row(request: WorkspaceRequest, webhook: Webhook, delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "url": _url(request, "delivery_detail", webhook.slug, delivery.id),
        "event_type": delivery.event_type,
        "event_id": delivery.event_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.last_status,
        "error": delivery.last_error if delivery.state != WebhookDelivery.State.DELIVERED else "",
        "due_at": delivery.due_at,
        "at": uuid7_time(delivery.event_id),
    }


@require_GET
@page("webhooks.view")
def delivery_detail(request: WorkspaceRequest, slug: str, delivery_id: UUID) -> HttpResponse:
    environment_of(request)
    webhook = _webhook(request, slug)
    delivery = _delivery(webhook, delivery_id)
    event = OutboxEvent.objects.filter(id=delivery.event_id).first()
    may = request.actor.may("webhooks.redeliver") and delivery.state != WebhookDelivery.State.WAITING
    context = {
        "delivery": _delivery_row(request, webhook, delivery),
        "event": jsonio.loads(envelope(event, request.workspace.slug)) if event is not None else None,
        "attempts": delivery.tries.all(),
        "again_url": _url(request, "delivery_redeliver", webhook.slug, delivery.id) if may else "",
        "crumbs": [*_crumbs(request), Link(webhook.title, _url(request, "webhook_detail", webhook.slug))],
    }
    return render(request, "notices/delivery_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("webhooks.edit")
def webhook_new(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    form = WebhookForm(request.POST if request.method == "POST" else None, workspace=request.workspace)
    if request.method == "POST" and form.is_valid():
        with form_errors(form):
            slug = form.cleaned_data["slug"]
            made = services.create_webhook(actor=request.actor, workspace=request.workspace, slug=slug, **form.values())
            return _shown_once(request, made, _("The webhook is made"))
    return _form_page(request, form, _("New webhook"), _url(request, "webhook_list"))


@require_http_methods(["GET", "HEAD", "POST"])
@page("webhooks.edit")
def webhook_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    webhook = _webhook(request, slug)
    data = request.POST if request.method == "POST" else None
    form = WebhookForm(data, workspace=request.workspace, webhook=webhook)
    if request.method == "POST" and form.is_valid():
        with form_errors(form):
            services.update_webhook(actor=request.actor, webhook=webhook, changes=form.values())
            return redirect(_url(request, "webhook_detail", slug))
    return _form_page(request, form, webhook.title, _url(request, "webhook_detail", slug))


def _form_page(request: WorkspaceRequest, form: WebhookForm, title: str, cancel_url: str) -> HttpResponse:
    chosen = set(form.chosen)
    context = {
        "form": form,
        "title": title,
        "types": [(one, one.name in chosen) for name, one in event_types().items() if name in choosable()],
        "crumbs": _crumbs(request),
        "cancel_url": cancel_url,
    }
    return render(request, "notices/webhook_form.html", context, status=422 if form.errors else 200)


def _shown_once(request: WorkspaceRequest, made: WithSecret, title: str) -> HttpResponse:
    context = {
        "title": title,
        "label": _("Signing secret"),
        "value": made.secret,
        "notes": [_("Give it to the receiver, which checks signatures with it (Standard Webhooks).")],
        "crumbs": _crumbs(request),
        "back_url": _url(request, "webhook_detail", made.webhook.slug),
    }
    answer = render(request, "accounts/shown_once.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@page("webhooks.edit")
def webhook_pause(request: WorkspaceRequest, slug: str) -> HttpResponse:
    webhook = _webhook(request, slug)
    with told(request, _("The webhook is paused: its deliveries wait.")):
        services.pause_webhook(actor=request.actor, webhook=webhook, reason=reason_of(request))
    return redirect(_url(request, "webhook_detail", slug))


@require_POST
@page("webhooks.edit")
def webhook_resume(request: WorkspaceRequest, slug: str) -> HttpResponse:
    webhook = _webhook(request, slug)
    with told(request, _("The webhook is told of events again; what waited is sent.")):
        services.resume_webhook(actor=request.actor, webhook=webhook, reason=posted(request, "reason", 500))
    return redirect(_url(request, "webhook_detail", slug))


@require_POST
@page("webhooks.edit")
def webhook_rotate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """A new signing secret, shown once."""
    webhook = _webhook(request, slug)
    with told(request, _("The webhook has a new signing secret.")):
        made = services.rotate_webhook_secret(
            actor=request.actor,
            webhook=webhook,
            overlap=overlap_of(posted(request, "overlap")),
            after=known_version(request),
        )
        return _shown_once(request, made, _("New signing secret"))
    return redirect(_url(request, "webhook_detail", slug))


@require_POST
@page("webhooks.edit")
def webhook_delete(request: WorkspaceRequest, slug: str) -> HttpResponse:
    webhook = _webhook(request, slug)
    with told(request, _("%(title)s is deleted.") % {"title": webhook.title}):
        services.delete_webhook(actor=request.actor, webhook=webhook)
        return redirect(_url(request, "webhook_list"))
    return redirect(_url(request, "webhook_detail", slug))


@require_POST
@page("webhooks.redeliver")
def webhook_test(request: WorkspaceRequest, slug: str) -> HttpResponse:
    webhook = _webhook(request, slug)
    with told(request, _("A test event is on its way; its delivery tells what came of it.")):
        services.send_test_event(actor=request.actor, webhook=webhook)
    return redirect(_url(request, "webhook_detail", slug))


@require_POST
@page("webhooks.redeliver")
def webhook_redeliver(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Send every failed delivery of events since a moment (UTC) again."""
    webhook = _webhook(request, slug)
    with told(request, _("The failed deliveries are queued again.")):
        since = _moment(posted(request, "since"))
        services.redeliver_failed(actor=request.actor, webhook=webhook, since=since)
    return redirect(_url(request, "webhook_detail", slug))


def _moment(text: str) -> Any:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput([{"path": "since", "code": "time.form", "message": _("give a date and a time")}])
    return found if found.tzinfo else found.replace(tzinfo=now().tzinfo)


@require_POST
@page("webhooks.redeliver")
def delivery_redeliver(request: WorkspaceRequest, slug: str, delivery_id: UUID) -> HttpResponse:
    webhook = _webhook(request, slug)
    delivery = _delivery(webhook, delivery_id)
    with told(request, _("The delivery is queued again, with the same webhook-id.")):
        services.redeliver(actor=request.actor, delivery=delivery)
    return redirect(_url(request, "delivery_detail", slug, delivery_id))


def _webhook(request: WorkspaceRequest, slug: str) -> Webhook:
    found: Webhook | None = _rows(request).filter(slug=slug).first()
    if found is None:
        raise NotFound(what="webhook")
    return found


def _delivery(webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    found: WebhookDelivery | None = webhook.deliveries.filter(id=delivery_id).first()
    if found is None:
        raise NotFound(what="delivery")
    return found


def _url(request: WorkspaceRequest, name: str, *arguments: object) -> str:
    return reverse(f"notices:{name}", args=[request.workspace.slug, *arguments])


def _crumbs(request: WorkspaceRequest) -> list[Link]:
    return [Link(_("Webhooks"), _url(request, "webhook_list"))]
