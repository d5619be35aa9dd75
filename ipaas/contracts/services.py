"""Changing drafts of schemas and contracts, deciding on breaks, sharing contracts; publishing is in governance."""

import secrets
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.contracts.contract_document import CONTRACT_TYPE
from ipaas.contracts.document import SCHEMA_TYPE
from ipaas.contracts.models import Contract, Schema
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, content_sha256, read_document, refuse
from ipaas.core.document_types import DocumentType
from ipaas.core.documents import VersionedDocument
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
    """Store the draft of a schema, finished or not, and say what would stop it from being published."""
    return _save(SCHEMA_TYPE, actor, workspace, text, content, expected_revision)  # type: ignore[return-value]  # a Schema


@transaction.atomic
def save_contract_draft(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    expected_revision: int | None = None,
) -> tuple[Contract, list[Finding]]:
    """Store the draft of a contract, finished or not, and say what would stop it from being published."""
    return _save(CONTRACT_TYPE, actor, workspace, text, content, expected_revision)  # type: ignore[return-value]  # a Contract


def _save(
    kind: DocumentType,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None,
    content: Any,
    expected_revision: int | None,
) -> tuple[VersionedDocument, list[Finding]]:
    require_permission(actor, f"{kind.permission}.edit", workspace.id)
    source = read_document(text=text, content=content)
    document = write_draft(kind, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
    _record(f"{kind.kind}.draft_saved", actor, kind.kind, document, {"revision": document.draft_revision})
    return document, source.locate(kind.validate(source.content, workspace.id))


@transaction.atomic
def share_contract(*, contract: Contract, actor: Actor) -> Contract:
    """Let everybody who has the link read what is published of a contract; without effect where that is so already."""
    require_permission(actor, "contracts.publish", contract)
    locked: Contract = Contract.objects.select_for_update().get(id=contract.id)
    if not locked.latest_version:
        raise Conflict(what=said("{slug} has no published version to show.", slug=locked.slug))
    if locked.share_key is None:
        locked.share_key = secrets.token_urlsafe(24)
        locked.save(update_fields=["share_key", "updated_at"])
        _record("contract.shared", actor, "contract", locked, {})
    return locked


@transaction.atomic
def unshare_contract(*, contract: Contract, actor: Actor) -> Contract:
    """End the link of a contract at once; a later one is another link."""
    require_permission(actor, "contracts.publish", contract)
    locked: Contract = Contract.objects.select_for_update().get(id=contract.id)
    if locked.share_key is not None:
        locked.share_key = None
        locked.save(update_fields=["share_key", "updated_at"])
        _record("contract.unshared", actor, "contract", locked, {})
    return locked


def _record(action: str, actor: Actor, kind: str, document: VersionedDocument, details: dict[str, Any]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=document.workspace_id,
        subject=(kind, str(document.id), document.slug),
        details=details,
    )


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
    refuse(SCHEMA_TYPE.validate(locked.draft, locked.workspace_id))
    locked.accepted_break = {
        "sha256": content_sha256(locked.draft["schema"]),
        "upon": locked.latest_version,
        "reason": reason.strip()[:500],
        "by": actor.label,
    }
    locked.save(update_fields=["accepted_break", "updated_at"])
    details = {"upon": locked.latest_version, "reason": reason.strip()[:500], "revision": locked.draft_revision}
    _record("schema.break_accepted", actor, "schema", locked, details)
    return locked
