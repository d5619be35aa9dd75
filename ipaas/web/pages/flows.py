"""Flows: list, page, document and its versions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.ids import uuid7_at
from ipaas.events.addresses import hook_address
from ipaas.events.models import Endpoint
from ipaas.flows.form import form_findings
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.services import save_draft
from ipaas.runtime.clocks import Clock, clocks_of
from ipaas.runtime.holds import RELEASE_PER_S, held_count
from ipaas.runtime.models import Run
from ipaas.web.build_readmodels import DeploymentRow
from ipaas.web.flow_figures import Figures, figures_of, open_letters, today
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import DocumentPages, by_slug, with_items
from ipaas.web.pages.endings import ends_for_flow
from ipaas.web.pages.flow_mappings import flow_mappings
from ipaas.web.pages.flow_people import people_of
from ipaas.web.pages.flow_structure import contract_facts, structure_of, trigger_in_words
from ipaas.web.pages.flow_vendors import vendor_notices
from ipaas.web.pages.run_list import run_rows
from ipaas.web.pages.support import asked, environment_of, options
from ipaas.web.readmodels import FlowRow, Link, RunRow

STATES = {
    "": gettext_noop("Any state"),
    "active": gettext_noop("Active"),
    "paused": gettext_noop("Paused"),
    "undeployed": gettext_noop("Nowhere live"),
    "archived": gettext_noop("Archived"),
}
RECENT = 8
STARTER = """\
kind: flow
slug: my-flow
title: My flow
owner: ""
trigger:
  manual: {}
business_ids:
  order: trigger.body.order.id
primary_business_id: order
deadline: P1D
steps:
  - id: check
    title: Check the order
    validate:
      schema:
        type: object
        required: [order]
      value: trigger.body
"""


def _extras(request: WorkspaceRequest, content: Any) -> dict[str, Any]:
    return {"blocks": structure_of(content), **flow_mappings(request, content)}


FLOWS = DocumentPages(
    kind="flow",
    namespace="flows",
    title=gettext_noop("Flows"),
    save=save_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("flows.view")
def flow_list(request: WorkspaceRequest) -> HttpResponse:
    environment = environment_of(request)
    given = {name: asked(request, name) for name in ("q", "owner", "tag", "state")}
    own = Flow.objects.visible_to(request.actor)
    found, listed = by_slug(request, _matching(own, given).with_deployments(), "flow")
    figures = figures_of([flow.id for flow in found], environment.id) if environment else {}
    letters = open_letters(request.workspace.id)
    owners = own.live().exclude(owner="").order_by("owner").values_list("owner", flat=True).distinct()
    tags = own.live().tags_in_use()
    context = {
        "page": with_items(listed, [_row(request, flow, figures, letters) for flow in found]),
        "environment": environment,
        "filters": {
            "q": given["q"],
            "owner": options({"": _("Any owner"), **{name: name for name in owners[:200]}}, given["owner"]),
            "tag": options({"": _("Any tag"), **{tag: tag for tag in tags}}, given["tag"]) if tags else (),
            "state": options({state: _(word) for state, word in STATES.items()}, given["state"]),
            "clear_url": FLOWS.url(request, "list") if any(given.values()) else "",
        },
        "new_url": FLOWS.url_if(request, "edit", "new"),
    }
    return render(request, "flows/flow_list.html", context)


def _matching(rows: Any, given: Mapping[str, str]) -> Any:
    state = given["state"]
    rows = rows.filter(archived=state == "archived")
    if state in Flow.State.values:
        rows = rows.filter(state=state)
    if state == "undeployed":
        rows = rows.exclude(deployments__active=True)
    if given["owner"]:
        rows = rows.filter(owner=given["owner"])
    return rows.tagged(given["tag"]).titled(given["q"])


def _row(
    request: WorkspaceRequest, flow: Flow, figures: Mapping[UUID, Figures], letters: Mapping[UUID, int]
) -> FlowRow:
    counted = figures.get(flow.id) or Figures()
    return FlowRow(
        slug=flow.slug,
        url=FLOWS.url(request, "detail", flow.slug),
        title=flow.title,
        owner=flow.owner,
        tags=flow.tags,
        state="archived" if flow.archived else flow.state,
        versions=[(one.environment.slug, one.version.number) for one in flow.deployments.all() if one.active],
        runs_today=counted.runs,
        success_percent=counted.success_percent,
        trend=counted.trend if counted.runs else (),
        open_dead_letters=letters.get(flow.id, 0),
        health=counted.health,
        counted_all=counted.complete,
    )


@require_GET
@page("flows.view")
def flow_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment = environment_of(request)
    flow = FLOWS.document(request, slug)
    of_flow = Deployment.objects.select_related("environment", "version", "previous_version")
    prefetch_related_objects([flow], Prefetch("deployments", of_flow))
    deployments = list(flow.deployments.all())
    here = next((one for one in deployments if environment and one.environment_id == environment.id), None)
    label, content = views.shown_version(request, FLOWS, flow, here.version.number if here and here.active else 0)
    valid = not form_findings(content)
    figures = figures_of([flow.id], environment.id) if environment else {}
    live: dict[int, list[str]] = {}
    for one in deployments:
        if one.active:
            live.setdefault(one.version.number, []).append(one.environment.slug)
    context = {
        **views.detail_context(request, FLOWS, flow, live),
        "flow": _row(request, flow, figures, open_letters(request.workspace.id)),
        "figures": figures.get(flow.id, Figures()),
        "environment": environment,
        "shown": label,
        "blocks": structure_of(content),
        "trigger": trigger_in_words(content) if valid else "",
        "facts": contract_facts(content) if valid else [],
        "deployments": deployment_rows(request, deployments, clocks_of(flow.id)),
        "vendor_notices": vendor_notices(request, deployments),
        "held": held_count(flow.id),
        "release_per_s": RELEASE_PER_S,
        "recent": recent_runs(request, flow, environment) if environment and request.actor.may("runs.view") else None,
        "runs_url": reverse("runtime:run_list", args=[request.workspace.slug]),
        **ends_for_flow(request, content),
        **_deeds(request, flow, deployments),
        **people_of(request, flow),
    }
    return render(request, "flows/flow_detail.html", context)


def _deeds(request: WorkspaceRequest, flow: Flow, deployments: list[Deployment]) -> dict[str, Any]:
    def may(permission: str) -> bool:
        return request.actor.may(permission, flow.id)

    environments = {one.slug: one.name for one in request.workspace.environments.all()}
    shown = getattr(getattr(request, "environment", None), "slug", "")
    active = {one.environment.slug: one for one in deployments if one.active}
    returnable = {
        slug: _("{place}: from version {number} to {before}").format(
            place=one.environment.name, number=one.version.number, before=one.previous_version.number
        )
        for slug, one in active.items()
        if one.previous_version
    }
    running = {
        slug: _("{place}: version {number}").format(place=one.environment.name, number=one.version.number)
        for slug, one in active.items()
    }
    can_deploy = may("flows.publish") and not flow.archived
    can_pause = may("flows.pause") and not flow.archived
    testable = flow.latest_version or (flow.draft is not None and may("flows.edit"))
    return {
        "deploy_url": FLOWS.url(request, "deploy", flow.slug) if can_deploy and flow.latest_version else "",
        "deploy_to": options(environments, shown),
        "roll_back_url": FLOWS.url(request, "roll_back", flow.slug) if can_deploy and returnable else "",
        "roll_back_in": options(returnable, shown),
        "undeploy_url": FLOWS.url(request, "undeploy", flow.slug) if can_deploy and running else "",
        "undeploy_in": options(running, shown),
        "run_url": FLOWS.url(request, "run", flow.slug) if may("flows.trigger") and not flow.paused and active else "",
        "test_url": FLOWS.url(request, "test", flow.slug) if may("flows.trigger") and testable else "",
        "promote_url": FLOWS.url(request, "promote", flow.slug) if can_deploy and active and environments else "",
        "pause_url": FLOWS.url(request, "pause", flow.slug) if can_pause and not flow.paused else "",
        "resume_url": FLOWS.url(request, "resume", flow.slug) if can_pause and flow.paused else "",
    }


def deployment_rows(
    request: WorkspaceRequest, deployments: Sequence[Deployment], clocks: Mapping[UUID, Clock]
) -> list[DeploymentRow]:
    """Deployments of one flow."""
    hooked = [one for one in deployments if one.trigger_kind == "webhook" and request.actor.may("connections.view")]
    places, keys = {one.environment_id for one in hooked}, {one.trigger_key for one in hooked}
    found = Endpoint.objects.filter(environment_id__in=places, slug__in=keys) if hooked else ()
    endpoints = {(one.environment_id, one.slug): one for one in found}
    return [
        _deployment_row(
            request, one, clocks.get(one.environment_id), endpoints.get((one.environment_id, one.trigger_key))
        )
        for one in deployments
    ]


def _deployment_row(
    request: WorkspaceRequest, one: Deployment, clock: Clock | None, endpoint: Endpoint | None
) -> DeploymentRow:
    place = [request.workspace.slug, one.environment.slug, one.trigger_key]
    return DeploymentRow(
        environment=one.environment.name,
        environment_slug=one.environment.slug,
        version=one.version.number,
        previous_version=one.previous_version.number if one.previous_version else None,
        active=one.active,
        deployed_by=one.deployed_by,
        deployed_at=one.deployed_at,
        address=hook_address(endpoint.public_id) if endpoint else "",
        endpoint=Link(endpoint.title, reverse("events:endpoint_detail", args=place)) if endpoint else None,
        clock=clock,
    )


def recent_runs(request: WorkspaceRequest, flow: Flow, environment: Environment) -> list[RunRow]:
    """The newest runs of a flow today."""
    rows = Run.objects.filter(flow_id=flow.id, environment_id=environment.id, id__gte=uuid7_at(today()))
    return run_rows(list(rows.order_by("-id")[:RECENT]), request.workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@page("flows.edit")
def flow_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, FLOWS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("flows.edit")
def flow_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, FLOWS, slug)


@require_POST
@page("flows.view")
def flow_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, FLOWS)


@require_POST
@page("flows.publish")
def flow_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, FLOWS, slug)


@require_GET
@page("flows.view")
def flow_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, FLOWS, slug)


@require_GET
@page("flows.view")
def flow_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, FLOWS, slug)


@require_POST
@page("flows.publish")
def flow_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, FLOWS, slug)


@require_POST
@page("flows.publish")
def flow_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, FLOWS, slug)


@require_POST
@page("flows.publish")
def flow_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, FLOWS, slug)
