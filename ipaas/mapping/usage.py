"""Which mappings use a schema."""

from typing import Any
from uuid import UUID

from django.db.models import F

from ipaas.mapping.models import Mapping, MappingVersion

KEYS = ("source_schema", "target_schema")


def mappings_with_schema(workspace_id: UUID, slug: str) -> list[str]:
    """Slugs of the live mappings whose draft or newest version names a schema, at any version."""
    live = Mapping.objects.in_workspace(workspace_id).filter(archived=False)
    found = {one.slug for one in live.filter(draft__isnull=False).only("slug", "draft") if _names(one.draft, slug)}
    newest = MappingVersion.objects.filter(document__in=live, number=F("document__latest_version"))
    found |= {one.document.slug for one in newest.select_related("document") if _names(one.content, slug)}
    return sorted(found)


def _names(content: Any, slug: str) -> bool:
    """Whether a content, which may be of any form as a draft, names the schema."""
    if not isinstance(content, dict):
        return False
    return any(isinstance(content.get(key), str) and content[key].partition("@")[0] == slug for key in KEYS)
