"""Schemas: what data must look like. Contracts: what integrations promise. Event types: what events carry."""

from typing import Any
from uuid import UUID

from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.contracts.querysets import (
    ContractQuerySet,
    ContractVersionQuerySet,
    EventTypeQuerySet,
    EventTypeVersionQuerySet,
    RegisteredSchemaQuerySet,
    SchemaQuerySet,
    SchemaVersionQuerySet,
)
from ipaas.core.documents import DocumentVersion, VersionedDocument


class Schema(VersionedDocument):
    """A named JSON Schema; ``subject`` is what clients of the registry call it, where that is not its slug.

    ``derived_from`` names the document (``flow:<slug>``) that holds it inline.

    ``accepted_break``: a steward's decision to publish one content (``sha256`` of its schema) upon one version
    (``upon``) although it may break others, with ``reason`` and ``by``.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="schemas")
    derived_from = models.CharField(max_length=120, blank=True, default="")
    accepted_break = models.JSONField(null=True, blank=True)
    subject = models.CharField(max_length=255, blank=True, default="")

    objects = SchemaQuerySet.as_manager()


class RegisteredSchema(models.Model):
    """The whole number that clients of the registry know a schema by, the same wherever it stands in a workspace."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)

    objects = RegisteredSchemaQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="contracts_registered_schema")]

    def __str__(self) -> str:
        return str(self.id)


class SchemaVersion(DocumentVersion):
    """A published, immutable version of a schema.

    ``bundle`` is the schema with everything that it refers to, made once; None where it refers to nothing.
    """

    document = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="versions")
    registered = models.ForeignKey(RegisteredSchema, on_delete=models.PROTECT, related_name="versions", null=True)
    bundle = models.JSONField(null=True, blank=True)
    refers_to = models.ManyToManyField("self", symmetrical=False, related_name="referring", blank=True)

    objects = SchemaVersionQuerySet.as_manager()

    @property
    def whole(self) -> Any:
        """The JSON Schema with everything that it refers to, as one that stands alone."""
        return self.content["schema"] if self.bundle is None else self.bundle

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


class EventType(VersionedDocument):
    """A named event of the business."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="event_types")

    objects = EventTypeQuerySet.as_manager()


class EventTypeVersion(DocumentVersion):
    """A published, immutable version of an event type; the newest one judges what is published."""

    document = models.ForeignKey(EventType, on_delete=models.PROTECT, related_name="versions")

    objects = EventTypeVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id
