"""The gate before every new version: what the policy of the workspace asks for must have been given to just this."""

from dataclasses import dataclass, field
from typing import ClassVar

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.document_types import DocumentType
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.governance.models import Review
from ipaas.governance.review_policy import bypass_allowed, rule_of, stricter, told_rule


class ReviewNeeded(Conflict):
    """{document} is published after a review only: {rule}."""

    code: ClassVar[str] = "review.needed"
    title: ClassVar[str] = "A review is needed"
    remedy: ClassVar[str] = "Send the draft to review."


class ReviewWaits(ReviewNeeded):
    """{document} is in review; nobody has approved it yet."""

    code: ClassVar[str] = "review.waits"
    remedy: ClassVar[str] = "Wait for the decision, or withdraw the review."


class ApprovalOutdated(ReviewNeeded):
    """What was approved is not what would be published now: {document}, or something that it refers to, has changed."""

    code: ClassVar[str] = "review.outdated"
    remedy: ClassVar[str] = "Send the draft to review again."


class BypassForbidden(Conflict):
    """The policy of this workspace lets nobody publish past a review."""

    code: ClassVar[str] = "review.no_bypass"
    remedy: ClassVar[str] = "Send the draft to review, or have the policy changed in Settings, Reviews."


@dataclass(slots=True)
class Gate:
    """One passage of a locked document; ``reason`` is why an administrator goes past the review, "" for nobody."""

    actor: Actor
    kind: DocumentType
    document: VersionedDocument
    reason: str = ""
    passed: Review | None = field(default=None, init=False)

    def admit(self, sha256: str) -> None:
        """Let a new version with this hash through, or raise ``ReviewNeeded``. The platform itself needs no review."""
        workspace = Workspace.objects.get(id=self.document.workspace_id)
        rule = rule_of(workspace, self.kind.kind)
        review = self.open_review()
        if review is not None and self._approves(review, sha256, rule):
            self.passed = review
        elif rule != "none" and not self.actor.is_system:
            self._past(workspace, review, sha256, rule)

    def close(self, version: DocumentVersion) -> None:
        """End the open review of the document: it has led to this version, or was overtaken by it."""
        review = self.open_review()
        if review is None or (self.passed is None and version.number == review.base_version):
            return
        review.state = Review.State.SUPERSEDED if self.passed is None else Review.State.PUBLISHED
        review.version = None if self.passed is None else version.number
        review.ended_at, review.ended_by = now(), self.actor.label
        review.save(update_fields=["state", "version", "ended_at", "ended_by"])

    def open_review(self) -> Review | None:
        """The review that is under way, locked."""
        rows = Review.objects.select_for_update().of_document(self.kind.kind, self.document)
        return rows.open().first()

    def _approves(self, review: Review, sha256: str, rule: str) -> bool:
        return (
            review.state == Review.State.APPROVED
            and review.sha256 == sha256
            and review.base_version == self.document.latest_version
            and review.expires_at > now()
            and not stricter(rule, review.rule)
        )

    def _past(self, workspace: Workspace, review: Review | None, sha256: str, rule: str) -> None:
        if not self.reason:
            raise self._closed(review, rule)
        require_permission(self.actor, "reviews.bypass", self.document)
        if not bypass_allowed(workspace):
            raise BypassForbidden
        if not self.reason.strip():
            message = said("say why it can not wait for a review")
            raise InvalidInput([{"path": "bypass", "code": "reason.missing", "message": message}])
        audit.record(
            "review.bypassed",
            actor=self.actor,
            workspace_id=workspace.id,
            subject=(self.kind.kind, str(self.document.id), self.document.slug),
            details={"reason": self.reason, "sha256": sha256, "rule": rule},
        )

    def _closed(self, review: Review | None, rule: str) -> ReviewNeeded:
        slug = self.document.slug
        if review is None:
            return ReviewNeeded(document=slug, rule=told_rule(rule))
        return (ReviewWaits if review.state == Review.State.IN_REVIEW else ApprovalOutdated)(document=slug)
