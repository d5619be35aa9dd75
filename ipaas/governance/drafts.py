"""What the audit trail knows of a document: who changed its draft, what was published past a review."""

from ipaas.audit.models import AuditEntry
from ipaas.core.document_types import document_type_of
from ipaas.core.documents import VersionedDocument


def draft_saver(document: VersionedDocument) -> AuditEntry | None:
    """The audit entry of who saved the draft last."""
    kind = document_type_of(document).kind
    rows = AuditEntry.objects.of_workspace(document.workspace_id).filter(
        subject_type=kind, subject_id=str(document.id), action=f"{kind}.draft_saved"
    )
    return rows.order_by("-id").first()


def published_past_review(document: VersionedDocument) -> dict[str, str]:
    """Why versions were published past the review that the policy asked for, by the hash of their content."""
    kind = document_type_of(document).kind
    rows = AuditEntry.objects.of_workspace(document.workspace_id).filter(
        subject_type=kind, subject_id=str(document.id), action="review.bypassed"
    )
    return {details["sha256"]: details["reason"] for details in rows.values_list("details", flat=True)}
