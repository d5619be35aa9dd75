"""Changing drafts of schemas, contracts and event types; breaks, shared contracts; publishing is in governance."""

import secrets
from collections.abc import Callable
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.contracts.contract_document import CONTRACT_TYPE
from ipaas.contracts.document import SCHEMA_TYPE
from ipaas.contracts.event_document import EVENT_TYPE
from ipaas.contracts.models import Contract, EventType, Schema
from ipaas.contracts.queries import bundle_of
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, content_sha256, refuse
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.ownership.drafting import saver_of

save_draft: Callable[..., tuple[Schema, list[Finding]]] = saver_of(SCHEMA_TYPE)
save_contract_draft: Callable[..., tuple[Contract, list[Finding]]] = saver_of(CONTRACT_TYPE)

save_event_type_draft: Callable[..., tuple[EventType, list[Finding]]] = saver_of(EVENT_TYPE)


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
        "sha256": content_sha256(bundle_of(locked.draft, locked.workspace_id).schema),
        "upon": locked.latest_version,
        "reason": reason.strip()[:500],
        "by": actor.label,
    }
    locked.save(update_fields=["accepted_break", "updated_at"])
    details = {"upon": locked.latest_version, "reason": reason.strip()[:500], "revision": locked.draft_revision}
    _record("schema.break_accepted", actor, "schema", locked, details)
    return locked
