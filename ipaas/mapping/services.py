"""Changing drafts of mappings, lookups and functions; publishing is in governance."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.document_types import DocumentType
from ipaas.core.documents import VersionedDocument
from ipaas.core.drafts import write_draft
from ipaas.mapping.document import MAPPING_TYPE
from ipaas.mapping.function_document import FUNCTION_TYPE
from ipaas.mapping.lookup_document import LOOKUP_TYPE
from ipaas.mapping.models import Mapping

Saved = tuple[Any, list[Finding]]
"""The document of its kind, and what would stop it from being published."""


def _saver(kind: DocumentType) -> Callable[..., Saved]:
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
        return document, source.locate(kind.validate(source.content, workspace.id))

    return save


save_draft: Callable[..., tuple[Mapping, list[Finding]]] = _saver(MAPPING_TYPE)
save_lookup_draft = _saver(LOOKUP_TYPE)
save_function_draft = _saver(FUNCTION_TYPE)


@transaction.atomic
def import_rows(
    *, actor: Actor, lookup: VersionedDocument, csv: str, key: str = "", expected_revision: int | None = None
) -> Saved:
    """Put rows as CSV into the draft of a lookup; without ``expected_revision`` upon whatever the draft is now."""
    require_permission(actor, "lookups.edit", lookup)
    locked = LOOKUP_TYPE.documents.select_for_update().get(id=lookup.id)
    content = locked.draft
    if content is None:
        content = LOOKUP_TYPE.versions.get(document_id=locked.id, number=locked.latest_version).content
    rows = csv.removeprefix("\ufeff").replace("\r\n", "\n")
    return save_lookup_draft(
        actor=actor,
        workspace=locked.workspace,
        content={**content, **({"key": key} if key else {}), "csv": rows},
        expected_revision=locked.draft_revision if expected_revision is None else expected_revision,
    )
