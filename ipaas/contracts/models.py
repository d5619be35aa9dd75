"""Schema documents: what data at an edge must look like."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.contracts.querysets import SchemaQuerySet, SchemaVersionQuerySet
from ipaas.core.documents import DocumentVersion, VersionedDocument


class Schema(VersionedDocument):
    """A named JSON Schema; ``derived_from`` names the document (``flow:<slug>``) that holds it inline.

    ``accepted_break``: a steward's decision to publish one content (``sha256`` of its schema) upon one version
    (``upon``) although it may break others, with ``reason`` and ``by``.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="schemas")
    derived_from = models.CharField(max_length=120, blank=True, default="")
    accepted_break = models.JSONField(null=True, blank=True)

    objects = SchemaQuerySet.as_manager()


class SchemaVersion(DocumentVersion):
    """A published, immutable version of a schema."""

    document = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="versions")

    objects = SchemaVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id
