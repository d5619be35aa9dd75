"""Publishing: the one way for a document of any type to get a new version."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ipaas import audit
from ipaas.core.actor import Actor
from ipaas.core.document_forms import Finding, content_sha256, errors_of, refuse
from ipaas.core.document_types import DocumentType, document_type, refuse_failed
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said


@dataclass(slots=True)
class Publication:
    """One publication and what it brings along; lives in one transaction."""

    actor: Actor
    workspace_id: UUID
    note: str
    origin: str = ""
    findings: list[Finding] = field(default_factory=list)

    def publish(self, kind: DocumentType, document: VersionedDocument) -> DocumentVersion:
        """The version of a draft: a new one, or the newest where only its text changed or nothing."""
        content: dict[str, Any] = document.draft or {}
        self.findings = kind.validate(content, self.workspace_id)
        refuse(errors_of(self.findings))
        newest = kind.versions.filter(document_id=document.id).order_by("-number").first()
        refuse_failed(kind.checked(content, newest and newest.content, self.workspace_id))
        settled = kind.settle(content, self.workspace_id, self._derived)
        return self._number(kind, document, settled, document.draft_text)

    def _number(
        self, kind: DocumentType, document: VersionedDocument, content: dict[str, Any], text: str = ""
    ) -> DocumentVersion:
        digest = content_sha256(content)
        newest = kind.versions.filter(document_id=document.id).order_by("-number").first()
        if newest is not None and newest.sha256 == digest and newest.state == DocumentVersion.State.PUBLISHED:
            return newest  # type: ignore[no-any-return]  # a query set of versions
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
        """Publish a part that a document holds inline as a document of its own."""
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
        return self._number(part_type, document, content)

    def _record(self, kind: DocumentType, document: VersionedDocument, version: DocumentVersion) -> None:
        audit.record(
            f"{kind.kind}.published",
            actor=self.actor,
            workspace_id=self.workspace_id,
            subject=(kind.kind, str(document.id), document.slug),
            details={"version": version.number, "sha256": version.sha256, "note": self.note, "part_of": self.origin},
        )
