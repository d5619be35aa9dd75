"""Changing schema drafts and deciding on breaks; publishing is in governance."""

from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.contracts.document import SCHEMA_TYPE, validate
from ipaas.contracts.models import Schema
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, content_sha256, read_document, refuse
from ipaas.core.drafts import write_draft
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said


@transaction.atomic
def save_draft(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    expected_revision: int | None = None,
) -> tuple[Schema, list[Finding]]:
    """Store a draft, finished or not, and say what would stop it from being published."""
    require_permission(actor, "schemas.edit", workspace.id)
    source = read_document(text=text, content=content)
    document = write_draft(SCHEMA_TYPE, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
    audit.record(
        "schema.draft_saved",
        actor=actor,
        workspace_id=workspace.id,
        subject=("schema", str(document.id), document.slug),
        details={"revision": document.draft_revision},
    )
    return document, source.locate(validate(source.content, workspace.id))  # type: ignore[return-value]  # written as a Schema


@transaction.atomic
def accept_break(*, schema: Schema, actor: Actor, reason: str) -> Schema:
    """Let the draft as it is now be published upon the newest version although it may break readers or writers.

    The decision is for this content upon this version; any other change is checked again.
    """
    require_permission(actor, "schemas.override", schema)
    locked: Schema = Schema.objects.select_for_update().get(id=schema.id)
    if not reason.strip():
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": said("say why")}])
    if locked.draft is None or not locked.latest_version:
        raise Conflict(what=said("{slug} has no draft that follows a published version.", slug=locked.slug))
    refuse(validate(locked.draft, locked.workspace_id))
    locked.accepted_break = {
        "sha256": content_sha256(locked.draft["schema"]),
        "upon": locked.latest_version,
        "reason": reason.strip()[:500],
        "by": actor.label,
    }
    locked.save(update_fields=["accepted_break", "updated_at"])
    audit.record(
        "schema.break_accepted",
        actor=actor,
        workspace_id=locked.workspace_id,
        subject=("schema", str(locked.id), locked.slug),
        details={"upon": locked.latest_version, "reason": reason.strip()[:500], "revision": locked.draft_revision},
    )
    return locked
