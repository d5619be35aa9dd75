"""Webhooks: who is told of which events, and what became of each delivery."""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.ids import uuid7
from ipaas.notices.querysets import DeliveryQuerySet, WebhookQuerySet


class Webhook(models.Model):
    """An address outside that is told of events, signed with a secret of the vault.

    Without an ``environment`` it is told of all. While it is not active its deliveries are kept and wait;
    ``failing_since`` is when the first of an unbroken row of failures came.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        DISABLED = "disabled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="webhooks")
    environment = models.ForeignKey(Environment, null=True, on_delete=models.PROTECT, related_name="webhooks")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=200))
    secret_slug = models.SlugField(max_length=80)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    state_reason = models.TextField(default="", blank=True)
    failing_since = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    workspace_id: UUID
    environment_id: UUID | None
    objects = WebhookQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="notices_webhook_slug")]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class WebhookDelivery(models.Model):
    """One event for one webhook. ``step`` is the place in the schedule of tries; ``due_at`` only while it waits."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    step = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    webhook_id: UUID
    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "event_id"], name="notices_delivery_once")]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="notices_delivery_recent"),
            models.Index(fields=["webhook", "state", "-id"], name="notices_delivery_state"),
            models.Index(
                fields=["webhook", "due_at"], name="notices_delivery_due", condition=models.Q(state="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.state}"


class DeliveryAttempt(models.Model):
    """One try of a delivery; ``answer`` is the beginning of what came back, redacted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    duration_ms = models.FloatField()
    status = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(default="")
    answer = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="notices_attempt_once")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class ExpiryNotice(models.Model):
    """That something about a secret was told, so that it is told once for each date."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    secret_id = models.UUIDField()
    about = models.CharField(max_length=20, default="expiry", db_default="expiry")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["secret_id", "about", "expires_at"], name="notices_expiry_once")]

    def __str__(self) -> str:
        return f"{self.secret_id} {self.expires_at}"


class OpenBreaker(models.Model):
    """A connection whose breaker was told to have opened, until it is told to have closed."""

    connection_id = models.UUIDField(primary_key=True)
    told_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.connection_id)


class DriftNotice(models.Model):
    """When people were last told that the data of a mapping has moved away from its schema."""

    mapping_id = models.UUIDField(primary_key=True)
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.mapping_id)
