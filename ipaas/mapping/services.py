"""Changing mapping drafts; publishing is in governance."""

from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.drafts import write_draft
from ipaas.mapping.document import MAPPING_TYPE
from ipaas.mapping.models import Mapping


@transaction.atomic
def save_draft(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    expected_revision: int | None = None,
) -> tuple[Mapping, list[Finding]]:
    """Store a draft, finished or not, and say what would stop it from being published."""
    require_permission(actor, "mappings.edit", workspace.id)
    source = read_document(text=text, content=content)
    document = write_draft(MAPPING_TYPE, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
    audit.record(
        "mapping.draft_saved",
        actor=actor,
        workspace_id=workspace.id,
        subject=("mapping", str(document.id), document.slug),
        details={"revision": document.draft_revision},
    )
    return document, source.locate(MAPPING_TYPE.findings(source.content, workspace.id))  # type: ignore[return-value]  # written as a Mapping
