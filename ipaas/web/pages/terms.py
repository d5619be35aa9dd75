"""The glossary: terms by letter, domain and search; a term with where it is used; editor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.document_forms import errors_of
from ipaas.governance.glossary import terms_in, uses_of_term
from ipaas.ownership.glossary import TermFacts, validate
from ipaas.ownership.models import Domain, Term
from ipaas.ownership.naming import domain_slug
from ipaas.ownership.services import save_term_draft
from ipaas.web.pages import document_views as views
from ipaas.web.pages.documents import Context, DocumentPages, by_slug, with_items
from ipaas.web.pages.support import asked, environment_of, options, with_query
from ipaas.web.readmodels import Link

STARTER = """\
kind: term
slug: order-number
title: Order number
definition: The number by which a customer and the shop name an order.
synonyms: [order id, order no]
avoid: [order key]
examples: ["SO-1001"]
"""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DETAILS = {
    "schema": "contracts:schema_detail",
    "mapping": "mapping:mapping_detail",
    "contract": "contracts:contract_detail",
}


def _extras(request: WorkspaceRequest, content: Any) -> Context:
    return {"uses": _uses(request, content)}


TERMS = DocumentPages(
    kind="term",
    namespace="ownership",
    title=gettext_noop("Glossary"),
    save=save_term_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("terms.view")
def term_list(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    search, letter, domain = asked(request, "q"), asked(request, "letter"), asked(request, "domain")
    archived = asked(request, "state") == "archived"
    rows = Term.objects.in_workspace(request.workspace.id).filter(archived=archived).called(search)
    if letter in LETTERS and letter:
        rows = rows.filter(title__istartswith=letter[0])
    if domain:
        rows = rows.filter(draft__domain=domain)
    found, listed = by_slug(request, rows, "term")
    domains = Domain.objects.in_workspace(request.workspace.id).values_list("slug", "title")
    context = {
        "page": with_items(listed, [_row(request, one) for one in found]),
        "letters": [
            (one.upper(), with_query(request, letter=one, after="", before=""), one == letter) for one in LETTERS
        ],
        "filters": {
            "q": search,
            "domain": options({"": _("All"), **dict(domains)}, domain),
            "state": options({"": _("In use"), "archived": _("Archived")}, "archived" if archived else ""),
            "clear_url": TERMS.url(request, "list") if search or letter or domain or archived else "",
        },
        "new_url": TERMS.url_if(request, "edit", "new"),
    }
    return render(request, "ownership/term_list.html", context)


@dataclass(frozen=True, slots=True)
class TermRow:
    slug: str
    url: str
    title: str
    definition: str
    synonyms: list[str]
    domain: str
    latest_version: int
    archived: bool


def _row(request: WorkspaceRequest, term: Term) -> TermRow:
    draft: Mapping[str, Any] = term.draft or {}
    return TermRow(
        slug=term.slug,
        url=TERMS.url(request, "detail", term.slug),
        title=term.title,
        definition=str(draft.get("definition", "")),
        synonyms=_texts(draft.get("synonyms")),
        domain=domain_slug(draft),
        latest_version=term.latest_version,
        archived=term.archived,
    )


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


@require_GET
@page("terms.view")
def term_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = TERMS.document(request, slug)
    label, content = views.shown_version(request, TERMS, document)
    context = {
        **views.detail_context(request, TERMS, document),
        "shown": label,
        "content": content,
        "uses": _uses(request, content),
    }
    return render(request, "ownership/term_detail.html", context)


def _uses(request: WorkspaceRequest, content: Any) -> list[Context]:
    """Where a term is used, with links; nothing while its document has faults."""
    if not isinstance(content, dict) or errors_of(validate(content)):
        return []
    return [
        {
            "link": Link(one.title, reverse(DETAILS[one.kind], args=[request.workspace.slug, one.slug])),
            "kind": KINDS[one.kind],
            "places": one.places,
        }
        for one in uses_of_term(request.actor, TermFacts.of(content), request.workspace.id)
    ]


def terms_of(request: WorkspaceRequest, content: Any) -> list[tuple[str, Link, str]]:
    """The fields of a schema or of the target of a mapping that mean a term: place, link, definition."""
    if not request.actor.may("terms.view"):
        return []
    found = terms_in(content, request.workspace.id)
    return [(path, Link(term.title, TERMS.url(request, "detail", term.slug)), term.definition) for path, term in found]


KINDS = {"schema": gettext_noop("Schema"), "mapping": gettext_noop("Mapping"), "contract": gettext_noop("Contract")}


@require_http_methods(["GET", "HEAD", "POST"])
@page("terms.edit")
def term_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, TERMS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("terms.edit")
def term_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, TERMS, slug)


@require_POST
@page("terms.view")
def term_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, TERMS)


@require_POST
@page("terms.publish")
def term_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, TERMS, slug)


@require_GET
@page("terms.view")
def term_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, TERMS, slug)


@require_GET
@page("terms.view")
def term_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, TERMS, slug)


@require_POST
@page("terms.publish")
def term_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, TERMS, slug)


@require_POST
@page("terms.publish")
def term_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, TERMS, slug)


@require_POST
@page("terms.publish")
def term_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, TERMS, slug)
