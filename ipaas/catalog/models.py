"""Connections: a connector, set up for one environment with its secret and policy. Connectors that were imported."""

from typing import Any
from uuid import UUID

import zstandard
from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.models import Environment, User, Workspace
from ipaas.catalog.connector_models import (
    ConnectorVersion,
    DescriptionKind,
    MadeOfDescription,
    unpack_manifest,
    version_name,
)
from ipaas.catalog.querysets import ConnectionQuerySet, ImportedConnectorQuerySet, ShareLinkQuerySet
from ipaas.core.clock import now
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
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    check_due_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_ok = models.BooleanField(null=True, blank=True)
    test_message = models.CharField(max_length=500, blank=True, default="")
    test_class = models.CharField(max_length=40, blank=True, default="", db_default="")
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


class ImportedConnector(MadeOfDescription):
    """What one published version of a workspace's connector runs; it never changes.

    Connections pin a version: a later one changes nothing until a connection is moved to it. ``released`` is the
    version as reviews, deprecation and retirement know it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="imported_connectors")
    slug = models.SlugField(max_length=60)
    number = models.PositiveIntegerField()
    released = models.OneToOneField(
        ConnectorVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="imported"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    workspace_id: UUID
    objects = ImportedConnectorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug", "number"], name="catalog_imported_connector_number")
        ]
        ordering = ["slug", "-number"]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"

    @property
    def version(self) -> str:
        """As connections name it."""
        return version_name(self.number)

    @property
    def state(self) -> str:
        return self.released.state if self.released is not None else ConnectorVersion.State.PUBLISHED


class KeptRelease(models.Model):
    """The manifest of an installed connector's version that a connection was pinned to; it outlives the update.

    ``code_sha256`` names its connector.py, of which each host keeps a copy; empty without one, and in rows from before
    code was kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=60)
    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    packed = models.BinaryField()
    code_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    kept_at = models.DateTimeField(auto_now_add=True)

    objects: "models.Manager[KeptRelease]" = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "version"], name="catalog_kept_release_version")]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"

    @property
    def document(self) -> dict[str, Any]:
        return unpack_manifest(self.packed)


class ImportDraft(models.Model):
    """A description that somebody looks at before it becomes a version; at most one for each name.

    It is read once: ``result`` is what it would become. A large one is read beside the request that brought it; until
    ``reading_until`` somebody is at it, later whoever looks begins again.
    """

    class State(models.TextChoices):
        READING = "reading", "being read"
        READY = "ready", "read"
        FAILED = "failed", "not readable"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=60)
    category = models.CharField(max_length=30)
    source_url = models.CharField(max_length=500, blank=True, default="")
    kind = models.CharField(max_length=12, choices=DescriptionKind.choices, default="openapi")
    packed = models.BinaryField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.READING)
    phase = models.CharField(max_length=20, blank=True, default="")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    result = models.BinaryField(null=True)
    reading_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now=True)
    created_by = models.CharField(max_length=200)
    person = models.CharField(max_length=80, blank=True, default="", db_default="")

    workspace_id: UUID
    objects: "models.Manager[ImportDraft]" = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="catalog_import_draft_slug")]

    def __str__(self) -> str:
        return self.slug

    @property
    def source(self) -> bytes:
        return zstandard.decompress(bytes(self.packed))


class Revocation(models.Model):
    """An old credential that is to be ended at its provider; ``sealed`` are the parameters of the call that does so.

    It was ``version`` of ``secret``. ``problem`` is what the last try came to, at ``failed_at``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="revocations")
    action = models.CharField(max_length=120)
    sealed = models.BinaryField()
    secret = models.SlugField(max_length=80, blank=True, default="", db_default="")
    version = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_index=True)
    tries = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True, default="", db_default="")
    failed_at = models.DateTimeField(null=True)

    connection_id: UUID
    objects: "models.Manager[Revocation]" = models.Manager()

    class Meta:
        ordering = ["due_at", "id"]

    def __str__(self) -> str:
        return f"revocation {self.id} over {self.connection_id}"


class OAuthToken(models.Model):
    """The token set of a connection, sealed; shared by all workers, renewed by the one that holds the lease.

    ``refused_code`` is set when a grant ended: a person has to connect again. ``granted`` are the scopes that the
    server says were given, None where it does not say. ``taken``: a token that ends with its use is in use.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True, related_name="token")
    sealed = models.BinaryField(null=True)
    number = models.PositiveIntegerField(default=0)
    obtained_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    refreshing_until = models.DateTimeField(null=True)
    taken = models.BooleanField(default=False, db_default=False)
    granted = ArrayField(models.CharField(max_length=200), null=True)
    renewable = models.BooleanField(default=False)
    refused_code = models.CharField(max_length=60, blank=True, default="")
    refused_at = models.DateTimeField(null=True)
    connected_by = models.CharField(max_length=200, blank=True, default="")
    connected_at = models.DateTimeField(null=True)

    connection_id: UUID

    def __str__(self) -> str:
        return f"token {self.number} of {self.connection_id}"


class Authorization(models.Model):
    """A person who was sent to a vendor to say yes, and is awaited back: once, in the same browser, for some minutes.

    ``place`` is what the connection was then (addresses, client, scheme): a code is exchanged for no other.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="authorizations")
    share = models.ForeignKey("ShareLink", null=True, on_delete=models.CASCADE, related_name="+")
    state_digest = models.BinaryField(unique=True)
    browser_digest = models.BinaryField()
    user_id = models.CharField(max_length=40, blank=True, default="")
    verifier = models.BinaryField()
    redirect_uri = models.CharField(max_length=500)
    place = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    connection_id: UUID
    share_id: UUID | None
    objects: "models.Manager[Authorization]" = models.Manager()

    def __str__(self) -> str:
        return f"authorization of {self.connection_id}"


class ShareLink(models.Model):
    """An invitation to connect one connection from outside: it works once, for some days, and may be revoked."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="share_links")
    digest = models.BinaryField(unique=True)
    note = models.CharField(max_length=200, blank=True, default="")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    workspace_id: UUID
    connection_id: UUID
    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"share link of {self.connection_id}"

    @property
    def state(self) -> str:
        """open, used, revoked or expired."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if self.expires_at > now() else "expired"


class OperationUse(models.Model):
    """When an operation was last called over a connection, and what the vendor announced of its end, in UTC.

    ``deprecated_at`` (RFC 9745) and ``sunset_at`` (RFC 8594) are as told by the newest answer that tells them.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="uses")
    operation = models.CharField(max_length=80)
    last_called_at = models.DateTimeField()
    deprecated_at = models.DateTimeField(null=True)
    sunset_at = models.DateTimeField(null=True)
    notice_url = models.CharField(max_length=300, blank=True, default="")

    connection_id: UUID
    objects: "models.Manager[OperationUse]" = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "operation"], name="catalog_operationuse_once")]

    def __str__(self) -> str:
        return f"{self.operation} over {self.connection_id}"


class AnnouncedRate(models.Model):
    """What answers say of the rate limit: ``quota`` calls in ``window_s``, ``remaining`` until ``resets_at``."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="announced_rate"
    )
    quota = models.PositiveBigIntegerField(null=True)
    window_s = models.PositiveIntegerField(null=True)
    remaining = models.PositiveBigIntegerField(null=True)
    resets_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    connection_id: UUID
    objects: "models.Manager[AnnouncedRate]" = models.Manager()

    def __str__(self) -> str:
        return f"rate of {self.connection_id}"

    @property
    def per_second(self) -> float | None:
        """The rate that keeps within what was announced; None without a window."""
        return self.quota / self.window_s if self.quota and self.window_s else None
