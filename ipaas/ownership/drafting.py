"""Saving drafts: the deed that documents of all kinds but flows share."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.document_types import DocumentType
from ipaas.core.drafts import write_draft

Saved = tuple[Any, list[Finding]]
"""The document of its kind, and what would stop it from being published."""


def saver_of(kind: DocumentType) -> Callable[..., Saved]:
    """The deed that saves drafts of a kind."""

    @transaction.atomic
    def save(
        *,
        actor: Actor,
        workspace: Workspace,
        text: str | bytes | None = None,
        content: Any = None,
        expected_revision: int | None = None,
    ) -> Saved:
        """Store a draft, finished or not, and say what would stop it from being published."""
        require_permission(actor, f"{kind.permission}.edit", workspace.id)
        source = read_document(text=text, content=content)
        document = write_draft(kind, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
        audit.record(
            f"{kind.kind}.draft_saved",
            actor=actor,
            workspace_id=workspace.id,
            subject=(kind.kind, str(document.id), document.slug),
            details={"revision": document.draft_revision},
        )
        return document, source.locate(kind.findings(source.content, workspace.id))

    return save
