"""Reviews of changes: one function for each way from one state to another; publishing itself is in ``services``."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.actors import identity_of
from ipaas.accounts.models import ApiKey, User, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.document_forms import Change, difference
from ipaas.core.document_types import DocumentType, document_type, document_type_of
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.flows.yaml_form import written
from ipaas.governance.following import uses_of
from ipaas.governance.gate import ApprovalOutdated
from ipaas.governance.models import Review
from ipaas.governance.publishing import would_publish
from ipaas.governance.review_policy import NEEDED, days_of, is_steward, refusal, rule_of, stewards_of

MOST_CHARACTERS = 4_000


class NothingToReview(Conflict):
    """The draft of {document} would make no new version."""

    code: ClassVar[str] = "review.nothing"
    remedy: ClassVar[str] = "Change the draft first, or publish it: that needs no review."


class ReviewEnded(Conflict):
    """This review is {state} already{by}."""

    code: ClassVar[str] = "review.ended"
    remedy: ClassVar[str] = "Load it again; a changed draft is sent to a new review."


class DecidedBefore(Conflict):
    """You have approved this already; one more person has to."""

    code: ClassVar[str] = "review.decided_before"
    remedy: ClassVar[str] = "Ask another person who may decide this."


@transaction.atomic
def request_review(
    *,
    document: VersionedDocument,
    actor: Actor,
    note: str = "",
    expected_revision: int | None = None,
    bring: Sequence[str] | None = None,
) -> Review:
    """Ask the stewards to look at the draft. A review of just this is returned as it is, one of another draft ends.

    ``note`` says what changes and why. ``bring``: ids of the deployments that are to run the new version too; None
    takes those that follow the newest one (see ``following``). Raises ``InvalidInput`` with every error in the draft.
    """
    kind = document_type_of(document)
    require_permission(actor, f"{kind.permission}.edit", document)
    locked = _locked_document(kind, document)
    _check_text(note, "note")
    if expected_revision is not None and locked.draft_revision != expected_revision:
        message = said(
            "The draft of {slug} is at revision {revision} now.", slug=locked.slug, revision=locked.draft_revision
        )
        raise Conflict(what=message)
    proposal = would_publish(kind, locked, actor=actor)
    if proposal.changes_nothing:
        raise NothingToReview(document=locked.slug)
    workspace = Workspace.objects.get(id=locked.workspace_id)
    present = Review.objects.select_for_update().of_document(kind.kind, locked).open().first()
    if present is not None and _same(present, proposal.sha256, proposal.base, workspace):
        return present
    if present is not None:
        _end(present, Review.State.SUPERSEDED, actor, "")
    offered = uses_of(locked, base=proposal.base)
    chosen = [str(one.deployment.id) for one in offered if one.suggested] if bring is None else list(bring)
    review = Review(
        workspace=workspace,
        kind=kind.kind,
        document_id=locked.id,
        slug=locked.slug,
        title=locked.title or locked.slug,
        flow_id=getattr(locked, "flow_id", None),
        revision=locked.draft_revision,
        base_version=proposal.base,
        sha256=proposal.sha256,
        content=locked.draft,
        text=locked.draft_text,
        settled=proposal.content,
        rule=rule_of(workspace, kind.kind),
        note=note.strip(),
        requested_by=actor.label,
        authors=_authors(kind, locked, actor),
        bring=[one for one in chosen if one in {str(use.deployment.id) for use in offered}],
        requested_at=now(),
        expires_at=now() + timedelta(days=days_of(workspace)),
    )
    review.save()
    asked = [one.label for one in stewards_of(review).people]
    _record("review.requested", actor, review, {"note": review.note, "asked": asked, "rule": review.rule})
    return review


def _same(review: Review, sha256: str, base: int, workspace: Workspace) -> bool:
    return (
        review.sha256 == sha256
        and review.base_version == base
        and review.expires_at > now()
        and review.rule == rule_of(workspace, review.kind)
    )


@transaction.atomic
def approve_review(
    *, review: Review, actor: Actor, shown: str, comment: str = "", bring: Sequence[str] | None = None
) -> Review:
    """Say that the change may be published. ``shown`` is the hash of what the person saw.

    Of two decisions at once the first wins. The draft must still settle to what was shown. ``bring`` replaces which
    deployments are to run the new version; None leaves what was asked for.
    """
    document, row = _locked(review, actor)
    _require_decider(actor, row)
    _require_in_review(row)
    if shown != row.sha256:
        raise Conflict(what=said("This is not the change that was shown; load the review again."))
    kind = document_type(row.kind)
    if would_publish(kind, document, actor=actor).sha256 != row.sha256 or document.latest_version != row.base_version:
        raise ApprovalOutdated(document=row.slug)
    person = identity_of(actor.kind, actor.id)
    if row.decisions.filter(person=person).exists():
        raise DecidedBefore
    _decide(row, actor, "approved", comment)
    if bring is not None:
        offered = {str(one.deployment.id) for one in uses_of(document, base=row.base_version)}
        row.bring = [one for one in bring if one in offered]
    given = list(row.decisions.filter(decision="approved"))
    if len(given) >= NEEDED[row.rule] and any(one.as_steward for one in given):
        row.state, row.ended_by = Review.State.APPROVED, ", ".join(one.label for one in given)
    row.save()
    details = {"state": row.state, "comment": comment.strip()}
    _record("review.approved", actor, row, details)
    return row


@transaction.atomic
def return_review(*, review: Review, actor: Actor, comment: str) -> Review:
    """Send the change back to who asked, with what is to be done; that ends the review."""
    _, row = _locked(review, actor)
    _require_decider(actor, row)
    _require_in_review(row)
    if not comment.strip():
        raise _invalid("comment", "comment.missing", said("say what is to be changed"))
    row.decisions.filter(person=identity_of(actor.kind, actor.id)).delete()
    _decide(row, actor, "returned", comment)
    _end(row, Review.State.RETURNED, actor, comment.strip())
    _record("review.returned", actor, row, {"comment": comment.strip()})
    return row


@transaction.atomic
def withdraw_review(*, review: Review, actor: Actor, reason: str = "") -> Review:
    """Take the request back; an approval that was not used yet is gone with it."""
    kind = document_type(review.kind)
    document = _document(kind, review)
    require_permission(actor, f"{kind.permission}.edit", document)
    _locked_document(kind, document)
    row = _locked_row(review)
    if not row.is_open:
        raise _ended(row)
    _check_text(reason, "reason")
    _end(row, Review.State.WITHDRAWN, actor, reason.strip())
    _record("review.withdrawn", actor, row, {"reason": reason.strip()})
    return row


@transaction.atomic
def comment_review(*, review: Review, actor: Actor, text: str, path: str = "") -> Review:
    """Add a remark, about the whole or about a place of the document; whoever may ask for reviews may speak."""
    require_permission(actor, "reviews.request", review)
    row = _locked_row(review)
    if not text.strip():
        raise _invalid("text", "comment.missing", said("write something"))
    if path and not path.startswith("/"):
        raise _invalid("path", "comment.path", said("a place is written like /fields/total"))
    _comment(row, actor, text, path[:500])
    _record("review.commented", actor, row, {"path": path[:500]})
    return row


@transaction.atomic
def expire_reviews() -> int:
    """End what nobody decided (or used) in time; any number of callers may race."""
    due = Review.objects.select_for_update(skip_locked=True).open().filter(expires_at__lte=now())
    found = list(due.order_by("expires_at")[:500])
    for row in found:
        _end(row, Review.State.EXPIRED, SYSTEM, "")
        _record("review.expired", SYSTEM, row, {})
    return len(found)


@transaction.atomic
def remind_reviewers() -> int:
    """Remind once, at half of the time, whoever has not decided."""
    rows = Review.objects.select_for_update(skip_locked=True).filter(state=Review.State.IN_REVIEW, reminded_at=None)
    due = [one for one in rows[:500] if one.requested_at + (one.expires_at - one.requested_at) / 2 <= now()]
    for row in due:
        row.reminded_at = now()
        row.save(update_fields=["reminded_at"])
        asked = [one.label for one in stewards_of(row).people]
        _record("review.reminded", SYSTEM, row, {"asked": asked})
    return len(due)


def is_outdated(review: Review) -> bool:
    """Whether the draft has moved on since an open review was asked for; what it refers to is asked when it counts."""
    kind = document_type(review.kind)
    document = kind.documents.filter(id=review.document_id).first()
    if document is None or document.latest_version != review.base_version:
        return True
    was, now_is = (
        {key: value for key, value in (one or {}).items() if key not in kind.aside}
        for one in (review.content, document.draft)
    )
    return bool(was != now_is)


def changes_of(review: Review, base: DocumentVersion | None) -> list[Change]:
    """What the draft changes in the version it was made upon; that a version pins what a draft leaves open is none."""
    kind = document_type(review.kind)
    if kind.changes is not None:
        return kind.changes(base.content if base is not None else None, review.content, review.workspace_id)
    aside = kind.aside
    after = {key: value for key, value in review.content.items() if key not in aside}
    found = difference(written(base).content if base is not None else {}, after)
    return [one for one in found if not only_pins(one)]


def only_pins(change: Change) -> bool:
    """Whether a change only leaves open which version of something is referred to."""
    before, after = change.before, change.after
    return isinstance(before, str) and isinstance(after, str) and before.startswith(f"{after}@")


# -- shared --------------------------------------------------------------------------------------------------------


def _authors(kind: DocumentType, document: VersionedDocument, actor: Actor) -> list[dict[str, str]]:
    """Who asks, who saved the draft since the last version, and who made the keys of programs that did."""
    entries = AuditEntry.objects.of_workspace(document.workspace_id).filter(
        subject_type=kind.kind, subject_id=str(document.id)
    )
    published = entries.filter(action=f"{kind.kind}.published").order_by("-id").values_list("id", flat=True).first()
    saved = entries.filter(action=f"{kind.kind}.draft_saved")
    if published is not None:
        saved = saved.filter(id__gt=published)
    found = {identity_of(actor.kind, actor.id): actor.label}
    found |= _key_makers(actor.kind, actor.id, found)
    for kind_of_actor, actor_id, label in saved.values_list("actor_kind", "actor_id", "actor_label").distinct():
        found.setdefault(identity_of(kind_of_actor, actor_id), label)
        found |= _key_makers(kind_of_actor, actor_id, found)
    found |= {person: label for person, label in kind.authors(document) if person not in found}
    return [{"person": person, "label": label} for person, label in found.items()]


def _key_makers(kind_of_actor: str, actor_id: str, known: Mapping[str, str]) -> dict[str, str]:
    """Who made the key of a program: what it wrote may be theirs."""
    if not identity_of(kind_of_actor, actor_id).startswith("service:"):
        return {}
    emails = ApiKey.objects.filter(id=actor_id).values("created_by")
    found = {f"user:{one.id}": one.email for one in User.objects.filter(email__in=emails)}
    return {person: label for person, label in found.items() if person not in known}


def _document(kind: DocumentType, review: Review) -> VersionedDocument:
    found = kind.documents.filter(id=review.document_id, workspace_id=review.workspace_id).first()
    if found is None:
        raise NotFound(what=kind.kind)
    document: VersionedDocument = found
    return document


def _locked_document(kind: DocumentType, document: VersionedDocument) -> VersionedDocument:
    """The document, locked before its review: in the order in which publishing locks them."""
    locked: VersionedDocument | None = kind.documents.select_for_update().filter(id=document.id).first()
    if locked is None:
        raise NotFound(what=kind.kind)
    if locked.archived:
        raise Conflict(what=said("{slug} is archived; restore it before it is reviewed.", slug=locked.slug))
    if locked.draft is None:
        raise Conflict(what=said("{slug} has no draft.", slug=locked.slug))
    return locked


def _locked(review: Review, actor: Actor) -> tuple[VersionedDocument, Review]:
    require_permission(actor, "reviews.decide", review)
    kind = document_type(review.kind)
    document = _document(kind, review)
    require_permission(actor, f"{kind.permission}.view", document)
    return _locked_document(kind, document), _locked_row(review)


def _locked_row(review: Review) -> Review:
    found = Review.objects.select_for_update(of=("self",)).filter(id=review.id).first()
    if found is None:
        raise NotFound(what="review")
    return found


def _require_decider(actor: Actor, review: Review) -> None:
    refused = None if actor.is_system else refusal(actor, review)
    if refused is not None:
        raise refused


def _require_in_review(review: Review) -> None:
    if review.state != Review.State.IN_REVIEW or review.expires_at <= now():
        raise _ended(review)


def _ended(review: Review) -> ReviewEnded:
    expired = review.is_open and review.expires_at <= now()
    by = said(" by {who}", who=review.ended_by) if review.ended_by else ""
    return ReviewEnded(state=state_name("expired" if expired else review.state), by=by)


def _decide(review: Review, actor: Actor, decision: str, comment: str) -> None:
    review.decisions.create(
        person=identity_of(actor.kind, actor.id),
        label=actor.label,
        decision=decision,
        as_steward=is_steward(actor, review),
        decided_at=now(),
    )
    if comment.strip():
        _comment(review, actor, comment, "")


def _comment(review: Review, actor: Actor, text: str, path: str) -> None:
    _check_text(text, "comment")
    review.comments.create(label=actor.label, path=path, text=text.strip(), written_at=now())


def _end(review: Review, state: str, actor: Actor, reason: str) -> None:
    review.state, review.ended_at, review.ended_by, review.reason = state, now(), actor.label, reason
    review.save(update_fields=["state", "ended_at", "ended_by", "reason"])


def _check_text(text: str, path: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise _invalid(path, "text.long", said("has at most {most} characters", most=MOST_CHARACTERS))


def _invalid(path: str, code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": code, "message": message}])


def _record(action: str, actor: Actor, review: Review, details: dict[str, Any]) -> None:
    facts = {
        "review": str(review.id),
        "kind": review.kind,
        "title": review.title,
        "revision": review.revision,
        "sha256": review.sha256,
    }
    subject: tuple[str, str | UUID, str] = (review.kind, str(review.document_id), review.slug)
    audit.record(action, actor=actor, workspace_id=review.workspace_id, subject=subject, details={**facts, **details})
