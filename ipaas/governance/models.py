"""Reviews: a change that waits for other eyes, with what they said and decided."""

from typing import ClassVar

from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.core.ids import uuid7
from ipaas.governance.querysets import ReviewQuerySet


class Review(models.Model):
    """One request to have a draft published, bound to what exactly would be published.

    ``sha256`` is of ``settled``, the content with everything pinned: a draft that would become anything else is not
    what was approved. ``content`` and ``text`` are the draft as it was asked for, so that the review can be read when
    the draft has moved on.
    ``authors``: ``[{"person", "label"}]``, who asked and whose changes it holds; none of them decides. ``bring``: the
    deployments (ids) that are to run the new version too.
    """

    class State(models.TextChoices):
        IN_REVIEW = "in_review"
        APPROVED = "approved"
        RETURNED = "returned"
        WITHDRAWN = "withdrawn"
        SUPERSEDED = "superseded"
        EXPIRED = "expired"
        PUBLISHED = "published"

    OPEN: ClassVar = (State.IN_REVIEW, State.APPROVED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=20)
    document_id = models.UUIDField()
    slug = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    flow_id = models.UUIDField(null=True, blank=True)
    revision = models.PositiveIntegerField()
    base_version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.JSONField()
    text = models.TextField(blank=True, default="")
    settled = models.JSONField()
    rule = models.CharField(max_length=12)
    state = models.CharField(max_length=12, choices=State.choices, default=State.IN_REVIEW)
    note = models.TextField(blank=True, default="")
    requested_by = models.CharField(max_length=200)
    authors = models.JSONField(default=list)
    bring = models.JSONField(default=list)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=400, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(null=True, blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "document_id"],
                condition=models.Q(state__in=["in_review", "approved"]),
                name="governance_review_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "state"], name="governance_review_state"),
            models.Index(fields=["kind", "document_id"], name="governance_review_document"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug} r{self.revision}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class ReviewDecision(models.Model):
    """What one person decided; ``person`` is who stands behind the actor, so that one person counts once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="decisions")
    person = models.CharField(max_length=80)
    label = models.CharField(max_length=200)
    decision = models.CharField(max_length=10)
    as_steward = models.BooleanField()
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["review", "person"], name="governance_reviewdecision_once")]

    def __str__(self) -> str:
        return f"{self.label} {self.decision}"


class ReviewComment(models.Model):
    """A remark, about the whole or about the place in the document that ``path`` (a JSON pointer) names."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="comments")
    label = models.CharField(max_length=200)
    path = models.CharField(max_length=500, blank=True, default="")
    text = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.label}: {self.text[:40]}"
