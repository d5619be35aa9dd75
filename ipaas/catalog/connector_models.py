"""Connectors of a workspace: drafts and versions like those of any document, and the manifests that they stand for.

A manifest may have megabytes, so it is kept packed beside the document, which names its hash: what is reviewed,
approved and published is bound to that.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import zstandard
from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.core import jsonio
from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.ids import uuid7

PACKED_LIMITS = jsonio.JsonLimits(
    max_bytes=64 * 1024 * 1024, max_depth=256, max_keys=4_000_000, max_string=4 * 1024 * 1024
)


def pack_manifest(document: Mapping[str, Any]) -> bytes:
    return zstandard.compress(jsonio.dumps(document), level=9)


def unpack_manifest(packed: bytes | memoryview) -> dict[str, Any]:
    """A manifest in its own order."""
    found: dict[str, Any] = jsonio.loads(zstandard.decompress(bytes(packed)), limits=PACKED_LIMITS)
    return found


def version_name(number: int) -> str:
    """A version of a workspace's connector as connections name it."""
    return f"{number}.0.0"


class DescriptionKind(models.TextChoices):
    OPENAPI = "openapi", "OpenAPI"
    CURL = "curl", "cURL"
    POSTMAN = "postman", "Postman"
    HAR = "har", "HAR"
    GRAPHQL = "graphql", "GraphQL"


class MadeOfDescription(models.Model):
    """A manifest made of a vendor's own description; ``source_sha256`` recognises one that is handed in again."""

    title = models.CharField(max_length=80)
    summary = models.CharField(max_length=300)
    category = models.CharField(max_length=30)
    api_version = models.CharField(max_length=40, blank=True, default="")
    kind = models.CharField(max_length=12, choices=DescriptionKind.choices)
    dialect = models.CharField(max_length=12, blank=True, default="")
    source_url = models.CharField(max_length=500, blank=True, default="")
    source_sha256 = models.CharField(max_length=64)
    packed = models.BinaryField()
    groups = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    action_count = models.PositiveIntegerField()
    created_by = models.CharField(max_length=200)

    class Meta:
        abstract = True

    @property
    def document(self) -> dict[str, Any]:
        return unpack_manifest(self.packed)


class ConnectorDocument(VersionedDocument):
    """A connector that a workspace made for itself."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connector_documents")

    objects = DocumentQuerySet.as_manager()


class ConnectorVersion(DocumentVersion):
    """A published, immutable version of a workspace's connector."""

    document = models.ForeignKey(ConnectorDocument, on_delete=models.PROTECT, related_name="versions")

    objects = VersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class ConnectorProposal(MadeOfDescription):
    """What the draft of a workspace's connector would run, until it is published; nothing can call over it.

    ``person`` handed the description in (``created_by`` is the label), whoever sent it to review.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.SlugField(max_length=60)
    manifest_sha256 = models.CharField(max_length=64)
    person = models.CharField(max_length=80, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now=True)

    workspace_id: UUID
    objects: "models.Manager[ConnectorProposal]" = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="catalog_connector_proposal_slug")]

    def __str__(self) -> str:
        return f"proposal of {self.slug}"
