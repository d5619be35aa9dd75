"""The audit trail: ids and labels, no foreign keys, so that an entry outlives what it is about."""

from uuid import UUID

from django.db import models

from ipaas.audit.querysets import AuditEntryQuerySet
from ipaas.core.ids import uuid7

PLATFORM_CHAIN = UUID(int=0)


class AuditEntry(models.Model):
    """One deed. A trigger refuses every change but numbering once, and every deletion."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    action = models.CharField(max_length=80)
    outcome = models.CharField(max_length=20, default="ok")
    actor_kind = models.CharField(max_length=20)
    actor_id = models.TextField(default="")
    actor_label = models.TextField(default="")
    actor_ip = models.TextField(default="")
    subject_type = models.CharField(max_length=60, default="")
    subject_id = models.TextField(default="")
    subject_label = models.TextField(default="")
    correlation_id = models.TextField(default="")
    details = models.JSONField(default=dict)
    seq = models.BigIntegerField(null=True)
    prev_hash = models.BinaryField(null=True)
    digest = models.BinaryField(null=True)
    hash = models.BinaryField(null=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        db_table = "audit_entry"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "seq"],
                name="audit_entry_seq",
                nulls_distinct=False,
                condition=models.Q(seq__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "-created_at"], name="audit_entry_recent"),
            models.Index(fields=["workspace_id", "subject_type", "subject_id"], name="audit_entry_subject"),
            models.Index(
                fields=["workspace_id", "id"], name="audit_entry_unnumbered", condition=models.Q(seq__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label}"


class AuditChain(models.Model):
    """The head of one chain; its row is the lock of the sequencer. ``PLATFORM_CHAIN`` is the platform's own."""

    workspace_id = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_chain"

    def __str__(self) -> str:
        return f"{self.workspace_id} up to {self.seq}"


class AuditCheckpoint(models.Model):
    """A signed statement that a chain had this hash at this number."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.UUIDField()
    seq = models.BigIntegerField()
    hash = models.BinaryField()
    created_at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.BinaryField()

    class Meta:
        db_table = "audit_checkpoint"
        constraints = [models.UniqueConstraint(fields=["chain_id", "seq"], name="audit_checkpoint_once")]
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"{self.chain_id} at {self.seq}"


class AuditSigningKey(models.Model):
    """A key pair for checkpoints and exports; the private half is sealed, the public half is for everybody."""

    key_id = models.CharField(max_length=16, primary_key=True)
    public_key = models.BinaryField()
    sealed_private_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_signingkey"

    def __str__(self) -> str:
        return self.key_id


class AuditJob(models.Model):
    """An export or a verification done in the background; ``done`` of ``total`` entries are through.

    ``result``: of an export entries, omitted, bytes, sha256 and the checkpoint it ends with; of a verification ok,
    to_seq, problems and more (how many beyond those kept).
    """

    class Kind(models.TextChoices):
        EXPORT = "export"
        VERIFY = "verify"

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    format = models.CharField(max_length=10, default="")
    filters = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(default="")
    started_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_job"
        indexes = [models.Index(fields=["workspace_id", "kind", "-id"], name="audit_job_recent")]

    def __str__(self) -> str:
        return f"{self.kind} {self.done}/{self.total}"


class AuditPart(models.Model):
    """A piece of an exported file, compressed (zstd); in order they are the file."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(AuditJob, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "audit_part"

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"
