"""Deeds on the audit trail itself: export and verification."""

from collections.abc import Iterator
from uuid import UUID

from ipaas import audit
from ipaas.audit.exports import Format, export, export_checkpoints, export_records
from ipaas.audit.querysets import AuditFilters
from ipaas.audit.sequencer import sequence_all, write_checkpoint
from ipaas.audit.verifier import Report, verify_records
from ipaas.core.actor import Actor, require_permission


def export_entries(*, workspace_id: UUID, filters: AuditFilters, fmt: Format, actor: Actor) -> Iterator[bytes]:
    """Stream an export; that it was made, by whom and with which filters is an entry of its own (and part of it)."""
    require_permission(actor, "audit.export", workspace_id)
    audit.record(
        "audit.exported", actor=actor, workspace_id=workspace_id, details={"format": fmt, "filters": filters.as_json()}
    )
    return export(workspace_id, filters, fmt)


def signed_checkpoints(*, workspace_id: UUID, actor: Actor) -> Iterator[bytes]:
    """All checkpoints of a workspace as JSON Lines, a fresh one last; kept outside, they hold the chain to account."""
    require_permission(actor, "audit.export", workspace_id)
    sequence_all(workspace_id)
    write_checkpoint(workspace_id)
    return export_checkpoints(workspace_id)


def verify_chain(*, workspace_id: UUID, actor: Actor) -> Report:
    """Recompute the whole chain of a workspace from its rows and check every signature."""
    require_permission(actor, "audit.view", workspace_id)
    return verify_records(export_records(workspace_id, AuditFilters()))
