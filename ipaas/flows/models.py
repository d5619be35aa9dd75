"""Flows, their versions, and which version runs where."""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.ids import uuid7
from ipaas.flows.querysets import DeploymentQuerySet, FlowQuerySet, FlowVersionQuerySet


class Flow(VersionedDocument):
    """A flow document; a paused flow starts no new runs, runs under way go on."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="flows")
    owner = models.CharField(max_length=80, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True, db_default=[])
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    pause_reason = models.TextField(blank=True, default="")

    objects = FlowQuerySet.as_manager()

    @property
    def paused(self) -> bool:
        return self.state == self.State.PAUSED

    @property
    def flow_id(self) -> UUID:
        """A flow belongs to itself, so that ``require_permission`` takes it as a subject."""
        return self.id


class FlowVersion(DocumentVersion):
    """A published, immutable version of a flow: references inside are pinned to numbers."""

    document = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="versions")

    objects = FlowVersionQuerySet.as_manager()

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class DraftSnapshot(models.Model):
    """A draft as somebody tried it out: what test runs are pinned to, as others are to a ``FlowVersion``.

    ``content`` is settled; ``parts`` are the mappings and schemas that it holds inline, by reference.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="snapshots")
    content = models.JSONField()
    parts = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64)
    taken_by = models.CharField(max_length=200)
    used_at = models.DateTimeField(auto_now=True)

    number = 0
    """Like a version, so that whoever has either can ask."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "sha256"], name="flows_draftsnapshot_once")]

    def __str__(self) -> str:
        return f"{self.document_id}@draft"

    @property
    def workspace_id(self) -> UUID:
        return self.document.workspace_id


class Deployment(models.Model):
    """The version of a flow that runs in an environment; its trigger is copied so that starts need one index look-up.

    ``trigger_key`` is what a start is found by: the endpoint of a webhook, the type of an event, else "".
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(FlowVersion, on_delete=models.PROTECT, related_name="deployments")
    previous_version = models.ForeignKey(
        FlowVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_deployments"
    )
    active = models.BooleanField(default=True)
    trigger_kind = models.CharField(max_length=10)
    trigger_key = models.CharField(max_length=200, blank=True, default="")
    trigger_spec = models.JSONField(default=dict)
    deployed_by = models.CharField(max_length=200)
    deployed_at = models.DateTimeField(auto_now=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "environment"], name="flows_deployment_once")]
        indexes = [models.Index(fields=["environment", "trigger_kind", "trigger_key"], name="flows_deployment_trigger")]
        ordering = ["flow__slug", "environment__position"]

    def __str__(self) -> str:
        return f"{self.flow_id} in {self.environment_id}"

    @property
    def workspace_id(self) -> UUID:
        return self.flow.workspace_id
