"""Mappings: list, page, editor with a live preview on a sample."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.models import SchemaVersion
from ipaas.core.references import split_reference
from ipaas.flows.consumers import wanted_of
from ipaas.mapping.services import save_draft
from ipaas.runtime.drift import open_drift
from ipaas.web.pages import document_views as views
from ipaas.web.pages.corrections import pretty
from ipaas.web.pages.documents import Context, DocumentPages, document_list, text_of
from ipaas.web.pages.mapping_library import library_for
from ipaas.web.pages.mapping_preview import field_rows, preview, reads_json
from ipaas.web.pages.mapping_words import mapping_words
from ipaas.web.pages.support import environment_of
from ipaas.web.pages.users_of_documents import flows_using
from ipaas.web.readmodels import Link

MOST_EXAMPLES = 3
STARTER = """\
kind: mapping
slug: my-mapping
title: My mapping
fields:
  id: source.order.id
  note: {expr: source.order.note, default: ""}
  lines:
    each: source.order.lines
    as: line
    fields:
      sku: line.sku
"""


def _extras(request: WorkspaceRequest, content: Any) -> Context:
    """The preview upon the sample that was sent, at first upon an example of the source's schema."""
    sample = text_of(request, "sample") if "sample" in request.POST else _example(request, content)
    environment = environment_of(request)
    may_see = request.actor.may("settings.view") and environment is not None
    variables = environment.variables if may_see and environment else {}
    slug = request.resolver_match.kwargs.get("slug") if request.resolver_match else None
    return {
        "tests_check_url": MAPPINGS.url(request, "tests_check"),
        "tests_url": MAPPINGS.url(request, "tests", slug) if slug else "",
        "sample": sample,
        "preview": preview(content, sample, request.workspace.id, variables),
        "variables_of": environment.name if may_see and environment else "",
        "setup": _setup(request, content, sample),
    }


def _setup(request: WorkspaceRequest, content: Any, sample: str) -> Context:
    """What the script of the visual editor begins with; see ``static/src/mapping``."""
    slug = request.resolver_match.kwargs.get("slug") if request.resolver_match else None
    reference = content.get("source_schema") if isinstance(content, dict) else None
    samples: list[Context] = [{"label": _("Your sample"), "text": sample, "own": True}]
    fits = isinstance(content, dict) and reads_json(content)
    for number, example in enumerate(_examples(request, reference)[:MOST_EXAMPLES] if fits else (), 1):
        text = pretty(example)
        samples += [{"label": _("Example {number}").format(number=number), "text": text}] if text != sample else []
    return {
        "slug": slug or "",
        "fields_url": MAPPINGS.url(request, "fields"),
        "suggest_url": MAPPINGS.url(request, "suggest"),
        "samples_url": MAPPINGS.url(request, "samples", slug) if slug else "",
        "presence_url": MAPPINGS.url(request, "presence", slug) if slug else "",
        "samples": samples,
        "wanted": wanted_of(request.workspace.id, slug) if slug and request.actor.may("flows.view") else {},
        "library": library_for(request),
        "words": mapping_words(),
    }


def _example(request: WorkspaceRequest, content: Any) -> str:
    """The first example of the source's schema, else an empty object; nothing for what reads another format."""
    if isinstance(content, dict) and not reads_json(content):
        return ""
    examples = _examples(request, content.get("source_schema") if isinstance(content, dict) else None)
    return pretty(examples[0] if examples else {})


def _examples(request: WorkspaceRequest, reference: Any) -> list[Any]:
    version = (
        SchemaVersion.objects.of(request.workspace.id, *split_reference(str(reference))) if _named(reference) else None
    )
    found = version.content.get("examples", ()) if version else ()
    return list(found) if isinstance(found, list) else []


def _named(reference: Any) -> bool:
    number = reference.partition("@")[2] if isinstance(reference, str) else "no"
    return not number or (number.isascii() and number.isdigit() and len(number) < 10)


MAPPINGS = DocumentPages(
    kind="mapping",
    namespace="mapping",
    title=gettext_noop("Mappings"),
    save=save_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("mappings.view")
def mapping_list(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "mapping/mapping_list.html", document_list(request, MAPPINGS))


@require_GET
@page("mappings.view")
def mapping_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = MAPPINGS.document(request, slug)
    label, content = views.shown_version(request, MAPPINGS, document)
    context = {
        **views.detail_context(request, MAPPINGS, document),
        "shown": label,
        "content": content,
        "fields": field_rows(content),
        "source_schema": _schema_link(request, content.get("source_schema")),
        "target_schema": _schema_link(request, content.get("target_schema")),
        "used_by": flows_using(request, "mapping", slug),
        "tests_url": MAPPINGS.url(request, "tests", slug),
        "drifted": len(open_drift(request.actor, document)),
    }
    return render(request, "mapping/mapping_detail.html", context)


def _schema_link(request: WorkspaceRequest, reference: Any) -> Link | None:
    if not isinstance(reference, str) or not request.actor.may("schemas.view"):
        return None
    slug = reference.partition("@")[0]
    return Link(reference, reverse("contracts:schema_detail", args=[request.workspace.slug, slug]))


@require_http_methods(["GET", "HEAD", "POST"])
@page("mappings.edit")
def mapping_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, MAPPINGS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("mappings.edit")
def mapping_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, MAPPINGS, slug)


@require_POST
@page("mappings.view")
def mapping_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, MAPPINGS)


@require_POST
@page("mappings.edit")
def mapping_presence(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.presence(request, MAPPINGS, slug)


@require_POST
@page("mappings.publish")
def mapping_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, MAPPINGS, slug)


@require_GET
@page("mappings.view")
def mapping_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, MAPPINGS, slug)


@require_GET
@page("mappings.view")
def mapping_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, MAPPINGS, slug)


@require_POST
@page("mappings.publish")
def mapping_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, MAPPINGS, slug)


@require_POST
@page("mappings.publish")
def mapping_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, MAPPINGS, slug)


@require_POST
@page("mappings.publish")
def mapping_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, MAPPINGS, slug)
