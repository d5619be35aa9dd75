"""Event types: the catalogue that shows who publishes and who takes what, page, editor."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.event_document import mode_in
from ipaas.contracts.models import EventType, SchemaVersion
from ipaas.contracts.services import save_event_type_draft
from ipaas.core.clock import now
from ipaas.core.ids import uuid7_at
from ipaas.core.references import split_reference
from ipaas.flows.usage import FlowUse
from ipaas.runtime.edges import EVENT
from ipaas.runtime.models import Breach
from ipaas.web.event_catalogue import Traffic, named, shown_content, traffic_of
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, DocumentPages, document_list
from ipaas.web.pages.support import environment_of
from ipaas.web.pages.users_of_documents import flow_rows
from ipaas.web.readmodels import Link

STARTER = """\
kind: event_type
slug: order-shipped
title: Order shipped
description: All parcels of an order have left the house.
owner: fulfilment
name: orders.order.shipped
schema: my-schema
modes: {development: warn}
consumers:
  - {name: Data warehouse, note: loads it every night}
"""
RECENT = timedelta(days=7)
MOST_BREACHES = 2_000
MODES = {"block": gettext_lazy("not published"), "warn": gettext_lazy("let pass and told")}


def _extras(_request: WorkspaceRequest, _content: Any) -> Context:
    return {}


EVENT_TYPES = DocumentPages(
    kind="event_type",
    namespace="contracts",
    title=gettext_noop("Event types"),
    save=save_event_type_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("event_types.view")
def event_type_list(request: WorkspaceRequest) -> HttpResponse:
    """The catalogue, and the events that flows name and nobody has described."""
    context = document_list(request, EVENT_TYPES)
    traffic = traffic_of(request.actor, request.workspace)
    documents = {row.slug: row for row in EventType.objects.in_workspace(request.workspace.id)}
    context["rows"] = [_row(request, one, documents[one.slug], traffic) for one in context["page"].items]
    known = {str(shown_content(one).get("name")) for one in documents.values() if not one.archived}
    context["strangers"] = [
        {"name": name, **_flows(request, found)} for name, found in sorted(traffic.items()) if name not in known
    ]
    return render(request, "contracts/event_type_list.html", context)


def _row(request: WorkspaceRequest, row: Any, document: EventType, traffic: Mapping[str, Traffic]) -> Context:
    content = shown_content(document)
    name = str(content.get("name", ""))
    return {
        "document": row,
        "name": name,
        "owner": content.get("domain") or content.get("owner") or "",
        **_flows(request, traffic.get(name, Traffic())),
        "outside_producers": [one for one, _note in named(content.get("producers"))],
        "outside_consumers": [one for one, _note in named(content.get("consumers"))],
    }


def _flows(request: WorkspaceRequest, found: Traffic) -> dict[str, list[Link]]:
    return {"producers": _links(request, found.producers), "consumers": _links(request, found.consumers)}


def _links(request: WorkspaceRequest, uses: list[FlowUse]) -> list[Link]:
    """One link for each flow, with where which version runs."""
    return [Link(f"{row.title} ({', '.join(row.tags)})", row.url) for row in flow_rows(request, uses)]


@require_GET
@page("event_types.view")
def event_type_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = EVENT_TYPES.document(request, slug)
    label, content = views.shown_version(request, EVENT_TYPES, document)
    traffic = traffic_of(request.actor, request.workspace).get(str(content.get("name")), Traffic())
    places = request.workspace.environments.all()
    context = {
        **views.detail_context(request, EVENT_TYPES, document),
        "shown": label,
        "content": content,
        **_schema(request, content),
        **_flows(request, traffic),
        "outside_producers": named(content.get("producers")),
        "outside_consumers": named(content.get("consumers")),
        "modes": [(one.name, MODES.get(mode_in(content, one.slug), "")) for one in places] if label else [],
        "breaches": _breaches(request, document),
    }
    return render(request, "contracts/event_type_detail.html", context)


def _schema(request: WorkspaceRequest, content: Mapping[str, Any]) -> Context:
    """The schema in full, where it is there and may be seen."""
    reference = content.get("schema")
    slug, _, number = reference.partition("@") if isinstance(reference, str) else ("", "", "")
    if not slug or not request.actor.may("schemas.view") or (number and not number.isdigit()):
        return {"schema": None, "schema_url": ""}
    version = SchemaVersion.objects.of(request.workspace.id, *split_reference(f"{slug}@{number}" if number else slug))
    if version is None:
        return {"schema": None, "schema_url": ""}
    url = reverse("contracts:schema_detail", args=[request.workspace.slug, slug])
    return {"schema": version.whole, "schema_url": f"{url}?version={version.number}"}


def _breaches(request: WorkspaceRequest, document: EventType) -> list[Context]:
    """What broke the type during the last week, by flow and place, most often first."""
    rows = Breach.objects.filter(
        workspace_id=request.workspace.id,
        run_id__gte=uuid7_at(now() - RECENT),
        contract__startswith=f"{EVENT}{document.slug}@",
    )
    places = {one.id: one.name for one in request.workspace.environments.all()}
    may = request.actor.may("runs.view")
    found: dict[tuple[Any, ...], Context] = {}
    for row in rows.order_by("-run_id")[:MOST_BREACHES]:
        key = row.flow_id, row.edge, row.place, row.message, row.mode, row.environment_id
        if key not in found:
            found[key] = {
                "step": row.edge.removeprefix(EVENT),
                "place": row.place,
                "message": row.message,
                "mode": MODES.get(row.mode, ""),
                "environment": places.get(row.environment_id, ""),
                "run_url": reverse("runtime:run_detail", args=[request.workspace.slug, row.run_id]) if may else "",
                "count": 0,
            }
        found[key]["count"] += 1
    return sorted(found.values(), key=lambda one: -one["count"])


@require_http_methods(["GET", "HEAD", "POST"])
@page("event_types.edit")
def event_type_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, EVENT_TYPES)


@require_http_methods(["GET", "HEAD", "POST"])
@page("event_types.edit")
def event_type_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, EVENT_TYPES, slug)


@require_POST
@page("event_types.view")
def event_type_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, EVENT_TYPES)


@require_POST
@page("event_types.publish")
def event_type_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, EVENT_TYPES, slug)


@require_GET
@page("event_types.view")
def event_type_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, EVENT_TYPES, slug)


@require_GET
@page("event_types.view")
def event_type_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, EVENT_TYPES, slug)


@require_POST
@page("event_types.publish")
def event_type_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, EVENT_TYPES, slug)


@require_POST
@page("event_types.publish")
def event_type_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, EVENT_TYPES, slug)


@require_POST
@page("event_types.publish")
def event_type_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, EVENT_TYPES, slug)
