"""Outgoing events and mails, written in the transaction of the deed that causes them."""

from django.db import models

from ipaas.core.ids import uuid7


class OutboxEvent(models.Model):
    """One event to deliver: ``data`` carries ids and labels, never payloads or secrets.

    One that is still to be delivered has a row of due work with its id; ``runtime.retention`` deletes the others.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    environment_id = models.UUIDField(null=True)
    type = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    source = models.CharField(max_length=200)
    trace_id = models.CharField(max_length=32)
    data = models.JSONField()
    sealed = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-id"], name="outbox_event_recent")]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class Mail(models.Model):
    """A mail to one person, sent by a worker; while it waits it has a row of due work with its id."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField(null=True)
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"
