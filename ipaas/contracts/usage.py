"""Which contracts use a schema."""

from typing import Any
from uuid import UUID

from django.db.models import F

from ipaas.contracts.models import Contract, ContractVersion

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
