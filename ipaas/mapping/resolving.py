"""What a mapping refers to, in the database; files have ``case_files``."""

from uuid import UUID

from ipaas.core.document_types import document_type
from ipaas.core.errors import NotFound
from ipaas.core.references import split_reference
from ipaas.mapping.cases import Content, Resolve


def resolver_of(workspace_id: UUID) -> Resolve:
    """Finds the content of published documents of a workspace, schemas with what they refer to; raises ``NotFound``."""

    def resolve(kind: str, reference: str) -> Content:
        version = document_type(kind).versions.of(workspace_id, *split_reference(reference))
        if version is None:
            raise NotFound(what=f"{kind} {reference}")
        content: Content = version.content
        return {**content, "schema": version.whole} if kind == "schema" else content

    return resolve
