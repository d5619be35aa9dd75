"""Reading schemas, contracts and their versions."""

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


class ContractQuerySet(DocumentQuerySet):
    """Contracts of a workspace."""

    def shared_by(self, key: str) -> "ContractQuerySet":
        """The live contract that a link leads to; every workspace's, the key is the permission."""
        return self.filter(share_key=key, archived=False, latest_version__gt=0)


class ContractVersionQuerySet(VersionQuerySet):
    """Published versions of contracts."""


class EventTypeQuerySet(DocumentQuerySet):
    """Event types of a workspace."""


class EventTypeVersionQuerySet(VersionQuerySet):
    """Published versions of event types."""
