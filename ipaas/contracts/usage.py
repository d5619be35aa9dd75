"""Which schemas and contracts use a schema."""

from typing import Any
from uuid import UUID

from django.db.models import F

from ipaas.contracts.bundling import slugs_in
from ipaas.contracts.models import Contract, ContractVersion, Schema, SchemaVersion
from ipaas.core.documents import VersionedDocument
from ipaas.core.references import reference_to

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


def schema_held_by(document: VersionedDocument, number: int | None) -> list[str]:
    """The versions of live schemas, not retired, that refer to a version of a schema, or to any of them."""
    rows = SchemaVersion.objects.filter(refers_to__document_id=document.id, document__archived=False)
    rows = rows.exclude(state="retired").exclude(document_id=document.id)
    rows = rows if number is None else rows.filter(refers_to__number=number)
    found = rows.values_list("document__slug", "number").distinct().order_by("document__slug", "number")
    return [reference_to(*one) for one in found]
