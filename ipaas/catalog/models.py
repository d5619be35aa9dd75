"""Connections: a connector, set up for one environment of a workspace, with its secret and policy."""

from uuid import UUID

from django.db import models

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog.querysets import ConnectionQuerySet
from ipaas.core.ids import uuid7


class Connection(models.Model):
    """A way to one service. Flows name it by slug; each environment has its own under the same slug.

    ``secret_origin`` is the origin that the secret was entered for: the credential goes nowhere else, and changing
    the address, the connector or the scheme detaches it.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        DISABLED = "disabled", "disabled"

    class Force(models.TextChoices):
        NONE = "", "by its own judgement"
        OPEN = "open", "open"
        CLOSED = "closed", "closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="connections")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=120)
    connector = models.CharField(max_length=60)
    connector_version = models.CharField(max_length=40)
    base_url = models.CharField(max_length=500, blank=True, default="")
    config = models.JSONField(default=dict, blank=True)
    auth_scheme = models.CharField(max_length=60)
    secret = models.CharField(max_length=80, blank=True, default="")
    secret_origin = models.CharField(max_length=300, blank=True, default="")
    policy = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    forced_breaker = models.CharField(max_length=6, choices=Force.choices, blank=True, default=Force.NONE)
    forced_reason = models.CharField(max_length=300, blank=True, default="")
    forced_by = models.CharField(max_length=200, blank=True, default="")
    forced_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_ok = models.BooleanField(null=True, blank=True)
    test_message = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    workspace_id: UUID
    environment_id: UUID
    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "environment", "slug"], name="catalog_connection_slug")
        ]
        indexes = [models.Index(fields=["workspace", "secret"], name="catalog_connection_secret")]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def enabled(self) -> bool:
        return self.state == self.State.ACTIVE


class OAuthToken(models.Model):
    """The access token of a connection, sealed; shared by all workers, refreshed by the one that holds the lease."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True, related_name="token")
    sealed = models.BinaryField(null=True)
    number = models.PositiveIntegerField(default=0)
    obtained_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    refreshing_until = models.DateTimeField(null=True)

    connection_id: UUID

    def __str__(self) -> str:
        return f"token {self.number} of {self.connection_id}"
