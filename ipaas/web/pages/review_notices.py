"""What the pages of a document say of its review."""

from typing import Any

from django.urls import reverse

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.phrases import in_words
from ipaas.governance.models import Review
from ipaas.governance.review_policy import bypass_allowed, rule_of, told_rule
from ipaas.governance.reviews import is_outdated


def review_context(request: WorkspaceRequest, kind: str, document: Any) -> dict[str, Any]:
    """``needs_review``: whether publishing sends to review; ``open_review``: the one under way, with its address."""
    if document is None:
        return {"needs_review": False, "open_review": None}
    rule = rule_of(request.workspace, kind)
    review = Review.objects.of_document(kind, document).open().first()
    outdated = review is not None and is_outdated(review)
    approved = review is not None and review.state == Review.State.APPROVED and not outdated
    return {
        "needs_review": rule != "none" and not approved,
        "review_rule": in_words(told_rule(rule)),
        "open_review": None
        if review is None
        else {
            "state": "outdated" if outdated else review.state,
            "url": reverse("governance:review_detail", args=[request.workspace.slug, review.id]),
            "by": review.requested_by,
            "at": review.requested_at,
        },
        "may_bypass": rule != "none" and bypass_allowed(request.workspace) and request.actor.may("reviews.bypass"),
    }
