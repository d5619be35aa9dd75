"""The run tables as the ORM reads them; the engine writes them through ``runtime.store`` alone.

Tables marked *by day* are partitioned on the UUIDv7 in their first key column, so that retention drops whole
partitions and no cost grows with history. ``Work`` is the only queue and holds nothing but unended work.
"""

from urllib.parse import parse_qsl

from django.db import models

from ipaas.core.ids import uuid7
from ipaas.runtime.clock_models import TriggerSlot, TriggerState
from ipaas.runtime.drift_models import DriftMark, MappingDrift
from ipaas.runtime.edge_models import Breach
from ipaas.runtime.querysets import ApprovalQuerySet, DeadLetterQuerySet, RunQuerySet

__all__ = [
    "TEST", "Approval", "ApprovalDecision", "Attempt", "Breach", "BulkJob", "BusinessId", "DeadLetter",
    "DriftMark", "Effect", "InboundKey", "MappingDrift", "Payload", "Run", "SavedFilter", "StepRun",
    "TriggerSlot", "TriggerState", "Work",
]  # fmt: skip

TEST = "test"
"""The trigger of runs that try a step out."""


class Work(models.Model):
    """Due work: one row per accepted receipt, unended run, event or job; deleted when done.

    ``due_at`` is at once the schedule, the retry time, the timer and (while claimed) the end of the lease;
    ``fence`` counts claims, and every state write of the engine carries the one it claimed with. A wake during a
    lease is counted in ``wakes`` and takes effect when the run suspends; ``crashes`` counts leases that expired.
    """

    class Kind(models.IntegerChoices):
        RECEIPT = 0
        RUN = 1
        EVENT = 2
        POLL = 3
        BULK = 4
        NOTICE = 5
        WEBHOOK = 6
        MAIL = 7
        AUDIT = 8

    class Lane(models.IntegerChoices):
        INTERACTIVE = 0
        DEFAULT = 1
        BULK = 2

    id = models.UUIDField(primary_key=True)
    kind = models.SmallIntegerField(choices=Kind.choices)
    lane = models.SmallIntegerField(choices=Lane.choices)
    workspace_id = models.UUIDField()
    group_id = models.UUIDField()
    due_at = models.DateTimeField()
    fence = models.IntegerField(default=0)
    leased = models.BooleanField(default=False)
    wakes = models.IntegerField(default=0)
    crashes = models.SmallIntegerField(default=0)

    class Meta:
        managed = False
        db_table = "runtime_work"

    def __str__(self) -> str:
        return str(self.id)


class Run(models.Model):
    """One execution of one flow version (by day). ``held``: its flow is paused; it begins when the flow is resumed."""

    class Status(models.TextChoices):
        HELD = "held"
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        COMPENSATING = "compensating"
        SUCCEEDED = "succeeded"
        COMPENSATED = "compensated"
        DEAD = "dead"
        NEEDS_OPERATOR = "needs_operator"
        CANCELLED = "cancelled"
        DISCARDED = "discarded"

    UNENDED = (Status.HELD, Status.QUEUED, Status.RUNNING, Status.WAITING, Status.COMPENSATING)

    id = models.UUIDField(primary_key=True)
    workspace_id = models.UUIDField()
    flow_id = models.UUIDField()
    version_id = models.UUIDField()
    environment_id = models.UUIDField()
    root_run_id = models.UUIDField()
    status = models.TextField(choices=Status.choices)
    abnormal = models.TextField(null=True, choices=Status.choices)
    lane = models.SmallIntegerField(choices=Work.Lane.choices)
    trigger = models.TextField()
    receipt_id = models.UUIDField(null=True)
    parent_run_id = models.UUIDField(null=True)
    replay_of = models.UUIDField(null=True)
    replay = models.JSONField(null=True)
    trace_id = models.TextField()
    business_key = models.TextField()
    deadline_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_class = models.TextField(null=True)
    error_code = models.TextField(null=True)
    error_message = models.TextField(null=True)
    error_step = models.TextField(null=True)
    cancel_reason = models.TextField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "runtime_run"

    def __str__(self) -> str:
        return str(self.id)

    @property
    def ended(self) -> bool:
        return self.status not in self.UNENDED


class BusinessId(models.Model):
    """A business id of a run (by day of the run)."""

    pk = models.CompositePrimaryKey("run_id", "name")
    run_id = models.UUIDField()
    workspace_id = models.UUIDField()
    name = models.TextField()
    value = models.TextField()

    class Meta:
        managed = False
        db_table = "runtime_businessid"

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class StepRun(models.Model):
    """What became of one block (and one item of a for-each) in a run (by day of the run).

    ``cancelled``: it had begun when the block around it failed or its run ended.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"
        RETRYING = "retrying"
        WAITING = "waiting"
        UNKNOWN = "unknown"
        CANCELLED = "cancelled"

    pk = models.CompositePrimaryKey("run_id", "seq")
    run_id = models.UUIDField()
    seq = models.IntegerField()
    path = models.TextField()
    item = models.TextField()
    kind = models.TextField()
    status = models.TextField(choices=Status.choices)
    compensates = models.BooleanField()
    attempts = models.IntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    reason = models.TextField(null=True)
    error_class = models.TextField(null=True)
    error_code = models.TextField(null=True)
    error_message = models.TextField(null=True)
    detail = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = "runtime_steprun"

    def __str__(self) -> str:
        return f"{self.path}#{self.item}" if self.item else self.path


class Attempt(models.Model):
    """One try of a call step (by day of the run)."""

    pk = models.CompositePrimaryKey("run_id", "seq", "number")
    run_id = models.UUIDField()
    seq = models.IntegerField()
    number = models.IntegerField()
    outcome = models.TextField()
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    http_status = models.IntegerField(null=True)
    error_class = models.TextField(null=True)
    error_code = models.TextField(null=True)
    error_message = models.TextField(null=True)
    connection_id = models.UUIDField(null=True)
    verdicts = models.JSONField()

    class Meta:
        managed = False
        db_table = "runtime_attempt"

    def __str__(self) -> str:
        return f"attempt {self.number}"


class Payload(models.Model):
    """A sealed bundle of values of a run, insert-only (by day of the run)."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run_id = models.UUIDField()
    seq = models.IntegerField()
    sealed = models.BinaryField()

    class Meta:
        managed = False
        db_table = "runtime_payload"

    def __str__(self) -> str:
        return f"{self.run_id}/{self.seq}"


class Effect(models.Model):
    """The intent and the outcome of one side effect, unique over attempts and replays (by month of the root run).

    ``open``: the intent is committed and the outcome not yet; ``done``: happened, ``result`` holds the answer;
    ``failed``: certainly did not happen; ``unknown``: an operator must say.
    """

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"

    pk = models.CompositePrimaryKey("root_run_id", "path", "item", "generation")
    root_run_id = models.UUIDField()
    path = models.TextField()
    item = models.TextField()
    generation = models.SmallIntegerField()
    workspace_id = models.UUIDField()
    run_id = models.UUIDField()
    fence = models.IntegerField()
    attempt = models.IntegerField()
    state = models.TextField(choices=State.choices)
    request_hash = models.BinaryField()
    result = models.BinaryField(null=True)

    class Meta:
        managed = False
        db_table = "runtime_effect"

    def __str__(self) -> str:
        return f"{self.path}#{self.item}"


class InboundKey(models.Model):
    """The idempotency key of a start: same key and input gives the first run, another input is a conflict."""

    pk = models.CompositePrimaryKey("flow_id", "environment_id", "key")
    flow_id = models.UUIDField()
    environment_id = models.UUIDField()
    key = models.TextField()
    input_sha256 = models.BinaryField()
    run_id = models.UUIDField()

    class Meta:
        managed = False
        db_table = "runtime_inboundkey"

    def __str__(self) -> str:
        return self.key


class DeadLetter(models.Model):
    """A run that needs a person: it failed for good, its outcome is unknown, or its compensation failed.

    ``amount`` is what the run is worth, by what its flow names; None where it names nothing.
    """

    class State(models.TextChoices):
        OPEN = "open"
        REPLAYED = "replayed"
        RESUMED = "resumed"
        DISCARDED = "discarded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    run_id = models.UUIDField()
    flow_id = models.UUIDField()
    environment_id = models.UUIDField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    cause = models.CharField(max_length=400)
    step = models.TextField()
    error_class = models.CharField(max_length=30)
    error_code = models.TextField()
    error_message = models.TextField()
    business_key = models.TextField()
    amount = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, default="", db_default="")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(default="")
    close_reason = models.TextField(default="")
    replay_run_id = models.UUIDField(null=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "state", "-id"], name="runtime_deadletter_open"),
            models.Index(fields=["workspace_id", "state", "cause"], name="runtime_deadletter_cause"),
            models.Index(fields=["run_id"], name="runtime_deadletter_run"),
        ]

    def __str__(self) -> str:
        return self.cause


class Approval(models.Model):
    """A question to people; each decision is bound to the hash of the evidence that was shown.

    ``quorum`` different people have to approve. With ``four_eyes``, who started the run or published its flow has no
    say. From ``escalate_at`` on the role ``escalate_to`` decides too. ``delegations`` says in turn who handed the say
    to whom (``from``, ``to``: identities as ``accounts.actors.identity_of`` gives them, each with a label).
    """

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    run_id = models.UUIDField()
    flow_id = models.UUIDField()
    seq = models.IntegerField()
    title = models.TextField()
    role = models.CharField(max_length=20)
    checklist = models.JSONField(default=list)
    evidence = models.BinaryField()
    evidence_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    expires_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField(default="")
    reason = models.TextField(default="")
    quorum = models.PositiveSmallIntegerField(default=1)
    four_eyes = models.BooleanField(default=False)
    escalate_at = models.DateTimeField(null=True)
    escalate_to = models.CharField(max_length=20, default="")
    delegations = models.JSONField(default=list)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run_id", "seq"], name="runtime_approval_once")]
        indexes = [models.Index(fields=["workspace_id", "state", "-id"], name="runtime_approval_inbox")]

    def __str__(self) -> str:
        return self.title


class ApprovalDecision(models.Model):
    """What one person said to a question; ``person`` is the identity behind the actor."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="decisions")
    person = models.CharField(max_length=80)
    label = models.TextField()
    decision = models.CharField(max_length=10)
    reason = models.TextField(default="")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "person"], name="runtime_approvaldecision_once")]

    def __str__(self) -> str:
        return f"{self.decision} by {self.label}"


class BulkJob(models.Model):
    """A deed over many runs, done at a rate, with progress, and stoppable."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    deed = models.CharField(max_length=20)
    filter = models.JSONField()
    options = models.JSONField(default=dict)
    rate_per_s = models.FloatField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    total = models.IntegerField()
    done = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    cursor = models.UUIDField(null=True)
    actor = models.JSONField()
    last_error = models.TextField(default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.deed} {self.done}/{self.total}"


class SavedFilter(models.Model):
    """A filter of the list of runs under a name; ``query`` as an address writes it.

    ``owner_id`` is a person, a service account, or a key without an owner; ``shared``: the whole workspace sees it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    owner_id = models.CharField(max_length=64)
    owner_label = models.CharField(max_length=200)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "owner_id", "name"], name="runtime_savedfilter_name")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query))
