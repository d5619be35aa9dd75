"""Connectors of a workspace through the same door as every document: an import is published or waits for its review."""

from dataclasses import dataclass

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.catalog.imports import proposal_of, propose_draft
from ipaas.catalog.models import ImportDraft, ImportedConnector
from ipaas.core.actor import Actor, require_permission
from ipaas.governance.models import Review
from ipaas.governance.services import apply_document


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an import: a version, or the review that it waits for."""

    version: ImportedConnector | None
    review: Review | None = None


@transaction.atomic
def keep_import(*, draft: ImportDraft, actor: Actor, note: str = "") -> Kept:
    """Publish what a description became as the next version of its connector, or send it to review.

    The newest version is returned for a description that it was made of. Connections stay at their version. Raises
    ImportNotRead.
    """
    require_permission(actor, "connectors.edit", draft)
    workspace = Workspace.objects.select_for_update(no_key=True).get(id=draft.workspace_id)  # one import at a time
    known = proposal_of(draft=draft, actor=actor).known
    if known is not None:
        draft.delete()
        return Kept(known)
    content = propose_draft(draft=draft, actor=actor)
    applied = apply_document(actor=actor, workspace=workspace, content=content, note=note)
    if applied.version is None:
        return Kept(None, applied.review)
    return Kept(ImportedConnector.objects.select_related("released").get(released=applied.version))
