"""A vendor's description in any notation: taken, read with progress, looked at, then kept."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog import drafts
from ipaas.catalog.connector_models import DescriptionKind
from ipaas.catalog.fetching import fetch_description
from ipaas.catalog.imports import MAX_BYTES, discard_draft, draft_import, proposal_of
from ipaas.catalog.models import ImportDraft
from ipaas.core.errors import IpaasError, NotFound, PermissionDenied
from ipaas.core.phrases import in_words
from ipaas.governance.connectors import keep_import
from ipaas.governance.review_policy import rule_of, stewards_of, told_rule
from ipaas.sdk.manifest_reader import manifest_schema
from ipaas.web.change_users import with_users
from ipaas.web.pages.catalog import MOST_FINDINGS, crumbs_of, operations_of, users_of_connector
from ipaas.web.pages.categories import category_word
from ipaas.web.pages.support import asked, form_errors, posted, told, told_error

MOST_CHANGES = 200
PHASES = {
    "": gettext_lazy("It waits to be read"),
    "reading": gettext_lazy("The text is read"),
    "operations": gettext_lazy("Operations are read"),
    "checking": gettext_lazy("The outcome is checked"),
    "packing": gettext_lazy("The outcome is packed"),
}


class ImportForm(forms.Form):
    """Where the description is: a file, an address or a text."""

    slug = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Lower-case letters, digits and hyphens. The same name again makes a new version."),
    )
    category = forms.ChoiceField(label=gettext_lazy("Category"))
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        required=False,
        choices=[("", gettext_lazy("Recognise it")), *DescriptionKind.choices],
        help_text=gettext_lazy(
            "Secrets in commands, collections and recordings are taken out before anything is kept."
        ),
    )
    file = forms.FileField(label=gettext_lazy("File"), required=False, widget=forms.FileInput)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "Fetched once through the egress guard, without a credential. Of the kind GraphQL: the endpoint, which is "
            "asked for its schema."
        ),
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("A document, a cURL command, or a GraphQL schema."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = manifest_schema()["properties"]["category"]["enum"]
        self.fields["category"].choices = sorted([(one, category_word(one)) for one in names], key=lambda pair: pair[1])  # type: ignore[attr-defined]  # a choice field

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if sum(bool(given.get(name)) for name in ("file", "url", "text")) != 1:
            message = _("Give one of these: a file, an address or a text.")
            raise forms.ValidationError(message)
        if given.get("file") is not None and given["file"].size > MAX_BYTES:
            raise forms.ValidationError({"file": _("A description has at most 24 MB.")})
        return given


@require_http_methods(["GET", "HEAD", "POST"])
@page("connectors.edit")
def import_new(request: WorkspaceRequest) -> HttpResponse:
    """Take a description and show what it would become."""
    initial = {"slug": asked(request, "slug"), "category": "generic"}
    form = ImportForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, lambda path: "text" if path == "source" else path):
            given = form.cleaned_data
            draft = draft_import(
                workspace=request.workspace,
                slug=given["slug"],
                source=_source(request, given),
                actor=request.actor,
                category=given["category"],
                source_url=given["url"],
                kind=given["kind"],
                wait=False,
            )
            return redirect("catalog:import_draft", request.workspace.slug, draft.id)
    context = {"form": form, "crumbs": crumbs_of(request)}
    return render(request, "catalog/import_form.html", context, status=422 if form.is_bound and form.errors else 200)


def _source(request: WorkspaceRequest, given: Mapping[str, Any]) -> bytes:
    if given["file"]:
        content: bytes = given["file"].read()
        return content
    if given["url"]:
        return fetch_description(workspace=request.workspace, url=given["url"], actor=request.actor, kind=given["kind"])
    return str(given["text"]).encode()


def _draft(request: WorkspaceRequest, draft_id: UUID) -> ImportDraft:
    found = ImportDraft.objects.filter(workspace=request.workspace, id=draft_id).select_related("workspace").first()
    if found is None:
        raise NotFound(what="draft")
    return found


@require_GET
@page("connectors.edit")
def import_draft(request: WorkspaceRequest, draft_id: UUID) -> HttpResponse:
    """What a description would become: operations, what was not understood, what would break and whom."""
    draft = _draft(request, draft_id)
    if draft.state != ImportDraft.State.READY:
        return _not_ready(request, draft)
    if request.htmx and "v" in request.GET:  # it was watched while it was read: show all of it now
        return HttpResponse(headers={"HX-Redirect": request.path})
    proposal = proposal_of(draft=draft, actor=request.actor)
    manifest = proposal.imported.manifest
    groups, left_out = operations_of(manifest, proposal.imported.groups, asked(request, "find"))
    findings = sorted(proposal.imported.findings, key=lambda one: (one.level != "dropped", one.path))
    affected = users_of_connector(request, proposal.slug) if proposal.previous is not None else []
    context = {
        "draft": draft,
        "manifest": manifest,
        "proposal": proposal,
        "crumbs": crumbs_of(request),
        "groups": groups,
        "left_out": left_out,
        "query": asked(request, "find"),
        "findings": findings[:MOST_FINDINGS],
        "dropped": sum(one.level == "dropped" for one in findings),
        "affected": affected,
        "changes": with_users(request.workspace, proposal.slug, proposal.changes[:MOST_CHANGES]),
        "needs_review": rule_of(request.workspace, "connector") != "none",
        "rule": in_words(told_rule(rule_of(request.workspace, "connector"))),
        **_deeds(request, draft),
    }
    return render(request, "catalog/import_draft.html", context)


def _not_ready(request: WorkspaceRequest, draft: ImportDraft) -> HttpResponse:
    """How far it is; begun again where whoever read it is gone."""
    drafts.looked_at(draft)
    version = f"{draft.state}:{draft.phase}:{draft.done}"
    if request.htmx and request.GET.get("v") == version:
        return HttpResponse(status=204)
    context = {
        "draft": draft,
        "crumbs": crumbs_of(request),
        "phase": PHASES.get(draft.phase, PHASES[""]),
        "percent": draft.done * 100 // draft.total if draft.total else 0,
        "reading": draft.state == ImportDraft.State.READING,
        "version": version,
        "poll_url": request.path,
        **_deeds(request, draft),
    }
    template = "catalog/import_reading.html"
    return render(request, f"{template}#progress" if request.htmx else template, context)


def _deeds(request: WorkspaceRequest, draft: ImportDraft) -> dict[str, str]:
    place = [request.workspace.slug, draft.id]
    return {
        "keep_url": reverse("catalog:import_keep", args=place),
        "discard_url": reverse("catalog:import_discard", args=place),
    }


@require_POST
@page("connectors.edit")
def import_keep(request: WorkspaceRequest, draft_id: UUID) -> HttpResponse:
    draft = _draft(request, draft_id)
    try:
        kept = keep_import(draft=draft, actor=request.actor, note=posted(request, "note", 2000))
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        messages.error(request, told_error(error))
        return redirect("catalog:import_draft", request.workspace.slug, draft_id)
    if kept.review is not None:
        asked_people = ", ".join(one.label for one in stewards_of(kept.review).people) or _("nobody yet")
        messages.success(request, _("Sent to review; asked: {people}.").format(people=asked_people))
        return redirect("governance:review_detail", request.workspace.slug, kept.review.id)
    messages.success(request, _("The connector is kept. Connections stay at their version until you move them."))
    return redirect("catalog:connector_detail", request.workspace.slug, draft.slug)


@require_POST
@page("connectors.edit")
def import_discard(request: WorkspaceRequest, draft_id: UUID) -> HttpResponse:
    with told(request, _("The draft is discarded.")):
        discard_draft(draft=_draft(request, draft_id), actor=request.actor)
    return redirect("catalog:connector_list", request.workspace.slug)
