"""Drafts as they were when somebody tried them out: settled and immutable like a version, but never published.

What a draft holds inline stays with the snapshot, under references with the number 0 that no published part has.
"""

from typing import Any

from ipaas.core.actor import Actor
from ipaas.core.document_forms import Source, content_sha256, errors_of, read_document, refuse
from ipaas.core.document_types import document_type
from ipaas.core.documents import DocumentVersion
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.references import reference_to
from ipaas.flows import inline
from ipaas.flows.models import DraftSnapshot, Flow
from ipaas.flows.validation import validate

OF_A_DRAFT = 0
"""The number of what is not published."""


def draft_source(flow: Flow) -> Source:
    """The draft that is saved of a flow. Raises ``NotFound``."""
    if flow.draft is None:
        raise NotFound(what=f"draft of {flow.slug}")
    return read_document(text=flow.draft_text) if flow.draft_text else read_document(content=flow.draft)


def snapshot_of(flow: Flow, source: Source, actor: Actor) -> DraftSnapshot:
    """A snapshot, not stored yet, of a document of the flow. Raises ``InvalidInput`` with every error in it."""
    content = source.content
    if content.get("slug") != flow.slug:
        message = f"this is not a document of {flow.slug}: its slug says otherwise"
        raise InvalidInput([{"path": "/slug", "code": "document.slug", "message": message}])
    refuse(source.locate(errors_of(validate(content, flow.workspace_id))))
    parts: dict[str, Any] = {}

    def hold(kind: str, content: dict[str, Any]) -> DocumentVersion:
        found = document_type(kind)
        refuse(found.validate(content, flow.workspace_id))
        parts[reference_to(content["slug"], OF_A_DRAFT)] = content
        part = found.version(number=OF_A_DRAFT)
        part.document = found.document(slug=content["slug"])
        return part

    settled = inline.settle(content, flow.workspace_id, hold)
    digest = content_sha256({"content": settled, "parts": parts})
    return DraftSnapshot(document=flow, content=settled, parts=parts, sha256=digest, taken_by=actor.label)


def keep_snapshot(snapshot: DraftSnapshot) -> DraftSnapshot:
    """The stored snapshot of this content, marked as used just now so that it outlives what runs with it."""
    given = {"content": snapshot.content, "parts": snapshot.parts, "taken_by": snapshot.taken_by}
    same = {"document": snapshot.document, "sha256": snapshot.sha256}
    kept, made = DraftSnapshot.objects.get_or_create(**same, defaults={"id": snapshot.id, **given})
    if not made:
        kept.save(update_fields=["used_at"])
    return kept
