"""Mapping documents: how one shape of data becomes another."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Workspace
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
