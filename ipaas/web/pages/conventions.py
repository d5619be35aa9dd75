"""Conventions: what drafts are checked by, why, and how many of them break each; editor."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.document_forms import errors_of
from ipaas.flows.yaml_form import to_yaml
from ipaas.governance.conventions import Standing, standings
from ipaas.ownership.conventions import validate
from ipaas.ownership.models import ConventionVersion
from ipaas.ownership.services import save_convention_draft
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, DocumentPages, document_list
from ipaas.web.pages.support import environment_of
from ipaas.web.readmodels import Link

STARTER = """\
kind: convention
slug: field-names
title: Fields are named in snake case, without abbreviations
reason: One way to write names lets people and suggestions find the same thing in every system.
severity: warning
kinds: [schema, mapping]
rule:
  fields:
    case: snake
    abbreviations: {qty: quantity, amt: amount}
"""
DETAILS = {
    "schema": "contracts:schema_detail",
    "contract": "contracts:contract_detail",
    "mapping": "mapping:mapping_detail",
    "lookup": "mapping:lookup_detail",
    "function": "mapping:function_detail",
    "flow": "flows:flow_detail",
}


def _extras(request: WorkspaceRequest, content: Any) -> Context:
    return {"standing": _standing(request, content)}


CONVENTIONS = DocumentPages(
    kind="convention",
    namespace="ownership",
    title=gettext_noop("Conventions"),
    save=save_convention_draft,
    starter=STARTER,
    extras=_extras,
)


def _standing(request: WorkspaceRequest, content: Any) -> Context | None:
    """How drafts keep a convention, as it is written here; None while it has faults."""
    if not isinstance(content, dict) or errors_of(validate(content)):
        return None
    return _shown(request, standings(request.actor, request.workspace.id, [content])[content["slug"]])


def _shown(request: WorkspaceRequest, standing: Standing) -> Context:
    place = request.workspace.slug
    broken = [
        {"link": Link(title, reverse(DETAILS[kind], args=[place, slug])), "kind": kind, "count": count}
        for kind, slug, title, count in standing.broken
    ]
    return {"checked": standing.checked, "broken": broken}


@require_GET
@page("conventions.view")
def convention_list(request: WorkspaceRequest) -> HttpResponse:
    context = document_list(request, CONVENTIONS)
    contents: dict[str, Mapping[str, Any]] = dict(
        ConventionVersion.objects.in_force(request.workspace.id).values_list("document__slug", "content")
    )
    shown = [contents[row.slug] for row in context["page"].items if row.slug in contents]
    found = standings(request.actor, request.workspace.id, shown)
    context["rows"] = [(row, contents.get(row.slug), found.get(row.slug)) for row in context["page"].items]
    return render(request, "ownership/convention_list.html", context)


@require_GET
@page("conventions.view")
def convention_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = CONVENTIONS.document(request, slug)
    label, content = views.shown_version(request, CONVENTIONS, document)
    context = {
        **views.detail_context(request, CONVENTIONS, document),
        "shown": label,
        "content": content,
        "rule": to_yaml(content.get("rule") or {}) if isinstance(content, dict) else "",
        "standing": _standing(request, content),
    }
    return render(request, "ownership/convention_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("conventions.edit")
def convention_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, CONVENTIONS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("conventions.edit")
def convention_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, CONVENTIONS, slug)


@require_POST
@page("conventions.view")
def convention_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, CONVENTIONS)


@require_POST
@page("conventions.publish")
def convention_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, CONVENTIONS, slug)


@require_GET
@page("conventions.view")
def convention_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, CONVENTIONS, slug)


@require_GET
@page("conventions.view")
def convention_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, CONVENTIONS, slug)


@require_POST
@page("conventions.publish")
def convention_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, CONVENTIONS, slug)


@require_POST
@page("conventions.publish")
def convention_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, CONVENTIONS, slug)


@require_POST
@page("conventions.publish")
def convention_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, CONVENTIONS, slug)
