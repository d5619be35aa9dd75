"""Reusable functions: list, page with the examples, editor."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.mapping.services import save_function_draft
from ipaas.web.pages import document_views as views
from ipaas.web.pages.bringing_along import bring, used_by
from ipaas.web.pages.documents import Context, DocumentPages, document_list
from ipaas.web.pages.support import environment_of

STARTER = """\
kind: function
slug: full-name
title: Full name
description: First and last name with one space between, whatever is missing.
parameters:
  - {name: first, kind: value}
  - {name: last, kind: value}
expr: trim(default(first, '') ~ ' ' ~ default(last, ''))
examples:
  - {args: {first: Ada, last: Lovelace}, result: Ada Lovelace}
  - {args: {first: Ada, last: null}, result: Ada}
"""


def _extras(_request: WorkspaceRequest, content: Any) -> Context:
    examples = content.get("examples") if isinstance(content, dict) else None
    return {"examples": examples if isinstance(examples, list) else []}


FUNCTIONS = DocumentPages(
    kind="function",
    namespace="mapping",
    title=gettext_noop("Functions"),
    save=save_function_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("functions.view")
def function_list(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "mapping/function_list.html", document_list(request, FUNCTIONS))


@require_GET
@page("functions.view")
def function_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = FUNCTIONS.document(request, slug)
    label, content = views.shown_version(request, FUNCTIONS, document)
    context = {
        **views.detail_context(request, FUNCTIONS, document),
        "shown": label,
        "content": content,
        **used_by(request, FUNCTIONS, document),
    }
    return render(request, "mapping/function_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("functions.edit")
def function_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, FUNCTIONS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("functions.edit")
def function_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, FUNCTIONS, slug)


@require_POST
@page("functions.view")
def function_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, FUNCTIONS)


@require_POST
@page("functions.publish")
def function_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, FUNCTIONS, slug)


@require_GET
@page("functions.view")
def function_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, FUNCTIONS, slug)


@require_GET
@page("functions.view")
def function_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, FUNCTIONS, slug)


@require_POST
@page("functions.publish")
def function_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, FUNCTIONS, slug)


@require_POST
@page("functions.publish")
def function_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, FUNCTIONS, slug)


@require_POST
@page("functions.publish")
def function_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, FUNCTIONS, slug)


@require_POST
@page("mappings.edit")
def function_bring_along(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return bring(request, FUNCTIONS, slug)
