"""Base of every versioned document: a draft that changes and versions that never do."""

from typing import Any
from uuid import UUID

from django.db import models

from ipaas.core.ids import uuid7


class VersionedDocument(models.Model):
    """A named document of a workspace; ``draft`` changes under the optimistic lock ``draft_revision``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    draft = models.JSONField(null=True, blank=True)
    draft_revision = models.PositiveIntegerField(default=0)
    latest_version = models.PositiveIntegerField(default=0)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    workspace: Any  # each concrete document declares its foreign key
    workspace_id: UUID

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="%(app_label)s_%(class)s_slug")]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class DocumentVersion(models.Model):
    """One numbered version; once published its content, hash and number can not change (a trigger refuses)."""

    class State(models.TextChoices):
        PUBLISHED = "published"
        DEPRECATED = "deprecated"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PUBLISHED)
    note = models.TextField(blank=True, default="")
    published_by = models.CharField(max_length=200)
    published_at = models.DateTimeField(auto_now_add=True)

    document: Any  # each concrete version declares its foreign key
    document_id: UUID

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="%(app_label)s_%(class)s_number")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.document_id}@{self.number}"


def immutability_sql(table: str) -> str:
    """Trigger for a version table: content, hash, number and document never change, rows are never deleted."""
    return f"""
    CREATE FUNCTION {table}_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a published version is immutable' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF (NEW.content, NEW.sha256, NEW.number, NEW.document_id) IS DISTINCT FROM
         (OLD.content, OLD.sha256, OLD.number, OLD.document_id) THEN
        RAISE EXCEPTION 'a published version is immutable' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}
      FOR EACH ROW EXECUTE FUNCTION {table}_immutable();
    """
