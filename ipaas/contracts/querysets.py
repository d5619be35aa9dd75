"""Reading schemas and their versions."""

from typing import Any, Self
from uuid import UUID

from django.db import models

from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet


class SchemaQuerySet(DocumentQuerySet):
    """Schemas of a workspace."""


class SchemaVersionQuerySet(VersionQuerySet):
    """Published versions of schemas."""


class RegisteredSchemaQuerySet(models.QuerySet[Any]):
    """Numbers of schemas."""

    def in_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(workspace_id=workspace_id)
