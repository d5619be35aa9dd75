"""Saving drafts: the deed that documents of many kinds share."""

from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.document_types import document_type
from ipaas.core.documents import VersionedDocument
from ipaas.core.drafts import write_draft


@transaction.atomic
def save_draft_of(
    kind: str,
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    expected_revision: int | None = None,
) -> tuple[VersionedDocument, list[Finding]]:
    """Store the draft of a document, finished or not, and say what would stop it from being published."""
    found = document_type(kind)
    require_permission(actor, f"{found.permission}.edit", workspace.id)
    source = read_document(text=text, content=content)
    document = write_draft(found, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
    audit.record(
        f"{kind}.draft_saved",
        actor=actor,
        workspace_id=workspace.id,
        subject=(kind, str(document.id), document.slug),
        details={"revision": document.draft_revision},
    )
    return document, source.locate(found.findings(source.content, workspace.id))
