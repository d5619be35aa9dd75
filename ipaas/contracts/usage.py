"""Which schemas, contracts and event types use a schema."""

from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.db.models.fields.json import KT

from ipaas.contracts.bundling import slugs_in
from ipaas.contracts.models import Contract, ContractVersion, EventType, EventTypeVersion, Schema, SchemaVersion
from ipaas.core.documents import VersionedDocument
from ipaas.core.references import reference_to, split_reference

EDGES = ("input", "output")


def contracts_with_schema(workspace_id: UUID, slug: str) -> list[str]:
    """Slugs of the live contracts whose draft or newest version names a schema at an edge, at any version."""
    live = Contract.objects.in_workspace(workspace_id).filter(archived=False)
    found = {one.slug for one in live.filter(draft__isnull=False).only("slug", "draft") if _names(one.draft, slug)}
    newest = ContractVersion.objects.filter(document__in=live, number=F("document__latest_version"))
    found |= {one.document.slug for one in newest.select_related("document") if _names(one.content, slug)}
    return sorted(found)


def _names(content: Any, slug: str) -> bool:
    """Whether a content, which may be of any form as a draft, names the schema."""
    edges = [content.get(name) for name in EDGES] if isinstance(content, dict) else []
    references = [edge.get("schema") for edge in edges if isinstance(edge, dict)]
    return any(isinstance(one, str) and one.partition("@")[0] == slug for one in references)


def schemas_with_schema(workspace_id: UUID, slug: str) -> list[str]:
    """Slugs of the live schemas whose draft or newest version refers to a schema, at any version."""
    live = Schema.objects.in_workspace(workspace_id).live()
    found = {one.slug for one in live.filter(draft__isnull=False).only("slug", "draft") if slug in slugs_in(one.draft)}
    newest = SchemaVersion.objects.in_force(workspace_id).filter(refers_to__document__slug=slug)
    return sorted(found | set(newest.values_list("document__slug", flat=True)))


def event_types_with_schema(workspace_id: UUID, slug: str) -> list[str]:
    """Slugs of the live event types whose draft or newest version names a schema, at any version."""
    named = Q(schema=slug) | Q(schema__startswith=f"{slug}@")
    drafts = EventType.objects.in_workspace(workspace_id).live().annotate(schema=KT("draft__schema")).filter(named)
    newest = EventTypeVersion.objects.in_force(workspace_id).annotate(schema=KT("content__schema")).filter(named)
    return sorted({one.slug for one in drafts} | set(newest.values_list("document__slug", flat=True)))


def schema_held_by(document: VersionedDocument, number: int | None) -> list[str]:
    """What keeps a version of a schema, None for any: live schemas, and event types that judge data by it now."""
    return [*_referring(document, number), *_judging(document, number)]


def _judging(document: VersionedDocument, number: int | None) -> list[str]:
    rows = EventTypeVersion.objects.in_force(document.workspace_id).select_related("document")
    found = ((row, split_reference(row.content["schema"])) for row in rows)
    return [row.document.slug for row, (slug, pinned) in found if slug == document.slug and number in (None, pinned)]


def _referring(document: VersionedDocument, number: int | None) -> list[str]:
    rows = SchemaVersion.objects.filter(refers_to__document_id=document.id, document__archived=False)
    rows = rows.exclude(state="retired").exclude(document_id=document.id)
    rows = rows if number is None else rows.filter(refers_to__number=number)
    found = rows.values_list("document__slug", "number").distinct().order_by("document__slug", "number")
    return [reference_to(*one) for one in found]
