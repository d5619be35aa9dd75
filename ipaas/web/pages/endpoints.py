"""Endpoints: addresses for senders, what reached them and what it led to."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.events import services
from ipaas.events.examples import example_for
from ipaas.events.intake import MAX_BODY
from ipaas.events.models import ArrivalNote, Endpoint, Receipt
from ipaas.flows.models import Deployment
from ipaas.web.pages.connection_trials import indented
from ipaas.web.pages.document_views import reason_of
from ipaas.web.pages.documents import with_items
from ipaas.web.pages.endpoint_forms import CERTIFICATES, EndpointForm
from ipaas.web.pages.endpoint_rows import (
    arrival_rows,
    endpoint_of,
    endpoint_row,
    endpoint_rows,
    endpoint_url,
    receipt_rows,
)
from ipaas.web.pages.endpoint_subscriptions import subscription_context
from ipaas.web.pages.support import asked, environment_of, form_errors, newest_first, posted, told
from ipaas.web.readmodels import CursorPage, Link, Tab
from ipaas.web.rendering import number

MOST_ENDPOINTS = 200
UNSEALED = ("id", "workspace_id", "endpoint_id", "delivery_id", "event", "state", "trace_id", "run_ids", "note")


@require_GET
@page("connections.view")
def endpoint_list(request: WorkspaceRequest) -> HttpResponse:
    environment = environment_of(request)
    search = asked(request, "q")
    rows = Endpoint.objects.filter(workspace=request.workspace, environment=environment)
    if search:
        rows = rows.filter(title__icontains=search) | rows.filter(slug__icontains=search)
    found = endpoint_rows(rows.select_related("workspace", "environment").order_by("slug")[:MOST_ENDPOINTS])
    url = reverse("events:endpoint_list", args=[request.workspace.slug])
    context = {
        "page": CursorPage(
            found, ngettext("{count} endpoint", "{count} endpoints", len(found)).format(count=len(found))
        ),
        "environment": environment,
        "filters": {"q": search, "clear_url": url if search else ""},
        "new_url": reverse("events:endpoint_new", args=[request.workspace.slug])
        if request.actor.may("connections.edit") and environment
        else "",
    }
    return render(request, "events/endpoint_list.html", context)


@require_GET
@page("connections.view")
def endpoint_detail(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    environment_of(request)
    endpoint = endpoint_of(request, environment, slug)
    show, search = asked(request, "show"), asked(request, "q")
    context = {
        "tabs": [Tab(label, f"?show={name}" if name else "?", name == show) for name, label in _lists().items()],
        "search": search,
        "by_id": show not in ArrivalNote.Verdict.values,
        **_test(request, endpoint),
        "endpoint": endpoint_row(endpoint),
        "crumbs": _crumbs(request),
        "facts": _facts(endpoint),
        "secret": _secret(request, endpoint),
        "starts": _started_flows(request, endpoint),
        "page": _arrivals(request, endpoint, show)
        if show in ArrivalNote.Verdict.values
        else _receipts(request, endpoint, show, search),
        **subscription_context(request, endpoint),
        **_deeds(request, endpoint),
    }
    return render(request, "events/endpoint_detail.html", context)


def _test(request: WorkspaceRequest, endpoint: Endpoint) -> dict[str, str]:
    """The dialog of the test sender, which begins with an example of what comes here."""
    if not request.actor.may("flows.trigger"):
        return {"test_url": ""}
    event, document = example_for(endpoint)
    url = endpoint_url(endpoint, "endpoint_test")
    return {"test_url": url, "test_event": event, "test_body": indented(document)}


def _lists() -> dict[str, str]:
    return {
        "": _("Accepted"),
        Receipt.State.UNMATCHED: _("Without a flow"),
        Receipt.State.CONFLICT: _("Id reused"),
        ArrivalNote.Verdict.REFUSED: _("Refused"),
        ArrivalNote.Verdict.REPEATED: _("Repeated"),
        ArrivalNote.Verdict.CHALLENGE: _("Challenges"),
    }


def _receipts(request: WorkspaceRequest, endpoint: Endpoint, state: str, search: str) -> CursorPage:
    rows = Receipt.objects.filter(endpoint_id=endpoint.id).only(*UNSEALED)
    if state in Receipt.State.values:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(delivery_id=search)
    found, listed = newest_first(request, rows)
    return with_items(listed, receipt_rows(request, found, endpoint))


def _arrivals(request: WorkspaceRequest, endpoint: Endpoint, verdict: str) -> CursorPage:
    found, listed = newest_first(request, endpoint.arrivals.defer("sealed").filter(verdict=verdict))
    return with_items(listed, arrival_rows(request, found, endpoint))


def _facts(endpoint: Endpoint) -> list[tuple[str, str]]:
    return [
        (_("Environment"), endpoint.environment.name),
        (_("Delivery id"), _place_in_words(endpoint.delivery_header, endpoint.delivery_path)),
        (_("Event type"), _place_in_words(endpoint.event_header, endpoint.event_path)),
        (_("Sources"), ", ".join(endpoint.sources) or _("all")),
        (_("Largest delivery"), _("{count} bytes").format(count=number(endpoint.max_body or MAX_BODY))),
        (_("Deliveries a minute"), number(endpoint.rate_per_minute) if endpoint.rate_per_minute else _("no cap")),
        (_("Answer"), str(endpoint.answer_status)),
        (_("Handshake"), endpoint.handshake.get("kind") or _("none")),
        (_("Connector"), endpoint.connector or _("none")),
        (_("Signature"), _signature_in_words(endpoint.signature)),
    ]


def _place_in_words(header: str, path: str) -> str:
    """Where a delivery tells something: the body comes first."""
    found = [_("body {path}").format(path=path)] if path else []
    found += [_("header {name}").format(name=header)] if header else []
    return _(", else ").join(found) or _("not told by the sender")


def _signature_in_words(signature: Mapping[str, Any]) -> str:
    """``hmac; header X-Signature; algorithm sha256``: the scheme, then its settings by name."""
    settings = [
        f"{name.replace('_', ' ')} {_value_in_words(value)}"
        for name, value in sorted(signature.items())
        if name != "scheme"
    ]
    return "; ".join([signature.get("scheme") or _("none"), *settings])


def _value_in_words(value: Any) -> str:
    """The values of pairs and lists; of a key or certificate how it begins."""
    many = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    return _(" and ").join(Truncator(str(one)).chars(40) for one in many)


def _secret(request: WorkspaceRequest, endpoint: Endpoint) -> Link | None:
    if not endpoint.secret_slug:
        return None
    place = [request.workspace.slug, endpoint.secret_slug]
    url = reverse("vault:secret_detail", args=place) if request.actor.may("secrets.view") else ""
    return Link(endpoint.secret_slug, url)


def _started_flows(request: WorkspaceRequest, endpoint: Endpoint) -> list[Link]:
    """The flows that a delivery starts here."""
    found = Deployment.objects.in_workspace(endpoint.workspace_id).running().triggered_by("webhook", endpoint.slug)
    may_see = request.actor.may("flows.view")
    links = []
    for one in found.filter(environment_id=endpoint.environment_id).select_related("version"):
        events = ", ".join(one.trigger_spec.get("events", ())) or _("every event")
        url = reverse("flows:flow_detail", args=[request.workspace.slug, one.flow.slug]) if may_see else ""
        links.append(Link(f"{one.flow.title} v{one.version.number} ({events})", url))
    return links


def _deeds(request: WorkspaceRequest, endpoint: Endpoint) -> dict[str, str]:
    names = {"edit_url": "endpoint_edit", "rotate_url": "endpoint_rotate", "delete_url": "endpoint_delete"}
    names["resume_url" if endpoint.state == Endpoint.State.PAUSED else "pause_url"] = (
        "endpoint_resume" if endpoint.state == Endpoint.State.PAUSED else "endpoint_pause"
    )
    may = request.actor.may("connections.edit")
    return {key: endpoint_url(endpoint, name) if may else "" for key, name in names.items()}


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.edit")
def endpoint_new(request: WorkspaceRequest) -> HttpResponse:
    shown = environment_of(request)
    form = EndpointForm(request.POST if request.method == "POST" else None, workspace=request.workspace)
    form.initial.setdefault("environment", shown.slug if shown else "")
    if request.method == "POST" and form.is_valid():
        place = request.workspace.environments.get(slug=form.cleaned_data["environment"])
        with form_errors(form, _field_of):
            given: dict[str, Any] = {"slug": form.cleaned_data["slug"], **form.values()}
            made = services.create_endpoint(actor=request.actor, environment=place, **given)
            return redirect(endpoint_url(made))
    cancel = reverse("events:endpoint_list", args=[request.workspace.slug])
    return _form_page(request, form, _("New endpoint"), cancel)


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.edit")
def endpoint_edit(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    environment_of(request)
    endpoint = endpoint_of(request, environment, slug)
    data = request.POST if request.method == "POST" else None
    form = EndpointForm(data, workspace=request.workspace, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, _field_of):
            services.update_endpoint(actor=request.actor, endpoint=endpoint, changes=form.values())
            return redirect(endpoint_url(endpoint))
    return _form_page(request, form, _("Change {title}").format(title=endpoint.title), endpoint_url(endpoint))


def _field_of(path: str) -> str:
    head, _mark, rest = path.removeprefix("/").partition("/")
    return rest if head == "signature" and rest in CERTIFICATES else head


def _form_page(request: WorkspaceRequest, form: EndpointForm, title: str, cancel_url: str) -> HttpResponse:
    context = {"form": form, "title": title, "crumbs": _crumbs(request), "cancel_url": cancel_url}
    return render(request, "events/endpoint_form.html", context, status=422 if form.errors else 200)


@require_POST
@page("connections.edit")
def endpoint_pause(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("The endpoint is paused: senders are told to come back later.")):
        services.pause_endpoint(actor=request.actor, endpoint=endpoint, reason=reason_of(request))
    return redirect(endpoint_url(endpoint))


@require_POST
@page("connections.edit")
def endpoint_resume(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("The endpoint takes deliveries again.")):
        services.resume_endpoint(actor=request.actor, endpoint=endpoint, reason=posted(request, "reason", 500))
    return redirect(endpoint_url(endpoint))


@require_POST
@page("connections.edit")
def endpoint_rotate(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """A new address; the old one is gone at once."""
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("The endpoint has a new address: tell it to the sender.")):
        services.rotate_endpoint(actor=request.actor, endpoint=endpoint, reason=reason_of(request))
    return redirect(endpoint_url(endpoint))


@require_POST
@page("connections.edit")
def endpoint_delete(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    endpoint = endpoint_of(request, environment, slug)
    with told(request, _("{title} is deleted.").format(title=endpoint.title)):
        services.delete_endpoint(actor=request.actor, endpoint=endpoint)
        return redirect("events:endpoint_list", request.workspace.slug)
    return redirect(endpoint_url(endpoint))


def _crumbs(request: WorkspaceRequest) -> list[Link]:
    return [Link(_("Endpoints"), reverse("events:endpoint_list", args=[request.workspace.slug]))]
