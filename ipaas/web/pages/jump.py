"""The command palette: by a few letters to any page, thing or run, and the deeds that need no page of their own."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.accounts.models import Workspace
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.models import Connection
from ipaas.contracts.models import Contract, EventType, Schema
from ipaas.events.models import Endpoint
from ipaas.flows.models import Flow
from ipaas.mapping.models import Function, Lookup, Mapping
from ipaas.ownership.models import Convention, Term
from ipaas.runtime.reading import RunFilter, find_runs
from ipaas.web.frame_readmodels import Jump, JumpGroup
from ipaas.web.i18n.language import languages
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.endpoint_rows import endpoint_url
from ipaas.web.pages.run_list import run_rows
from ipaas.web.pages.support import asked, environment_of
from ipaas.web.rendering import state_look
from ipaas.web.shell import pages_of

MOST = 6
"""So many of each kind are offered."""
PAGES = {
    "flows": ("flows", "flow"),
    "mappings": ("mapping", "mapping"),
    "schemas": ("contracts", "schema"),
    "contracts": ("contracts", "contract"),
    "event_types": ("contracts", "event_type"),
    "lookups": ("mapping", "lookup"),
    "functions": ("mapping", "function"),
    "terms": ("ownership", "term"),
    "conventions": ("ownership", "convention"),
}
NEW = (
    ("flows.edit", "flows:flow_new"),
    ("mappings.edit", "mapping:mapping_new"),
    ("schemas.edit", "contracts:schema_new"),
    ("lookups.edit", "mapping:lookup_new"),
    ("functions.edit", "mapping:function_new"),
    ("contracts.edit", "contracts:contract_new"),
    ("event_types.edit", "contracts:event_type_new"),
    ("terms.edit", "ownership:term_new"),
    ("conventions.edit", "ownership:convention_new"),
    ("connections.edit", "catalog:connection_choose"),
    ("connections.edit", "events:endpoint_new"),
    ("secrets.write", "vault:secret_new"),
)


@require_GET
@page("flows.view")
def jump(request: WorkspaceRequest) -> HttpResponse:
    """What fits ``?q=``, in groups; without it the pages and the deeds."""
    environment_of(request)
    text = asked(request, "q")
    groups = [group for group in _groups(request, text) if group.items]
    return render(request, "web/jump.html", {"groups": groups})


def _groups(request: WorkspaceRequest, text: str) -> Iterator[JumpGroup]:
    yield JumpGroup(_("Runs"), _runs(request, text) if text else ())
    yield JumpGroup(_("Pages"), _fitting(_pages(request), text))
    if text:
        yield JumpGroup(_("Flows"), _documents(request, Flow, "flows", text))
        yield JumpGroup(_("Mappings"), _documents(request, Mapping, "mappings", text))
        yield JumpGroup(_("Schemas"), _documents(request, Schema, "schemas", text))
        yield JumpGroup(_("Lookups"), _documents(request, Lookup, "lookups", text))
        yield JumpGroup(_("Functions"), _documents(request, Function, "functions", text))
        yield JumpGroup(_("Contracts"), _documents(request, Contract, "contracts", text))
        yield JumpGroup(_("Event types"), _documents(request, EventType, "event_types", text))
        yield JumpGroup(_("Glossary"), _documents(request, Term, "terms", text))
        yield JumpGroup(_("Conventions"), _documents(request, Convention, "conventions", text))
        yield JumpGroup(_("Connections"), _connections(request, text))
        yield JumpGroup(_("Endpoints"), _endpoints(request, text))
    yield JumpGroup(_("Do"), _fitting(_deeds(request), text))


def _fitting(items: Sequence[Jump], text: str) -> Sequence[Jump]:
    """Those with every word of the text somewhere in their label."""
    words = text.casefold().split()
    return [item for item in items if all(word in f"{item.label} {item.note}".casefold() for word in words)]


def _pages(request: WorkspaceRequest) -> list[Jump]:
    return [Jump(label, url, key) for key, label, url in pages_of(request, request.workspace)]


def _runs(request: WorkspaceRequest, text: str) -> list[Jump]:
    """The newest runs of a business id, in every environment; also one by its own id."""
    if not request.actor.may("runs.view"):
        return []
    found = find_runs(request.actor, RunFilter(text=text), size=MOST)
    return [
        Jump(row.business_ids[0][1] if row.business_ids else row.id, row.url, "runs",
             f"{row.flow} · {state_look(row.status).word}")
        for row in run_rows(found.runs, request.workspace.slug)
    ]  # fmt: skip


def _documents(request: WorkspaceRequest, model: Any, kind: str, text: str) -> list[Jump]:
    if not request.actor.may(f"{kind}.view"):
        return []
    rows = (
        model.objects.visible_to(request.actor) if model is Flow else model.objects.in_workspace(request.workspace.id)
    )
    namespace, name = PAGES[kind]
    found = rows.live().titled(text).order_by("title").values_list("slug", "title")[:MOST]
    place = request.workspace.slug
    return [Jump(title, reverse(f"{namespace}:{name}_detail", args=[place, slug]), kind, slug) for slug, title in found]


def _connections(request: WorkspaceRequest, text: str) -> list[Jump]:
    if not request.actor.may("connections.view"):
        return []
    rows = Connection.objects.in_workspace(request.workspace.id).select_related("workspace", "environment").search(text)
    found = rows.order_by("title", "environment__position")[:MOST]
    return [Jump(row.title, connection_url(row), "connections", row.environment.name) for row in found]


def _endpoints(request: WorkspaceRequest, text: str) -> list[Jump]:
    if not request.actor.may("connections.view"):
        return []
    rows = Endpoint.objects.filter(workspace=request.workspace).select_related("workspace", "environment")
    found = (rows.filter(title__icontains=text) | rows.filter(slug__icontains=text)).order_by("title")[:MOST]
    return [Jump(row.title, endpoint_url(row), "endpoints", row.environment.name) for row in found]


def _deeds(request: WorkspaceRequest) -> list[Jump]:
    place = request.workspace.slug
    documents = (
        _("New flow"),
        _("New mapping"),
        _("New schema"),
        _("New lookup"),
        _("New function"),
        _("New contract"),
        _("New event type"),
        _("New term"),
        _("New convention"),
    )
    labels = (*documents, _("New connection"), _("New endpoint"), _("New secret"))
    made = [
        Jump(label, reverse(name, args=[place]), "plus")
        for label, (permission, name) in zip(labels, NEW, strict=True)
        if request.actor.may(permission)
    ]
    return [*made, *_places(request), *_looks(), Jump(_("Keyboard map"), "", "info", "?"), _sign_out()]


def _places(request: WorkspaceRequest) -> Iterator[Jump]:
    """The other environments and workspaces."""
    shown = getattr(request, "environment", None)
    change = reverse("web:environment_select", args=[request.workspace.slug])
    for environment in request.workspace.environments.all():
        if environment != shown:
            label = _("Environment: %(name)s") % {"name": environment.name}
            yield Jump(label, change, "switch", field="environment", value=environment.slug)
    own = Workspace.objects.filter(memberships__user_id=request.user.pk).exclude(id=request.workspace.id)
    for workspace in own.order_by("name"):
        label = _("Workspace: %(name)s") % {"name": workspace.name}
        yield Jump(label, reverse("web:home", args=[workspace.slug]), "switch")


def _looks() -> Iterator[Jump]:
    themes = (("auto", _("Theme: automatic")), ("light", _("Theme: light")), ("dark", _("Theme: dark")))
    for theme, label in themes:
        icon = {"light": "sun", "dark": "moon"}.get(theme, theme)
        yield Jump(label, reverse("web:theme_select"), icon, field="theme", value=theme)
    for language, name in languages().items():
        label = _("Language: {name}").format(name=name)
        yield Jump(label, reverse("web:language_select"), "language", field="language", value=language)


def _sign_out() -> Jump:
    return Jump(_("Sign out"), reverse("account_logout"), "sign-out", field="signed", value="out")
