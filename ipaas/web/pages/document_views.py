"""The views that documents of every kind have: editor, checks, publishing, differences, deprecation, archive, text."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.core.phrases import in_words
from ipaas.flows.models import Flow, FlowVersion
from ipaas.flows.yaml_form import written
from ipaas.governance import services as governance
from ipaas.governance.drafts import draft_saver
from ipaas.governance.ending import deprecate_version, retire_version, users_of_version
from ipaas.governance.gate import ReviewNeeded
from ipaas.governance.review_policy import stewards_of
from ipaas.governance.reviews import request_review
from ipaas.web import editing
from ipaas.web.pages import documents as shared
from ipaas.web.pages.document_guide import guide_for
from ipaas.web.pages.documents import Context, DocumentPages
from ipaas.web.pages.review_notices import review_context
from ipaas.web.pages.support import environment_of, options, posted, told, told_error
from ipaas.web.readmodels import Finding, Option

_NEW = {
    "flow": gettext_noop("New flow"),
    "mapping": gettext_noop("New mapping"),
    "schema": gettext_noop("New schema"),
    "lookup": gettext_noop("New lookup"),
    "function": gettext_noop("New function"),
    "contract": gettext_noop("New contract"),
    "event_type": gettext_noop("New event type"),
    "term": gettext_noop("New term"),
    "convention": gettext_noop("New convention"),
}
_TEXT = {
    "flow": gettext_noop("Document of the flow"),
    "mapping": gettext_noop("Document of the mapping"),
    "schema": gettext_noop("Document of the schema"),
    "lookup": gettext_noop("Document of the lookup"),
    "function": gettext_noop("Document of the function"),
    "contract": gettext_noop("Document of the contract"),
    "event_type": gettext_noop("Document of the event type"),
    "term": gettext_noop("Document of the term"),
    "convention": gettext_noop("Document of the convention"),
}


def edit(request: WorkspaceRequest, pages: DocumentPages, slug: str | None = None) -> HttpResponse:
    """The editor of a document, of a new one without a slug; POST saves the draft upon the revision it was read at."""
    document = pages.document(request, slug) if slug is not None else None
    if not pages.may(request, "edit", document):
        raise PermissionDenied(permission=f"{pages.type.permission}.edit")
    if request.method == "POST":
        return _save(request, pages, document)
    text = written(_editable(pages, document)).text if document else pages.starter
    revision = document.draft_revision if document else 0
    return _editor(request, pages, document, text, revision)


def shown(request: WorkspaceRequest, pages: DocumentPages, document: VersionedDocument) -> HttpResponse:
    """The editor with the text that was sent, nothing saved."""
    return _editor(request, pages, document, shared.text_of(request), shared.number_of(request, "revision"), status=422)


def begin(request: WorkspaceRequest, pages: DocumentPages, text: str) -> HttpResponse:
    """The editor of a new document that begins with a text; nothing is stored."""
    return _editor(request, pages, None, text, 0)


def _editable(pages: DocumentPages, document: VersionedDocument) -> Any:
    """The draft; for a document that only ever came published, as parts of others do, its newest version."""
    if document.draft is not None or not document.latest_version:
        return document
    return pages.version(document, document.latest_version)


def _save(request: WorkspaceRequest, pages: DocumentPages, document: Any) -> HttpResponse:
    text, revision = shared.text_of(request), shared.number_of(request, "revision")
    upon = shared.number_of(request, "over") if "over" in request.POST else revision
    try:
        _refuse_renaming(document, text)
        saved = pages.save(actor=request.actor, workspace=request.workspace, text=text, expected_revision=upon)[0]
    except (NotFound, PermissionDenied):
        raise
    except InvalidInput as error:
        found = shared.refused(error)
        if "autosave" in request.POST:
            return _told_quietly(
                _("Not saved yet: %(why)s") % {"why": found[0].message if found else in_words(error.detail)}
            )
        return _editor(request, pages, document, text, revision, status=422, findings=found, problem=_("Not saved."))
    except Conflict as error:
        if "autosave" in request.POST:
            return _told_quietly(_("Somebody saved in between: save by hand to see both."), conflict=True)
        return _conflict(request, pages, document, text, revision, error)
    if "autosave" in request.POST:
        words = {"revision": saved.draft_revision}
        return JsonResponse({**words, "told": _("Saved as revision %(revision)s") % words})
    messages.success(request, _("Draft saved as revision {number}.").format(number=saved.draft_revision))
    if "try" in request.POST and pages.kind == "flow":
        return redirect(f"{pages.url(request, 'test', saved.slug)}?version={shared.DRAFT}")
    return redirect(pages.url(request, "edit", saved.slug))


def _told_quietly(problem: str, *, conflict: bool = False) -> HttpResponse:
    """What the editor says beside the title; no failure, as nobody has pressed a button and all is still there."""
    return JsonResponse({"problem": problem, "conflict": conflict})


def _refuse_renaming(document: Any, text: str) -> None:
    slug = (shared.read_content(text) or {}).get("slug")
    if document is not None and slug is not None and slug != document.slug:
        message = _("the slug of this document is {slug} and can not change; make a new document instead").format(
            slug=repr(document.slug)
        )
        raise InvalidInput([{"path": "/slug", "code": "document.slug", "message": message}])


def _conflict(
    request: WorkspaceRequest, pages: DocumentPages, document: Any, text: str, revision: int, error: Conflict
) -> HttpResponse:
    """Nothing is lost: the text that was sent, what is saved now, and both ways on."""
    now = pages.document(request, document.slug) if document else None
    context: Context = {"problem": told_error(error)}
    if now is not None and now.draft is not None and now.draft_revision != revision:
        saver = draft_saver(now)
        context["conflict"] = {
            "revision": now.draft_revision,
            "by": saver.actor_label if saver else "",
            "at": saver.created_at if saver else None,
            "text": written(now).text,
            "rows": shared.diff_rows(now.draft, shared.read_content(text) or {}),
            "load_url": pages.url(request, "edit", now.slug),
        }
    return _editor(request, pages, now, text, revision, status=409, **context)


def _editor(
    request: WorkspaceRequest,
    pages: DocumentPages,
    document: Any,
    text: str,
    revision: int,
    *,
    status: int = 200,
    findings: list[Finding] | None = None,
    **more: Any,
) -> HttpResponse:
    environment_of(request)
    content = shared.read_content(text)
    live = pages.version(document, document.latest_version) if document and document.latest_version else None
    may_publish = document is not None and document.draft is not None and not document.archived
    owner = getattr(document, "derived_from", "") if document else ""
    slugs = [] if document is None else [document.slug]
    context = {
        "document": document,
        "title": document.title if document else _(_NEW[pages.kind]),
        "document_label": _(_TEXT[pages.kind]),
        "kind": pages.kind,
        "text": text,
        "revision": revision,
        "findings": shared.checked(request, pages, text) if findings is None else findings,
        "crumbs": pages.crumbs(request, document),
        "guide": guide_for(request, pages.kind),
        "live_text": written(live).text if live else "",
        "live_label": shared.version_label(live.number) if live else "",
        "part_of": owner.partition(":")[2],
        "save_url": "" if owner else pages.url(request, "edit" if document else "new", *slugs),
        "check_url": pages.url(request, "check"),
        "publish_url": pages.url_if(request, "publish", "publish", document) if may_publish and not owner else "",
        "environments": _environments(request, document),
        **review_context(request, pages.kind, document),
        "may_try": pages.kind == "flow" and request.actor.may("flows.trigger", getattr(document, "flow_id", None)),
        **pages.extras(request, content),
        **more,
    }
    return render(request, pages.form_template, context, status=status)


def presence(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """Notes that somebody has a document open, and tells who else has and which revision its draft is at."""
    document = pages.document(request, slug)
    if not pages.may(request, "edit", document):
        raise PermissionDenied(permission=f"{pages.type.permission}.edit")
    others = editing.seen(document.id, request.user)
    saver = draft_saver(document)
    words = {"revision": document.draft_revision, "saved_by": saver.actor_label if saver else "", "others": others}
    return JsonResponse(words)


def _environments(request: WorkspaceRequest, document: Any) -> list[Option]:
    """Where a publication may go live at once; chosen are those that run the flow already."""
    if not isinstance(document, Flow):
        return []
    running = set(document.deployments.filter(active=True).values_list("environment_id", flat=True))
    return [Option(one.slug, one.name, one.id in running) for one in request.workspace.environments.all()]


def check(request: WorkspaceRequest, pages: DocumentPages) -> HttpResponse:
    """What would be said of a text, as a fragment of the editor's page; stores nothing."""
    text = shared.text_of(request)
    context = {
        "kind": pages.kind,
        "findings": shared.checked(request, pages, text),
        **pages.extras(request, shared.read_content(text)),
    }
    return render(request, f"{pages.form_template}#checks", context)


def publish(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """Make the draft a version, of a flow also live in the environments chosen: all of it or nothing."""
    document = pages.document(request, slug)
    places = _chosen_environments(request, document)
    before = document.latest_version
    try:
        with transaction.atomic():
            version = governance.publish(
                document_type=pages.kind,
                document=document,
                actor=request.actor,
                note=posted(request, "note", 2000),
                expected_revision=shared.number_of(request, "revision"),
                bypass=posted(request, "bypass", 500),
            )
            if isinstance(version, FlowVersion):
                for place in places:
                    governance.deploy(flow=document, environment=place, version=version, actor=request.actor)
    except (NotFound, PermissionDenied):
        raise
    except ReviewNeeded:
        return _send_to_review(request, pages, document)
    except IpaasError as error:
        messages.error(request, " ".join((_("Not published."), told_error(error))))
        return redirect(pages.url(request, "edit", slug))
    text = _("Version {number} is published and live in {places}.") if places else _("Version {number} is published.")
    said = text.format(number=version.number, places=", ".join(place.name for place in places))
    new = version.number > before
    messages.success(request, said if new else _("Nothing changed: {what}").format(what=said))
    return redirect(pages.url(request, "detail", slug))


def _send_to_review(request: WorkspaceRequest, pages: DocumentPages, document: Any) -> HttpResponse:
    """What publishing is where other eyes have to see it first."""
    try:
        review = request_review(
            document=document,
            actor=request.actor,
            note=posted(request, "note", 2000),
            expected_revision=shared.number_of(request, "revision"),
        )
    except IpaasError as error:
        messages.error(request, " ".join((_("Not sent to review."), told_error(error))))
        return redirect(pages.url(request, "edit", document.slug))
    asked = ", ".join(one.label for one in stewards_of(review).people) or _("nobody yet")
    messages.success(request, _("Sent to review; asked: {people}.").format(people=asked))
    return redirect("governance:review_detail", request.workspace.slug, review.id)


def _chosen_environments(request: WorkspaceRequest, document: Any) -> list[Environment]:
    chosen = request.POST.getlist("environment") if isinstance(document, Flow) else []
    found = {place.slug: place for place in request.workspace.environments.all()}
    if set(chosen) - set(found):
        raise NotFound(what="environment")
    return [found[slug] for slug in dict.fromkeys(chosen)]


def diff(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """Any two of a document's versions and its draft, field by field and as text."""
    environment_of(request)
    document = pages.document(request, slug)
    newest = document.latest_version
    to = request.GET.get("to") or (shared.DRAFT if document.draft is not None else str(newest))
    usual = newest if to == shared.DRAFT else newest - 1
    since = request.GET.get("from") or str(max(usual, 1))
    (before_label, before), (after_label, after) = (
        (label, written(row)) for label, row in (shared.chosen(pages, document, one) for one in (since, to))
    )
    numbers = pages.type.versions.filter(document_id=document.id).order_by("-number").values_list("number", flat=True)
    choices = {str(number): shared.version_label(number) for number in numbers[: shared.MOST_VERSIONS]}
    if document.draft is not None:
        choices = {shared.DRAFT: shared.draft_label(document), **choices}
    context = {
        "title": _("{title}: what changed").format(title=document.title),
        "crumbs": pages.crumbs(request, document),
        "before": before.text,
        "after": after.text,
        "before_label": before_label,
        "after_label": after_label,
        "rows": shared.diff_rows(before.content, after.content),
        "since": options(choices, since),
        "to": options(choices, to),
    }
    return render(request, "web/document_diff.html", context)


def deprecate(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """Deprecate a version with a date and what replaces it, or retire it (``end``)."""
    version = pages.version(pages.document(request, slug), shared.number_of(request, "version"))
    if posted(request, "end") == "retired":
        with told(request, _("Version {number} is retired.").format(number=version.number)):
            retire_version(version=version, actor=request.actor, reason=reason_of(request))
        return redirect(pages.url(request, "detail", slug))
    with told(
        request, _("Version {number} is deprecated: nothing new may be deployed with it.").format(number=version.number)
    ):
        deprecate_version(
            version=version,
            actor=request.actor,
            reason=reason_of(request),
            sunset_on=_day(posted(request, "sunset_on")),
            replacement=posted(request, "replacement", 120),
        )
        if users := users_of_version(version):
            messages.warning(request, _("Still used by: {users}.").format(users=", ".join(users)))
    return redirect(pages.url(request, "detail", slug))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        message = _("write a day like 2027-03-31")
        raise InvalidInput([{"path": "sunset_on", "code": "date.form", "message": message}]) from None


def archive(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    document = pages.document(request, slug)
    with told(request, _("{title} is archived.").format(title=document.title)):
        governance.archive_document(document=document, actor=request.actor, reason=reason_of(request))
    return redirect(pages.url(request, "detail", slug))


def restore(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    document = pages.document(request, slug)
    with told(request, _("{title} is back.").format(title=document.title)):
        governance.restore_document(document=document, actor=request.actor)
    return redirect(pages.url(request, "detail", slug))


def text(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """A version, or the draft, as the file that was written; the same as ``ipaas export`` writes."""
    document = pages.document(request, slug)
    usual = shared.DRAFT if document.draft is not None else str(document.latest_version)
    row = shared.chosen(pages, document, request.GET.get("version") or usual)[1]
    answer = HttpResponse(written(row).text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{document.slug}.yaml"'
    return answer


def reason_of(request: WorkspaceRequest) -> str:
    """The reason that a deed needs; InvalidInput without one."""
    reason = posted(request, "reason", 500)
    if not reason:
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": _("say why")}])
    return reason


def detail_context(
    request: WorkspaceRequest,
    pages: DocumentPages,
    document: Any,
    live: Mapping[int, Sequence[str]] | None = None,
) -> Context:
    """What the page of every document shows: its versions and deeds; ``live`` names environments by version number."""
    slug, part_of = document.slug, getattr(document, "derived_from", "")
    editable = not document.archived and not part_of
    may_publish = pages.may(request, "publish", document)
    versions = shared.version_rows(request, pages, document, live)
    numbers = [one.number for one in versions if one.state != "retired"] if may_publish else []
    return {
        "versions": versions,
        "document": document,
        "crumbs": pages.crumbs(request),
        "part_of": part_of.partition(":")[2],
        "edit_url": pages.url_if(request, "edit", "edit", document) if editable else "",
        "diff_url": pages.url(request, "diff", slug) if document.latest_version else "",
        "draft_diff_url": shared.draft_diff_url(request, pages, document),
        "text_url": pages.url(request, "text", slug),
        "published": options({str(number): shared.version_label(number) for number in numbers}, ""),
        "ends": options({"deprecated": _("Deprecated: warn people off it"), "retired": _("Retired: end it")}, ""),
        "deprecate_url": pages.url(request, "deprecate", slug) if numbers else "",
        **review_context(request, pages.kind, document),
        "archive_url": pages.url(request, "archive", slug) if may_publish and editable else "",
        "restore_url": pages.url(request, "restore", slug) if may_publish and document.archived else "",
    }


def shown_version(request: WorkspaceRequest, pages: DocumentPages, document: Any, usual: int = 0) -> tuple[str, Any]:
    """Label and content of what a detail page shows: ``?version=``, else ``usual``, the newest version, the draft."""
    number = usual or document.latest_version
    label, row = shared.chosen(pages, document, request.GET.get("version") or (str(number) if number else shared.DRAFT))
    return label, row.draft if row is document else row.content
