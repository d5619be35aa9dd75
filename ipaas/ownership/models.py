"""Domains: a part of the business, with those who answer for its integrations."""

from django.db import models

from ipaas.accounts.models import Membership, Workspace
from ipaas.core.ids import uuid7
from ipaas.ownership.querysets import DomainQuerySet


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
