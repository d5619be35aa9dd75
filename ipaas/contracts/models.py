"""Schemas: what data at an edge must look like. Contracts: what an integration promises at its edges."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.contracts.querysets import (
    ContractQuerySet,
    ContractVersionQuerySet,
    SchemaQuerySet,
    SchemaVersionQuerySet,
)
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


class Contract(VersionedDocument):
    """A named contract; with a ``share_key`` everybody who has the link may read what is published of it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="contracts")
    share_key = models.CharField(max_length=64, null=True, blank=True, unique=True)

    objects = ContractQuerySet.as_manager()


class ContractVersion(DocumentVersion):
    """A published, immutable version of a contract."""

    document = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="versions")

    objects = ContractVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id
