"""Approving and publishing in one deed."""

from collections.abc import Sequence

from django.db import transaction

from ipaas.core.actor import Actor
from ipaas.core.document_types import document_type
from ipaas.governance.models import Review
from ipaas.governance.reviews import approve_review
from ipaas.governance.services import publish


@transaction.atomic
def approve_and_publish(
    *, review: Review, actor: Actor, shown: str, comment: str = "", bring: Sequence[str] | None = None
) -> Review:
    """Approve, and when that was the last approval needed, publish at once; both or none."""
    approved = approve_review(review=review, actor=actor, shown=shown, comment=comment, bring=bring)
    if approved.state == Review.State.APPROVED:
        publish_review(review=approved, actor=actor)
        approved.refresh_from_db()
    return approved


def publish_review(*, review: Review, actor: Actor) -> None:
    """Publish what a review has approved, and bring along what it says."""
    document = document_type(review.kind).documents.named(review.workspace_id, review.slug)
    publish(document_type=review.kind, document=document, actor=actor)
