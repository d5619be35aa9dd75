"""Storing drafts under an optimistic lock; permission and audit belong to the services that call this."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from ipaas.core.document_forms import Finding, Source, refuse
from ipaas.core.document_types import DocumentType
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said


def write_draft(
    document_type: DocumentType, *, workspace_id: UUID, source: Source, expected_revision: int | None
) -> VersionedDocument:
    """Store a source as the draft of the document that its ``slug`` names, made when there is none.

    ``expected_revision`` is the revision that the change was made upon: None or 0 for a new document. Raises
    ``Conflict`` when the draft has moved on, the document is archived, or it is part of another document.
    """
    content = source.content
    refuse(source.locate(header_findings(document_type.kind, content)))
    document = document_type.documents.select_for_update().filter(workspace_id=workspace_id, slug=content["slug"])
    found: VersionedDocument | None = document.first()
    if found is None:
        return _create(document_type, workspace_id, source, expected_revision)
    _guard(found, expected_revision)
    return _fill(found, source)


def _guard(document: VersionedDocument, expected_revision: int | None) -> None:
    if document.archived:
        raise Conflict(what=said("{slug} is archived; restore it before changing it.", slug=document.slug))
    if owner := getattr(document, "derived_from", ""):
        raise Conflict(what=said("{slug} is part of {owner}; change it there.", slug=document.slug, owner=owner))
    if (expected_revision or 0) != document.draft_revision:
        raise Conflict(
            what=said(
                "{slug} is at revision {revision}, your change was made upon revision {expected}.",
                slug=document.slug,
                revision=document.draft_revision,
                expected=expected_revision or 0,
            )
        )


def _create(
    document_type: DocumentType, workspace_id: UUID, source: Source, expected_revision: int | None
) -> VersionedDocument:
    slug = source.content["slug"]
    if expected_revision:
        raise Conflict(what=said("There is no {kind} {slug!r} to change any more.", kind=document_type.kind, slug=slug))
    document = document_type.document(slug=slug)
    document.workspace_id = workspace_id
    try:
        with transaction.atomic():
            return _fill(document, source)
    except IntegrityError:
        raise Conflict(what=said("{slug!r} was made by somebody else at this moment.", slug=slug)) from None


def _fill(document: VersionedDocument, source: Source) -> VersionedDocument:
    content = source.content
    document.title = content.get("title") or content["slug"]
    document.description = content.get("description") or ""
    if hasattr(document, "owner"):
        document.owner = content.get("owner") or ""
    if hasattr(document, "tags"):
        document.tags = content.get("tags") or []
    document.draft, document.draft_text = content, source.text or ""
    document.draft_revision += 1
    document.save()
    return document


def header_findings(kind: str, content: dict[str, Any]) -> list[Finding]:
    """What even a half-finished draft must have: its kind, a slug, and texts that fit."""
    found = []
    if content.get("kind") != kind:
        found.append(Finding("/kind", "document.kind", said("the kind must be {kind!r}", kind=kind)))
    if not valid_slug(content.get("slug")):
        found.append(Finding("/slug", "document.slug", said("a slug is 1 to 80 small letters, digits and hyphens")))
    for key, limit in (("title", 200), ("description", 10_000), ("owner", 80)):
        value = content.get(key, "")
        if not isinstance(value, str) or len(value) > limit:
            found.append(
                Finding(f"/{key}", "document.text", said("must be a text of at most {limit} characters", limit=limit))
            )
    tags = content.get("tags", [])
    if not isinstance(tags, list) or len(tags) > 20 or not all(valid_slug(tag) and len(tag) <= 40 for tag in tags):
        message = said("must be a list of at most 20 words of at most 40 small letters, digits and hyphens")
        found.append(Finding("/tags", "document.tags", message))
    return found


def valid_slug(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= 80
        and value.isascii()
        and value[0].isalnum()
        and value == value.lower()
        and value.replace("-", "a").isalnum()
    )
