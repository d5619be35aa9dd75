"""Secrets and keys, all sealed: without the key-encryption key these tables say nothing but names and dates."""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.models import Workspace
from ipaas.core.ids import uuid7
from ipaas.core.phrases import unpacked
from ipaas.vault.querysets import DataKeyQuerySet, SecretQuerySet, SecretVersionQuerySet


class StoreKind(models.TextChoices):
    """Where values are kept."""

    BUILTIN = "builtin", "built-in"
    TRANSIT = "transit", "built-in, keys wrapped by a transit engine"
    OPENBAO = "openbao", "OpenBao or HashiCorp Vault"
    ENVIRONMENT = "environment", "environment variables"
    FILE = "file", "mounted files"


class Secret(models.Model):
    """A named set of credential fields; connections refer to it by slug. Values can be entered, never read."""

    class Kind(models.TextChoices):
        CREDENTIAL = "credential", "credential"
        SIGNING = "signing", "signing secret of webhooks"
        LOGIN = "login", "login of a backend"

    class Rotation(models.TextChoices):
        REMIND = "remind", "people are reminded"
        AUTOMATIC = "automatic", "the platform rotates by itself"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="secrets")
    slug = models.SlugField(max_length=80)
    description = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CREDENTIAL)
    expires_at = models.DateTimeField(null=True, blank=True)
    current_version = models.PositiveIntegerField(default=0)
    store = models.CharField(
        max_length=12, choices=StoreKind.choices, default=StoreKind.BUILTIN, db_default=StoreKind.BUILTIN
    )
    rotate_every_days = models.PositiveSmallIntegerField(null=True)
    rotation = models.CharField(
        max_length=10, choices=Rotation.choices, default=Rotation.REMIND, db_default=Rotation.REMIND
    )
    rotation_overlap_s = models.PositiveIntegerField(default=86_400, db_default=86_400)
    rotator = models.CharField(max_length=20, blank=True, default="", db_default="")
    rotation_due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    workspace_id: UUID
    objects = SecretQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="vault_secret_slug")]
        indexes = [
            models.Index(
                fields=["rotation_due_at"],
                condition=models.Q(rotation_due_at__isnull=False),
                name="vault_secret_rotation_due",
            )
        ]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class SecretVersion(models.Model):
    """One entered value: each field sealed under the version's own data key, or kept by a backend.

    A retired version is still accepted until ``accept_until``; a revoked one is wiped for good. ``store_ref`` is how
    the store knows the value, where that is not this row; ``handover``: the platform made the value up, and nobody
    has collected it yet.
    """

    class State(models.TextChoices):
        LIVE = "live", "live"
        RETIRED = "retired", "retired"
        REVOKED = "revoked", "revoked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.LIVE)
    accept_until = models.DateTimeField(null=True)
    field_names = ArrayField(models.CharField(max_length=60))
    sealed_fields = ArrayField(models.BinaryField())
    store = models.CharField(
        max_length=12, choices=StoreKind.choices, default=StoreKind.BUILTIN, db_default=StoreKind.BUILTIN
    )
    store_ref = models.CharField(max_length=80, blank=True, default="", db_default="")
    wrapped_key = models.BinaryField()
    kek_version = models.PositiveIntegerField()
    handover = models.BooleanField(default=False, db_default=False)
    created_by = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    secret_id: UUID
    objects = SecretVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["secret", "number"], name="vault_secretversion_number"),
            models.UniqueConstraint(
                fields=["secret"], condition=models.Q(state="live"), name="vault_secretversion_one_live"
            ),
        ]
        indexes = [models.Index(fields=["kek_version"], name="vault_secretversion_kek")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.secret_id} version {self.number}"

    @property
    def is_held(self) -> bool:
        """Whether there still is a value; a wiped version has none."""
        return bool(self.wrapped_key or self.store_ref)

    def aad(self, field: str = "") -> bytes:
        """Where a sealed field (or, without ``field``, the wrapped key) belongs; it opens nowhere else."""
        return f"secret|{self.secret.workspace_id}|{self.secret_id}|{self.number}|{field}".encode()


class DataKey(models.Model):
    """A wrapped key: payload keys and the unchanging root of each workspace, and the root of the platform."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField(null=True)
    purpose = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    wrapped = models.BinaryField()
    kek_version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DataKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "purpose", "number"], name="vault_datakey_number", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["kek_version"], name="vault_datakey_kek")]

    def __str__(self) -> str:
        return f"{self.purpose} key {self.number}"

    def aad(self) -> bytes:
        return f"key|{self.workspace_id}|{self.purpose}|{self.number}".encode()


class Backend(models.Model):
    """How a workspace reaches a store outside its database; the chosen one keeps what is entered from now on.

    Without a chosen one the built-in store does. ``login`` is a secret of the built-in store, entered for ``origin``.
    ``down_since`` and ``down_words`` (a packed phrase) say since when and why it can not be used; see ``standing``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="vault_backends")
    kind = models.CharField(max_length=12, choices=StoreKind.choices)
    config = models.JSONField(default=dict)
    login = models.ForeignKey(Secret, on_delete=models.PROTECT, null=True, related_name="+")
    origin = models.CharField(max_length=300, blank=True, default="")
    chosen = models.BooleanField(default=False)
    down_since = models.DateTimeField(null=True)
    down_words = models.JSONField(null=True)
    down_told = models.BooleanField(default=False, db_default=False)
    updated_at = models.DateTimeField(auto_now=True)

    workspace_id: UUID

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind"], name="vault_backend_kind"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(chosen=True), name="vault_backend_one_chosen"
            ),
        ]
        ordering = ["kind"]

    def __str__(self) -> str:
        return self.kind

    @property
    def down_reason(self) -> str:
        """Why it can not be used; empty while it can."""
        return unpacked(self.down_words)


class Leftover(models.Model):
    """A value that a backend is still to destroy; written with the deed that gave it up, done after it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="leftovers")
    slug = models.SlugField(max_length=80)
    refs = ArrayField(models.CharField(max_length=80))

    def __str__(self) -> str:
        return self.slug
