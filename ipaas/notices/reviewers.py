"""Mail about reviews: to those who are asked, and back to those whose change it is."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.mail import SOURCE
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.core.page_address import page_address
from ipaas.governance.inbox import asked_people
from ipaas.governance.models import Review
from ipaas.outbox.emitting import send_mail
from ipaas.outbox.models import OutboxEvent

TO_STEWARDS: Mapping[str, str] = {
    "ipaas.review.requested": gettext_noop("{by} asks you to look at a change before it is published."),
    "ipaas.review.reminded": gettext_noop("This change still waits for you; half of the time is over."),
}
TO_AUTHORS: Mapping[str, str] = {
    "ipaas.review.approved": gettext_noop("{by} has approved your change."),
    "ipaas.review.returned": gettext_noop("{by} has returned your change: {reason}"),
    "ipaas.review.expired": gettext_noop("Nobody decided in time; send the change to review again."),
}
MAILED = frozenset({*TO_STEWARDS, *TO_AUTHORS})


def mail_reviewers(event: OutboxEvent) -> int:
    """Write to everybody whom an event about a review concerns; returns to how many. Who did the deed is not told."""
    review = Review.objects.filter(id=event.data["review"], workspace_id=event.workspace_id).first()
    workspace = Workspace.objects.filter(id=event.workspace_id).first()
    if review is None or workspace is None:
        return 0
    if event.type in TO_STEWARDS:
        people = asked_people([review])[review.id] if review.state == Review.State.IN_REVIEW else set()
    else:
        people = {one["person"] for one in review.authors}
    found = [one for one in _members(review, people) if one.email != event.data["by"]]
    for person in found:
        with translation.override(person.language or SOURCE):
            subject, text = _subject(event, review), _text(event, review, workspace)
        send_mail(to=person.email, subject=subject, text=text, workspace_id=workspace.id)
    return len(found)


def _members(review: Review, people: set[str]) -> list[User]:
    ids = [one.removeprefix("user:") for one in people if one.startswith("user:")]
    rows = Membership.objects.in_workspace(review.workspace_id).filter(user_id__in=ids, user__is_active=True)
    return [one.user for one in rows]


def _subject(event: OutboxEvent, review: Review) -> str:
    if event.type in TO_STEWARDS:
        return _("Review needed: {title}").format(title=review.title)
    return _("Your change to {title}").format(title=review.title)


def _text(event: OutboxEvent, review: Review, workspace: Workspace) -> str:
    why = _({**TO_STEWARDS, **TO_AUTHORS}[event.type]).format(by=event.data["by"], reason=review.reason)
    url = page_address(reverse("governance:review_detail", args=[workspace.slug, review.id]))
    facts = [
        (_("Change"), review.note or "–"),
        (_("Workspace"), workspace.name),
        (_("Expires"), review.expires_at.strftime("%Y-%m-%d %H:%M UTC")),
    ]
    told = "\n".join(f"{name}: {value}" for name, value in facts)
    return f"{why}\n\n{review.title}\n\n{told}\n\n{url}\n"
