"""What the clocks of flows keep: where polling goes on, and which slots of a schedule are taken."""

from django.db import models

from ipaas.core.ids import uuid7


class TriggerState(models.Model):
    """The clock of a scheduled or polling flow in an environment.

    ``cursor`` is where polling goes on and ``seen`` the keys of the page before it, which a vendor with an inclusive
    cursor gives again. ``attempts`` counts tries of the present poll (begun at ``tried_at``), ``failures`` polls in
    a row that failed for good; ``failing_since`` and ``last_error`` say since when and why. The cursor was last
    another one at ``moved_at``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    environment_id = models.UUIDField()
    flow_id = models.UUIDField()
    version_id = models.UUIDField()
    kind = models.CharField(max_length=10)
    spec = models.JSONField()
    next_at = models.DateTimeField(db_index=True)
    cursor = models.JSONField(null=True)
    seen = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow_id", "environment_id"], name="runtime_triggerstate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.flow_id}"


class TriggerSlot(models.Model):
    """One due time of a schedule: unique, so that two schedulers run one slot once."""

    pk = models.CompositePrimaryKey("trigger_id", "slot_at")
    trigger_id = models.UUIDField()
    slot_at = models.DateTimeField()
    run_id = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.slot_at}"
