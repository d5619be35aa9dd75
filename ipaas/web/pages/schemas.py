"""Schemas: list, page, editor with a value to try them on."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.queries import whole_schema
from ipaas.contracts.services import accept_break, save_draft
from ipaas.contracts.validators import compile_schema, schema_problems, sensitive_paths
from ipaas.core import jsonio
from ipaas.core.document_forms import unreadable
from ipaas.core.phrases import in_words
from ipaas.web.pages import document_views as views
from ipaas.web.pages.corrections import pretty
from ipaas.web.pages.documents import Context, DocumentPages, document_list, text_of
from ipaas.web.pages.mapping_preview import MAX_SAMPLE
from ipaas.web.pages.schema_evolution import documents_using, evolution_of, may_accept, references_of, words_of
from ipaas.web.pages.support import environment_of, told
from ipaas.web.pages.terms import terms_of
from ipaas.web.pages.users_of_documents import flows_using
from ipaas.web.readmodels import Finding

STARTER = """\
kind: schema
slug: my-schema
title: My schema
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  required: [id]
  properties:
    id: {type: string, minLength: 1, maxLength: 60}
    email: {type: string, format: email, x-sensitive: personal}
examples:
  - {id: "1", email: someone@shop.example}
"""


def _extras(request: WorkspaceRequest, content: Any) -> Context:
    """What the schema says of the value that was sent, at first of its own first example."""
    if "sample" in request.POST:
        sample = text_of(request, "sample")
    else:
        examples = content.get("examples") if isinstance(content, dict) else None
        first = examples[0] if isinstance(examples, list) and examples else {}
        sample = pretty(first)
    schema = whole_schema(content, request.workspace.id)
    return {"sample": sample, "tried": tried(schema, sample), "evolution": evolution_of(request, content)}


def tried(schema: Any, sample: str) -> list[Finding] | None:
    """What is wrong with a value in JSON; None while the schema itself has faults."""
    if not isinstance(schema, dict | bool) or schema_problems(schema):
        return None
    try:
        if len(sample) > MAX_SAMPLE:
            raise jsonio.JsonTooLarge(reason=f"a value to try has at most {MAX_SAMPLE} characters")
        value = jsonio.loads(sample or "{}")
    except jsonio.JsonInvalid as error:
        fault = unreadable(error, sample)
        return [Finding("error", in_words(fault["message"]), "", fault.get("line"), fault.get("column"))]
    found = compile_schema(schema).errors(value)
    return [Finding("error", one["message"], one["path"] or _("(all)")) for one in found]


SCHEMAS = DocumentPages(
    kind="schema",
    namespace="contracts",
    title=gettext_noop("Schemas"),
    save=save_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("schemas.view")
def schema_list(request: WorkspaceRequest) -> HttpResponse:
    context = {**document_list(request, SCHEMAS), "infer_url": SCHEMAS.url(request, "infer")}
    return render(request, "contracts/schema_list.html", context)


@require_GET
@page("schemas.view")
def schema_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = SCHEMAS.document(request, slug)
    label, content = views.shown_version(request, SCHEMAS, document)
    context = {
        **views.detail_context(request, SCHEMAS, document),
        "shown": label,
        "content": content,
        "schema": content.get("schema"),
        "examples": content.get("examples", ()),
        "sensitive": _sensitive(request, content),
        "refers_to": references_of(request, content),
        "terms": terms_of(request, content),
        "used_by": flows_using(request, "schema", slug) + documents_using(request, slug),
        "evolution": evolution_of(request, document.draft or content),
        "words": words_of(document, content, label),
        "accept_url": SCHEMAS.url(request, "accept_break", slug) if may_accept(request, document) else "",
    }
    return render(request, "contracts/schema_detail.html", context)


def _sensitive(request: WorkspaceRequest, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Classified places; none of a schema that can not be compiled."""
    schema = whole_schema(content, request.workspace.id)
    usable = isinstance(schema, dict | bool) and not schema_problems(schema)
    return sorted(set(sensitive_paths(schema))) if usable else []


@require_http_methods(["GET", "HEAD", "POST"])
@page("schemas.edit")
def schema_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, SCHEMAS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("schemas.edit")
def schema_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, SCHEMAS, slug)


@require_POST
@page("schemas.view")
def schema_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, SCHEMAS)


@require_POST
@page("schemas.publish")
def schema_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, SCHEMAS, slug)


@require_POST
@page("schemas.override")
def schema_accept_break(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Let the draft be published although it may break others; the reason goes into the audit trail."""
    with told(request, _("The draft may be published now, as you decided.")):
        accept_break(schema=SCHEMAS.document(request, slug), actor=request.actor, reason=views.reason_of(request))
    return redirect(SCHEMAS.url(request, "detail", slug))


@require_GET
@page("schemas.view")
def schema_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, SCHEMAS, slug)


@require_GET
@page("schemas.view")
def schema_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, SCHEMAS, slug)


@require_POST
@page("schemas.publish")
def schema_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, SCHEMAS, slug)


@require_POST
@page("schemas.publish")
def schema_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, SCHEMAS, slug)


@require_POST
@page("schemas.publish")
def schema_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, SCHEMAS, slug)
