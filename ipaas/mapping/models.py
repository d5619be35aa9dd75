"""Mapping documents, and what they name: lookups and reusable functions."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.mapping.querysets import MappingQuerySet, MappingVersionQuerySet


class Mapping(VersionedDocument):
    """A named mapping; ``derived_from`` names the document (``flow:<slug>``) that holds it inline."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="mappings")
    derived_from = models.CharField(max_length=120, blank=True, default="")

    objects = MappingQuerySet.as_manager()


class MappingVersion(DocumentVersion):
    """A published, immutable version of a mapping."""

    document = models.ForeignKey(Mapping, on_delete=models.PROTECT, related_name="versions")

    objects = MappingVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class Lookup(VersionedDocument):
    """A named table whose rows mappings find by a key."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="lookups")

    objects = DocumentQuerySet.as_manager()


class LookupVersion(DocumentVersion):
    """A published, immutable version of a lookup."""

    document = models.ForeignKey(Lookup, on_delete=models.PROTECT, related_name="versions")

    objects = VersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class Function(VersionedDocument):
    """A named expression that mappings call."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="functions")

    objects = DocumentQuerySet.as_manager()


class FunctionVersion(DocumentVersion):
    """A published, immutable version of a function."""

    document = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="versions")

    objects = VersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id
