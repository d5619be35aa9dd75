"""Domains, with those who answer for them; the terms that they speak in, and the conventions that they keep."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Membership, Workspace
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.ids import uuid7
from ipaas.ownership.querysets import (
    ConventionQuerySet,
    ConventionVersionQuerySet,
    DomainQuerySet,
    TermQuerySet,
    TermVersionQuerySet,
)


class Domain(models.Model):
    """Documents name their domain by ``slug``; its stewards sign their versions off."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="domains")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    owner = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_domains"
    )
    stewards = models.ManyToManyField(Membership, blank=True, related_name="stewarded_domains")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DomainQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="ownership_domain_slug")]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Term(VersionedDocument):
    """A word of the business, with what it means."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="terms")

    objects = TermQuerySet.as_manager()


class TermVersion(DocumentVersion):
    """A published, immutable version of a term."""

    document = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="versions")

    objects = TermVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class Convention(VersionedDocument):
    """A rule that drafts are checked by."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="conventions")

    objects = ConventionQuerySet.as_manager()


class ConventionVersion(DocumentVersion):
    """A published, immutable version of a convention."""

    document = models.ForeignKey(Convention, on_delete=models.PROTECT, related_name="versions")

    objects = ConventionVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id
