"""Base of every versioned document: a draft that changes and versions that never do."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import models

from ipaas.core.document_forms import Source
from ipaas.core.ids import uuid7


class VersionedDocument(models.Model):
    """A named document of a workspace; ``draft`` changes under the optimistic lock ``draft_revision``.

    ``draft_text`` is the source that the draft was read from, byte for byte; "" where it came as content alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    draft = models.JSONField(null=True, blank=True)
    draft_text = models.TextField(blank=True, default="", db_default="")
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

    def has_draft(self, source: Source) -> bool:
        """Whether the draft is this source already, down to its comments where the source has a text."""
        return self.draft == source.content and (source.text is None or source.text == self.draft_text)


class DocumentVersion(models.Model):
    """One numbered version; once published its content, text, hash and number can not change (a trigger refuses).

    ``content`` is what runs, with references pinned, and is what ``sha256`` is of. ``text`` is the source that people
    wrote, comments and order of keys included; "" where there is none. A deprecated version says why
    (``state_reason``), until when it may be used (``sunset_on``) and what to use instead (``replacement``); a retired
    one is neither deployed nor pinned any more.
    """

    class State(models.TextChoices):
        PUBLISHED = "published"
        DEPRECATED = "deprecated"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    text = models.TextField(blank=True, default="", db_default="")
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PUBLISHED)
    state_reason = models.TextField(blank=True, default="", db_default="")
    sunset_on = models.DateField(null=True, blank=True)
    replacement = models.CharField(max_length=120, blank=True, default="", db_default="")
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


COLUMNS = ("content", "sha256", "number", "document_id")


def immutability_function_sql(table: str, columns: Sequence[str] = COLUMNS) -> str:
    """What the trigger of a version table runs: these columns never change, rows are never deleted."""
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"""
    CREATE OR REPLACE FUNCTION {table}_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a published version is immutable' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF ({new}) IS DISTINCT FROM ({old}) THEN
        RAISE EXCEPTION 'a published version is immutable' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NEW;
    END $$;
    """


def immutability_sql(table: str) -> str:
    """The trigger of a new version table, with its function."""
    return f"""{immutability_function_sql(table)}
    CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}
      FOR EACH ROW EXECUTE FUNCTION {table}_immutable();
    """
