"""Reviews: what waits, and one with all that a steward needs, decided in two clicks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.connector_document import manifest_changes
from ipaas.core.document_types import document_type
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import NotFound
from ipaas.core.phrases import in_words
from ipaas.governance import reviews as deeds
from ipaas.governance.approving import approve_and_publish, publish_review
from ipaas.governance.inbox import waiting_for
from ipaas.governance.models import Review
from ipaas.governance.review_policy import NEEDED, Stewards, refusal, stewards_of, told_rule
from ipaas.mapping.pins import KEYS
from ipaas.web.change_users import ChangeWithUsers, with_users
from ipaas.web.pages.bringing_along import user_rows
from ipaas.web.pages.documents import with_items
from ipaas.web.pages.review_evidence import affected_rows, check_rows, summed, worded_changes, written_base
from ipaas.web.pages.review_samples import sample_rows, samples_summed
from ipaas.web.pages.support import asked, environment_of, newest_first, posted, told
from ipaas.web.readmodels import CursorPage, Link, Tab

KINDS = {
    "flow": gettext_noop("Flow"),
    "mapping": gettext_noop("Mapping"),
    "schema": gettext_noop("Schema"),
    "contract": gettext_noop("Contract"),
    "event_type": gettext_noop("Event type"),
    "lookup": gettext_noop("Lookup"),
    "function": gettext_noop("Function"),
    "term": gettext_noop("Term"),
    "convention": gettext_noop("Convention"),
    "connector": gettext_noop("Connector"),
}
PLACES = {
    "flow": "flows",
    "mapping": "mapping",
    "lookup": "mapping",
    "function": "mapping",
    "schema": "contracts",
    "contract": "contracts",
    "event_type": "contracts",
    "term": "ownership",
    "convention": "ownership",
    "connector": "catalog",
}
"""Where the page of a document of each kind is."""
MOST_WAITING = 200
MOST_HIT = 100
VERDICT = "compatibility"
"""The check that has a panel of its own: who is hurt by the change."""


def kind_word(kind: str) -> str:
    return _(KINDS[kind]) if kind in KINDS else kind


@require_GET
@page("reviews.view")
def review_list(request: WorkspaceRequest) -> HttpResponse:
    """What waits for the reader; with ``?tab=open`` all that is under way, with ``?tab=ended`` what was."""
    environment_of(request)
    tab = asked(request, "tab")
    rows = Review.objects.visible_to(request.actor).defer("settled", "content", "text")
    waiting = waiting_for(request.actor)
    if tab in ("open", "ended"):
        listed = rows.open() if tab == "open" else rows.exclude(state__in=Review.OPEN)
        found, cursor = newest_first(request, listed)
    else:
        tab, found = "", waiting[:MOST_WAITING]
        cursor = CursorPage((), label=_("{count} shown, newest first").format(count=len(found)))
    tabs = [
        Tab(_("Waiting for you"), request.path, not tab, len(waiting)),
        Tab(_("Under way"), f"{request.path}?tab=open", tab == "open", rows.open().values("id")[:1000].count()),
        Tab(_("Ended"), f"{request.path}?tab=ended", tab == "ended"),
    ]
    page_of = with_items(cursor, [_row(request, one) for one in found])
    return render(request, "governance/review_list.html", {"page": page_of, "tabs": tabs, "tab": tab})


def _row(request: WorkspaceRequest, review: Review) -> dict[str, Any]:
    return {
        "url": reverse("governance:review_detail", args=[request.workspace.slug, review.id]),
        "title": review.title,
        "slug": review.slug,
        "kind": kind_word(review.kind),
        "version": review.version or review.base_version + 1,
        "state": review.state,
        "note": review.note,
        "by": review.requested_by,
        "at": review.requested_at,
        "expires_at": review.expires_at if review.is_open else None,
    }


def _review_of(request: WorkspaceRequest, review_id: UUID) -> Review:
    found: Review | None = Review.objects.visible_to(request.actor).filter(id=review_id).first()
    if found is None:
        raise NotFound(what="review")
    return found


@require_GET
@page("reviews.view")
def review_detail(request: WorkspaceRequest, review_id: UUID) -> HttpResponse:
    environment_of(request)
    review = _review_of(request, review_id)
    kind, base = document_type(review.kind), written_base(review)
    changes, checks = worded_changes(review, base), check_rows(review)
    outdated = review.is_open and deeds.is_outdated(review)
    samples = sample_rows(request, review, base)
    may = request.actor.may("reviews.decide", review.flow_id) and review.state == Review.State.IN_REVIEW
    refused = refusal(request.actor, review) if may else None
    may_publish = request.actor.may(f"{kind.permission}.publish", review.flow_id)
    open_ = may and refused is None and not outdated
    named = kind.documents.named(review.workspace_id, review.slug) if review.kind in KEYS else None
    context = {
        **_head(request, review),
        "changes": changes,
        "summed": summed(changes),
        "samples": samples,
        "samples_summed": samples_summed(samples) if samples else "",
        "checks": [one for one in checks if one.name != VERDICT],
        "verdict": next((one for one in checks if one.name == VERDICT), None),
        "hit": _hit(request, review, base),
        "affected": affected_rows(request, review),
        "pins": None if named is None else user_rows(request, named),
        "outdated": outdated,
        "refused": in_words(refused.detail) if refused else "",
        "decide_url": _url(request, "decide", review) if open_ else "",
        "publish_at_once": may_publish and open_,
        "publish_url": _url(request, "publish", review)
        if may_publish and review.state == Review.State.APPROVED and not outdated
        else "",
        "comment_url": _url(request, "comment", review) if request.actor.may("reviews.request", review.flow_id) else "",
        "withdraw_url": _url(request, "withdraw", review)
        if review.is_open and request.actor.may(f"{kind.permission}.edit", review.flow_id)
        else "",
    }
    return render(request, "governance/review_detail.html", context)


def _head(request: WorkspaceRequest, review: Review) -> Mapping[str, Any]:
    stewards = stewards_of(review)
    place = PLACES.get(review.kind)
    slug = [request.workspace.slug, review.slug]
    return {
        "review": review,
        "kind": kind_word(review.kind),
        "new_version": review.version or review.base_version + 1,
        "crumbs": [Link(_("Reviews"), reverse("governance:review_list", args=[request.workspace.slug]))],
        "document_url": reverse(f"{place}:{review.kind}_detail", args=slug) if place else "",
        "edit_url": reverse(f"{place}:{review.kind}_edit", args=slug) if place else "",
        "rule": in_words(told_rule(review.rule)),
        "asked": ", ".join(one.label for one in stewards.people),
        "asked_why": _asked_why(stewards),
        "needed": NEEDED[review.rule],
        "decisions": list(review.decisions.all()),
        "comments": list(review.comments.all()),
        "authors": ", ".join(one["label"] for one in review.authors),
    }


def _hit(request: WorkspaceRequest, review: Review, base: DocumentVersion | None) -> list[ChangeWithUsers]:
    """What a version of a connector breaks, each with the flows and connections that use it."""
    if review.kind != "connector" or base is None or not review.is_open:
        return []
    changes = manifest_changes(base.content, review.content, review.workspace_id)
    return with_users(request.workspace, review.slug, [one for one in changes if one.breaking][:MOST_HIT])


def _asked_why(stewards: Stewards) -> str:
    words = {
        "domain": _("stewards of the domain {name}"),
        "flow": _("stewards of this flow"),
        "workspace": _("stewards of the workspace, as no nearer one is set"),
        "admins": _("administrators, as there is no other steward"),
        "nobody": _("nobody: give somebody else the role of a steward"),
    }
    return words[stewards.source].format(name=stewards.name)


def _url(request: WorkspaceRequest, deed: str, review: Review) -> str:
    return reverse(f"governance:review_{deed}", args=[request.workspace.slug, review.id])


@require_POST
@page("reviews.decide")
def review_decide(request: WorkspaceRequest, review_id: UUID) -> HttpResponse:
    """Approve (and publish at once, with the tick) or return with a comment."""
    review = _review_of(request, review_id)
    given: dict[str, Any] = {"actor": request.actor, "review": review, "comment": posted(request, "comment", 4000)}
    if posted(request, "outcome") != "approved":
        with told(request, _("Returned to {person}.").format(person=review.requested_by)):
            deeds.return_review(**given)
        return redirect("governance:review_detail", request.workspace.slug, review.id)
    shown, bring = posted(request, "shown"), request.POST.getlist("bring")
    deed = approve_and_publish if "publish" in request.POST else deeds.approve_review
    with told(request, _approved_words(review, published="publish" in request.POST)):
        deed(**given, shown=shown, bring=bring)
    return redirect("governance:review_detail", request.workspace.slug, review.id)


def _approved_words(review: Review, *, published: bool) -> str:
    if review.decisions.filter(decision="approved").count() + 1 < NEEDED[review.rule]:
        return _("Approved; one more person has to approve it.")
    if published:
        return _("Approved and published: runs that begin from now on use it where it was chosen.")
    return _("Approved; {person} can publish it now.").format(person=review.requested_by)


@require_POST
@page("reviews.request")
def review_publish(request: WorkspaceRequest, review_id: UUID) -> HttpResponse:
    review = _review_of(request, review_id)
    with told(request, _("Published: runs that begin from now on use it where it was chosen.")):
        publish_review(review=review, actor=request.actor)
    return redirect("governance:review_detail", request.workspace.slug, review.id)


@require_POST
@page("reviews.request")
def review_comment(request: WorkspaceRequest, review_id: UUID) -> HttpResponse:
    review = _review_of(request, review_id)
    with told(request, _("Your comment is there.")):
        path, text = posted(request, "path", 500), posted(request, "text", 4000)
        deeds.comment_review(review=review, actor=request.actor, path=path, text=text)
    return redirect("governance:review_detail", request.workspace.slug, review.id)


@require_POST
@page("reviews.request")
def review_withdraw(request: WorkspaceRequest, review_id: UUID) -> HttpResponse:
    review = _review_of(request, review_id)
    with told(request, _("The review is withdrawn; the draft stays.")):
        deeds.withdraw_review(review=review, actor=request.actor, reason=posted(request, "reason", 500))
    return redirect("governance:review_detail", request.workspace.slug, review.id)
