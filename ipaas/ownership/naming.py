"""The domain that a document names with its key ``domain``."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ipaas.core.document_forms import Finding
from ipaas.core.document_types import document_kinds, document_type
from ipaas.core.documents import VersionedDocument
from ipaas.core.phrases import said
from ipaas.ownership.models import Domain


def domain_slug(content: Mapping[str, Any] | None) -> str:
    """The name of the domain; "" for a document that names none."""
    named = (content or {}).get("domain")
    return named if isinstance(named, str) else ""


def domain_findings(content: Mapping[str, Any], workspace_id: UUID | None) -> list[Finding]:
    """A domain that the workspace does not have: its stewards would be nobody. Only where a workspace is given."""
    named = domain_slug(content)
    if not named or workspace_id is None or Domain.objects.in_workspace(workspace_id).filter(slug=named).exists():
        return []
    message = said("there is no domain {domain!r} in this workspace, so nobody is its steward", domain=named)
    return [Finding("/domain", "domain.unknown", message, "warning")]


def documents_of(domain: Domain) -> list[VersionedDocument]:
    """The live documents of every kind whose draft names the domain, by kind and slug."""
    return [
        document
        for kind in map(document_type, document_kinds())
        for document in kind.documents.in_workspace(domain.workspace_id).live().filter(draft__domain=domain.slug)
    ]
