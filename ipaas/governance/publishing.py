"""Publishing: the one way for a document of any type to get a new version.

Only ``governance.services`` calls this, behind the gate of reviews; a test holds that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.core.actor import Actor
from ipaas.core.document_forms import content_sha256, errors_of, refuse
from ipaas.core.document_types import DocumentType, document_type, refuse_failed
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said

Admit = Callable[[str], object]
"""Given the hash of what would become a new version; raises what keeps it from being published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What publishing a draft would make: ``base`` is the newest version now, 0 for none."""

    content: dict[str, Any]
    sha256: str
    base: int
    changes_nothing: bool


@dataclass(slots=True)
class _Publication:
    """One publication and what it brings along; lives in one transaction."""

    actor: Actor
    workspace_id: UUID
    note: str
    origin: str = ""

    def settled(self, kind: DocumentType, document: VersionedDocument) -> Proposal:
        """What the draft settles to, the parts that it holds inline published. Raises ``InvalidInput``."""
        content: dict[str, Any] = document.draft or {}
        refuse(errors_of(kind.validate(content, self.workspace_id)))
        newest = _newest(kind, document)
        refuse_failed(kind.checked(content, newest.content if newest else None, self.workspace_id))
        settled = kind.settle(content, self.workspace_id, self._derived)
        digest = content_sha256(settled)
        return Proposal(
            content=settled,
            sha256=digest,
            base=newest.number if newest else 0,
            changes_nothing=_is(newest, digest),
        )

    def number(
        self, kind: DocumentType, document: VersionedDocument, content: dict[str, Any], text: str = ""
    ) -> DocumentVersion:
        """The version with this settled content: the newest where that has it, else a new one."""
        digest = content_sha256(content)
        newest = _newest(kind, document)
        if newest is not None and _is(newest, digest):
            return newest
        number = document.latest_version + 1
        version = kind.version(
            number=number,
            content=content,
            text=text,
            sha256=digest,
            note=self.note,
            published_by=self.actor.label,
        )
        version.document = document
        version.save()
        document.latest_version = number
        document.save(update_fields=["latest_version", "updated_at"])
        kind.on_published(version, self.actor)
        self._record(kind, document, version)
        return version

    def _derived(self, kind: str, content: dict[str, Any]) -> DocumentVersion:
        """Publish a part that a document holds inline as a document of its own; its review is that of the whole."""
        part_type = document_type(kind)
        document, _ = part_type.documents.select_for_update().get_or_create(
            workspace_id=self.workspace_id,
            slug=content["slug"],
            defaults={"title": content["title"], "derived_from": self.origin},
        )
        if document.derived_from != self.origin:
            raise Conflict(
                what=said(
                    "The {kind} {slug!r} exists already and is not part of {origin}.",
                    kind=kind,
                    slug=document.slug,
                    origin=self.origin,
                )
            )
        document.title = content["title"]
        document.archived = False
        document.save(update_fields=["title", "archived", "updated_at"])
        refuse(part_type.validate(content, self.workspace_id))
        return self.number(part_type, document, part_type.settle(content, self.workspace_id, self._derived))

    def _record(self, kind: DocumentType, document: VersionedDocument, version: DocumentVersion) -> None:
        audit.record(
            f"{kind.kind}.published",
            actor=self.actor,
            workspace_id=self.workspace_id,
            subject=(kind.kind, str(document.id), document.slug),
            details={"version": version.number, "sha256": version.sha256, "note": self.note, "part_of": self.origin},
        )


def publish_draft(
    kind: DocumentType, document: VersionedDocument, *, actor: Actor, note: str, admit: Admit
) -> DocumentVersion:
    """The version of a locked draft: a new one that ``admit`` lets through, or the newest without a change."""
    publication = _publication(kind, document, actor, note)
    proposal = publication.settled(kind, document)
    if not proposal.changes_nothing:
        admit(proposal.sha256)
    return publication.number(kind, document, proposal.content, document.draft_text)


def publish_repinned(
    kind: DocumentType, document: VersionedDocument, content: dict[str, Any], *, text: str, actor: Actor, note: str
) -> DocumentVersion:
    """A version of a locked document with the settled content of an older one that refers to newer parts."""
    refuse(errors_of(kind.validate(content, document.workspace_id)))
    return _publication(kind, document, actor, note).number(kind, document, content, text)


def would_publish(kind: DocumentType, document: VersionedDocument, *, actor: Actor) -> Proposal:
    """What publishing the draft would make now: it is done and undone, so that nothing is guessed."""
    with transaction.atomic():
        proposal = _publication(kind, document, actor, "").settled(kind, document)
        transaction.set_rollback(True)
    return proposal


def _publication(kind: DocumentType, document: VersionedDocument, actor: Actor, note: str) -> _Publication:
    return _Publication(actor, document.workspace_id, note, f"{kind.kind}:{document.slug}")


def _newest(kind: DocumentType, document: VersionedDocument) -> DocumentVersion | None:
    found: DocumentVersion | None = kind.versions.filter(document_id=document.id).order_by("-number").first()
    return found


def _is(version: DocumentVersion | None, digest: str) -> bool:
    return version is not None and version.sha256 == digest and version.state == DocumentVersion.State.PUBLISHED
