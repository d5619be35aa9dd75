"""Who changed a draft."""

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
