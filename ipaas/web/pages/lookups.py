"""Lookups: list, page with the rows, editor, rows as CSV in and out."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.document_forms import MAX_BYTES, errors_of
from ipaas.core.errors import InvalidInput
from ipaas.mapping.lookup_document import validate
from ipaas.mapping.lookups import compile_lookup
from ipaas.mapping.services import import_rows, save_lookup_draft
from ipaas.web.pages import document_views as views
from ipaas.web.pages import documents as shared
from ipaas.web.pages.bringing_along import bring, used_by
from ipaas.web.pages.documents import Context, DocumentPages, document_list
from ipaas.web.pages.support import asked, environment_of, told

STARTER = """\
kind: lookup
slug: my-lookup
title: My lookup
key: code
columns: {rate: number}
match: {case: ignore, trim: true}
csv: |
  code,name,rate
  DE,Germany,0.19
  AT,Austria,0.20
"""
SHOWN_ROWS = 100


def _extras(_request: WorkspaceRequest, content: Any) -> Context:
    return {"table": _table(content, "")}


def _table(content: Any, search: str) -> Context | None:
    """Columns and rows of a valid document, those that hold a text; None while it has faults."""
    if not isinstance(content, dict) or errors_of(validate(content)):
        return None
    table = compile_lookup(content)
    rows = [list(zip(table.columns, row, strict=True)) for _number, row in table.rows.values() if _holds(row, search)]
    return {"columns": table.columns, "rows": rows[:SHOWN_ROWS], "count": len(rows), "more": len(rows) > SHOWN_ROWS}


def _holds(row: tuple[Any, ...], search: str) -> bool:
    wanted = search.casefold()
    return not wanted or any(wanted in str(cell).casefold() for cell in row if cell is not None)


LOOKUPS = DocumentPages(
    kind="lookup",
    namespace="mapping",
    title=gettext_noop("Lookups"),
    save=save_lookup_draft,
    starter=STARTER,
    extras=_extras,
)


@require_GET
@page("lookups.view")
def lookup_list(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "mapping/lookup_list.html", document_list(request, LOOKUPS))


@require_GET
@page("lookups.view")
def lookup_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    document = LOOKUPS.document(request, slug)
    label, content = views.shown_version(request, LOOKUPS, document)
    search = asked(request, "q")
    context = {
        **views.detail_context(request, LOOKUPS, document),
        "shown": label,
        "content": content,
        "keys": content.get("key") if isinstance(content.get("key"), str) else ", ".join(content.get("key") or ()),
        "table": _table(content, search),
        "q": search,
        "clear_url": LOOKUPS.url(request, "detail", slug) if search else "",
        "rows_url": LOOKUPS.url(request, "rows", slug),
        "import_url": LOOKUPS.url_if(request, "edit", "import", document) if not document.archived else "",
        **used_by(request, LOOKUPS, document),
    }
    return render(request, "mapping/lookup_detail.html", context)


@require_GET
@page("lookups.view")
def lookup_rows(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """The rows as a CSV file: of ``?version=``, else of the draft."""
    document = LOOKUPS.document(request, slug)
    usual = shared.DRAFT if document.draft is not None else str(document.latest_version)
    row = shared.chosen(LOOKUPS, document, request.GET.get("version") or usual)[1]
    content = row.draft if row is document else row.content
    answer = HttpResponse(str((content or {}).get("csv", "")), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{document.slug}.csv"'
    return answer


@require_POST
@page("lookups.edit")
def lookup_import(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Put the rows of an uploaded CSV file into the draft."""
    document = LOOKUPS.document(request, slug)
    with told(request, _("The rows are in the draft; publish it to use them.")):
        saved, findings = import_rows(actor=request.actor, lookup=document, csv=_uploaded(request))
        for finding in findings[:1]:
            messages.warning(request, shared.shown_finding(finding).message)
        return redirect(LOOKUPS.url(request, "edit", saved.slug))
    return redirect(LOOKUPS.url(request, "detail", slug))


def _uploaded(request: WorkspaceRequest) -> str:
    """The text of the file; InvalidInput for none, for one too large and for one that is no text."""
    file = request.FILES.get("file")
    problem = ""
    if file is None or isinstance(file, list):
        problem = _("choose a CSV file")
    elif (file.size or 0) > MAX_BYTES:
        problem = _("the file has more than {most} bytes").format(most=MAX_BYTES)
    else:
        try:
            return str(file.read(), "utf-8-sig")
        except UnicodeDecodeError:
            problem = _("the file is not UTF-8; save it as CSV in UTF-8")
    raise InvalidInput([{"path": "file", "code": "lookup.file", "message": problem}])


@require_http_methods(["GET", "HEAD", "POST"])
@page("lookups.edit")
def lookup_new(request: WorkspaceRequest) -> HttpResponse:
    return views.edit(request, LOOKUPS)


@require_http_methods(["GET", "HEAD", "POST"])
@page("lookups.edit")
def lookup_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.edit(request, LOOKUPS, slug)


@require_POST
@page("lookups.view")
def lookup_check(request: WorkspaceRequest) -> HttpResponse:
    return views.check(request, LOOKUPS)


@require_POST
@page("lookups.publish")
def lookup_publish(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.publish(request, LOOKUPS, slug)


@require_GET
@page("lookups.view")
def lookup_diff(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.diff(request, LOOKUPS, slug)


@require_GET
@page("lookups.view")
def lookup_text(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.text(request, LOOKUPS, slug)


@require_POST
@page("lookups.publish")
def lookup_deprecate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.deprecate(request, LOOKUPS, slug)


@require_POST
@page("lookups.publish")
def lookup_archive(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.archive(request, LOOKUPS, slug)


@require_POST
@page("lookups.publish")
def lookup_restore(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return views.restore(request, LOOKUPS, slug)


@require_POST
@page("mappings.edit")
def lookup_bring_along(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return bring(request, LOOKUPS, slug)
