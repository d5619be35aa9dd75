"""What the pages of flows, mappings and schemas share: reading the editor's text, findings, differences, versions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext, gettext_noop, ngettext

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core import document_forms as forms
from ipaas.core import jsonio
from ipaas.core.document_querysets import DocumentQuerySet
from ipaas.core.document_types import DocumentType, document_type
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import in_words
from ipaas.flows.lint import LINT_RULES
from ipaas.flows.querysets import FlowQuerySet
from ipaas.flows.yaml_form import written
from ipaas.governance.drafts import published_past_review
from ipaas.governance.services import check_document
from ipaas.web.build_readmodels import DocumentRow
from ipaas.web.pages.support import PAGE_SIZE, asked, environment_of, options, with_query
from ipaas.web.readmodels import CursorPage, DiffRow, Finding, Link, VersionRow

DRAFT = "draft"
MAX_TEXT = forms.MAX_BYTES
MOST_OF_A_VALUE = 2_000
MOST_VERSIONS = 100
LISTED = {"": gettext_noop("In use"), "parts": gettext_noop("Parts of flows"), "archived": gettext_noop("Archived")}

Json = Any
Context = dict[str, Any]
Extras = Callable[[WorkspaceRequest, Any], Context]


@dataclass(frozen=True)
class DocumentPages:
    """One kind of document in the browser: where its pages are, and what is special to it.

    ``extras`` fills the checks beside the editor from the content, which may be of any form or None; ``starter`` is
    what a new document begins with.
    """

    kind: str
    namespace: str
    title: str
    save: Callable[..., tuple[Any, list[forms.Finding]]]
    starter: str
    extras: Extras

    @property
    def type(self) -> DocumentType:
        return document_type(self.kind)

    @property
    def form_template(self) -> str:
        return f"{self.namespace}/{self.kind}_form.html"

    def url(self, request: WorkspaceRequest, page: str, *args: object) -> str:
        return reverse(f"{self.namespace}:{self.kind}_{page}", args=[request.workspace.slug, *args])

    def may(self, request: WorkspaceRequest, deed: str, document: VersionedDocument | None = None) -> bool:
        """Whether the actor has the permission ``deed`` (``edit``, ``publish``) for one document, or for all."""
        return request.actor.may(f"{self.type.permission}.{deed}", getattr(document, "flow_id", None))

    def url_if(self, request: WorkspaceRequest, deed: str, page: str, document: VersionedDocument | None = None) -> str:
        """The address of a deed, on a document or for a new one; empty for an actor without the permission."""
        place = () if document is None else (document.slug,)
        return self.url(request, page, *place) if self.may(request, deed, document) else ""

    def documents(self, request: WorkspaceRequest) -> DocumentQuerySet:
        rows = self.type.documents.in_workspace(request.workspace.id)
        return rows.visible_to(request.actor) if isinstance(rows, FlowQuerySet) else rows

    def document(self, request: WorkspaceRequest, slug: str) -> Any:
        found = self.documents(request).filter(slug=slug).first()
        if found is None:
            raise NotFound(what=self.kind)
        return found

    def version(self, document: VersionedDocument, number: int) -> Any:
        found = self.type.versions.filter(document_id=document.id, number=number).first()
        if found is None:
            raise NotFound(what=f"{self.kind} version")
        found.document = document
        return found

    def crumbs(self, request: WorkspaceRequest, document: VersionedDocument | None = None) -> list[Link]:
        own = [] if document is None else [Link(document.title, self.url(request, "detail", document.slug))]
        return [Link(gettext(self.title), self.url(request, "list")), *own]


# -- lists ---------------------------------------------------------------------------------------------------------


def by_slug(request: HttpRequest, rows: "QuerySet[Any]", kind: str) -> tuple[list[Any], CursorPage]:
    """One page of documents by slug: ``?after=`` goes on after a slug, ``?before=`` back."""
    after, before = asked(request, "after"), asked(request, "before")
    if before:
        found = list(rows.filter(slug__lt=before).order_by("-slug")[: PAGE_SIZE + 1])
        earlier, later, found = len(found) > PAGE_SIZE, True, found[:PAGE_SIZE][::-1]
    else:
        found = list(rows.filter(slug__gt=after).order_by("slug")[: PAGE_SIZE + 1])
        earlier, later, found = bool(after), len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    return found, CursorPage(
        (),
        label=_counted(kind, len(found)),
        next_url=with_query(request, after=found[-1].slug) if found and later else "",
        previous_url=with_query(request, before=found[0].slug) if found and earlier else "",
        next_label=gettext("Next"),
        previous_label=gettext("Previous"),
    )


def _counted(kind: str, count: int) -> str:
    text = {
        "flow": ngettext("{count} flow", "{count} flows", count),
        "mapping": ngettext("{count} mapping", "{count} mappings", count),
        "schema": ngettext("{count} schema", "{count} schemas", count),
        "lookup": ngettext("{count} lookup", "{count} lookups", count),
        "function": ngettext("{count} function", "{count} functions", count),
        "contract": ngettext("{count} contract", "{count} contracts", count),
        "event_type": ngettext("{count} event type", "{count} event types", count),
        "term": ngettext("{count} term", "{count} terms", count),
        "convention": ngettext("{count} convention", "{count} conventions", count),
    }[kind]
    return text.format(count=count)


def document_list(request: WorkspaceRequest, pages: DocumentPages) -> Context:
    """The list of one kind: live, archived, or the parts that flows hold inline where the kind has such."""
    environment_of(request)
    search, state = asked(request, "q"), asked(request, "state")
    rows = pages.documents(request).titled(search).filter(archived=state == "archived")
    has_parts = hasattr(pages.type.document, "derived_from")
    if state != "archived" and has_parts:
        rows = rows.exclude(derived_from="") if state == "parts" else rows.filter(derived_from="")
    states = {name: gettext(word) for name, word in LISTED.items() if name != "parts" or has_parts}
    found, listed = by_slug(request, rows, pages.kind)
    return {
        "page": with_items(listed, [_document_row(request, pages, one) for one in found]),
        "filters": {
            "q": search,
            "state": options(states, state),
            "clear_url": pages.url(request, "list") if search or state else "",
        },
        "new_url": pages.url_if(request, "edit", "new"),
    }


def _document_row(request: WorkspaceRequest, pages: DocumentPages, document: Any) -> DocumentRow:
    _, _, flow = getattr(document, "derived_from", "").partition(":")
    return DocumentRow(
        slug=document.slug,
        url=pages.url(request, "detail", document.slug),
        title=document.title,
        latest_version=document.latest_version,
        updated_at=document.updated_at,
        part_of=Link(flow, reverse("flows:flow_detail", args=[request.workspace.slug, flow])) if flow else None,
        archived=document.archived,
        draft_revision=document.draft_revision if document.draft is not None else 0,
    )


# -- texts and findings --------------------------------------------------------------------------------------------


def text_of(request: HttpRequest, name: str = "document") -> str:
    """What an editor sent, with the line ends that it was typed with; too long a text is cut and so refused."""
    return request.POST.get(name, "")[: MAX_TEXT + 1].replace("\r\n", "\n")


def number_of(request: HttpRequest, name: str) -> int:
    """A number of a form; -1, which no revision and no version has, for anything else."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def read_content(text: str) -> Json:
    """The content of a text as far as it can be read; None otherwise."""
    try:
        return forms.read_document(text=text).content
    except InvalidInput:
        return None


def checked(request: WorkspaceRequest, pages: DocumentPages, text: str) -> list[Finding]:
    """Everything wrong or doubtful with a text that shall be a document of this kind; never raises InvalidInput."""
    try:
        source = forms.read_document(text=text)
        if source.content.get("kind") != pages.kind:
            wrong = forms.Finding("/kind", "document.kind", gettext("write {line}").format(line=f"kind: {pages.kind}"))
            return [shown_finding(one) for one in source.locate([wrong])]
        found = check_document(actor=request.actor, workspace=request.workspace, text=text)
    except InvalidInput as error:
        return refused(error)
    return [shown_finding(one) for one in found]


def shown_finding(found: forms.Finding) -> Finding:
    rule = LINT_RULES.get(found.code)
    remedy = gettext(rule.doc) if rule else ""
    return Finding(found.severity, in_words(found.message), found.path, found.line, found.column, remedy)


def refused(error: InvalidInput) -> list[Finding]:
    """The faults of a refused input."""
    return [_fault(dict(one)) for one in error.errors]


def _fault(found: dict[str, Any]) -> Finding:
    severity = "warning" if found.get("severity") == "warning" else "error"
    rule = LINT_RULES.get(found.get("code", ""))
    place = found.get("path", ""), found.get("line"), found.get("column")
    return Finding(severity, in_words(found["message"]), *place, gettext(rule.doc) if rule else "")


# -- versions and differences --------------------------------------------------------------------------------------


def version_rows(
    request: WorkspaceRequest,
    pages: DocumentPages,
    document: VersionedDocument,
    live: Mapping[int, Sequence[str]] | None = None,
) -> list[VersionRow]:
    """The newest versions; ``live`` names the environments by version number."""
    rows = pages.type.versions.filter(document_id=document.id).defer("content").order_by("-number")[:MOST_VERSIONS]
    past = published_past_review(document)
    return [
        VersionRow(
            number=one.number,
            state=one.state,
            sha256=one.sha256,
            published_at=one.published_at,
            published_by=one.published_by,
            note=one.note,
            ending=ending_of(one) or past.get(one.sha256, ""),
            environments=(live or {}).get(one.number, ()),
            url=f"{pages.url(request, 'detail', document.slug)}?version={one.number}",
            diff_url=_diff_url(request, pages, document, one.number - 1, one.number) if one.number > 1 else "",
        )
        for one in rows
    ]


def ending_of(version: Any) -> str:
    """What a deprecated or retired version says of its end, in a line; "" for any other."""
    if version.state == "published":
        return ""
    day = formats.date_format(version.sunset_on) if version.sunset_on else ""
    parts = [
        version.state_reason,
        gettext("until {day}").format(day=day) if day else "",
        gettext("use {reference} instead").format(reference=version.replacement) if version.replacement else "",
    ]
    return "; ".join(part for part in parts if part)


def _diff_url(request: WorkspaceRequest, pages: DocumentPages, document: Any, before: object, after: object) -> str:
    return f"{pages.url(request, 'diff', document.slug)}?from={before}&to={after}"


def draft_diff_url(request: WorkspaceRequest, pages: DocumentPages, document: VersionedDocument) -> str:
    """Where the draft is compared with the newest version; empty where one of them is missing or they are alike."""
    if document.draft is None or not document.latest_version:
        return ""
    newest = written(pages.version(document, document.latest_version))
    if not diff_rows(newest.content, document.draft) and newest.text == written(document).text:
        return ""
    return _diff_url(request, pages, document, document.latest_version, DRAFT)


def chosen(pages: DocumentPages, document: Any, asked_for: str) -> tuple[str, Any]:
    """Label and row of ``draft`` (the document itself) or of a version by number; NotFound for anything else."""
    if asked_for == DRAFT and document.draft is not None:
        return draft_label(document), document
    if not (asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 10):
        raise NotFound(what=f"{pages.kind} version")
    return version_label(int(asked_for)), pages.version(document, int(asked_for))


def draft_label(document: Any) -> str:
    return gettext("Draft (revision {number})").format(number=document.draft_revision)


def version_label(number: int) -> str:
    return gettext("Version %(number)s") % {"number": number}


def diff_rows(before: Json, after: Json) -> list[DiffRow]:
    """Changes by place; that a version pins what a draft leaves to the newest is none."""
    rows = [
        DiffRow(one.path or gettext("(all)"), one.kind, read_value(one.before), read_value(one.after))
        for one in forms.difference(before, after)
        if not _only_pinned(one.before, one.after)
    ]
    was, now = _order(before), _order(after)
    if not rows and was != now:
        rows.append(DiffRow(gettext("order of the blocks"), "changed", ", ".join(was), ", ".join(now)))
    return rows


def _order(content: Json) -> list[str]:
    """The ids of a document in the order in which they are read; changes go by ids and so tell nothing of it."""
    if isinstance(content, list):
        return [name for item in content for name in _order(item)]
    if not isinstance(content, dict):
        return []
    own = [content["id"]] if isinstance(content.get("id"), str) else []
    return own + [name for key in sorted(content) for name in _order(content[key])]


def _only_pinned(before: Json, after: Json) -> bool:
    return isinstance(before, str) and isinstance(after, str) and before.startswith(f"{after}@")


def read_value(value: Json) -> str:
    text = value if isinstance(value, str) else jsonio.dumps(value).decode()
    return text if len(text) <= MOST_OF_A_VALUE else f"{text[:MOST_OF_A_VALUE]}…"


def with_items(page: CursorPage, rows: Iterable[Any]) -> CursorPage:
    return replace(page, items=list(rows))
