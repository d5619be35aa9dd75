"""Where events come in: endpoints and receipts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.ids import uuid7


class Endpoint(models.Model):
    """An address that a sender posts to; ``public_id`` is the unguessable part of its URL.

    A delivery's id and type are read at the paths into its body where those are given, else from the headers.
    ``sources`` are networks that may send (all when empty), ``max_body`` is in bytes, ``rate_per_minute`` counts the
    deliveries of each process that takes any. ``answer_status`` is what an accepted delivery is answered;
    ``greeted_at`` is when the sender's own signing secret was last kept (handshake ``keep_secret``).
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="endpoints")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="endpoints")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    public_id = models.CharField(max_length=40, unique=True)
    connector = models.SlugField(max_length=80, blank=True, default="")
    signature = models.JSONField(default=dict, blank=True)
    signature_required = models.BooleanField(default=True)
    secret_slug = models.SlugField(max_length=80, blank=True, default="")
    delivery_header = models.CharField(max_length=80, blank=True, default="webhook-id")
    delivery_path = models.CharField(max_length=300, blank=True, default="")
    event_header = models.CharField(max_length=80, blank=True, default="")
    event_path = models.CharField(max_length=300, blank=True, default="")
    handshake = models.JSONField(default=dict, blank=True)
    sources = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    max_body = models.PositiveIntegerField(null=True, blank=True)
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(default=202, db_default=202)
    greeted_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "environment", "slug"], name="events_endpoint_slug"),
        ]
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Subscription(models.Model):
    """What the vendor was told of an endpoint's address. The row is there before the vendor is asked: whatever breaks
    in between leaves ``pending`` or ``unknown``, which a check or the end of the subscription clears up."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        UNKNOWN = "unknown"
        GONE = "gone"
        OUTDATED = "outdated"

    endpoint = models.OneToOneField(Endpoint, on_delete=models.PROTECT, primary_key=True, related_name="subscription")
    connection = models.SlugField(max_length=60)
    trigger = models.CharField(max_length=60)
    events = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    vendor_id = models.CharField(max_length=300, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    message = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    checked_at = models.DateTimeField(null=True, blank=True)
    renew_due_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.trigger} by {self.connection}"


class Receipt(models.Model):
    """One accepted delivery: sealed as it came, answered only after commit. Partitioned by the day in its id.

    ``redelivery_of`` is the receipt that somebody had taken once more as this one.
    """

    class State(models.TextChoices):
        ACCEPTED = "accepted"
        PROCESSED = "processed"
        UNMATCHED = "unmatched"
        CONFLICT = "conflict"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True)
    workspace_id = models.UUIDField()
    endpoint_id = models.UUIDField()
    delivery_id = models.TextField(null=True)
    event = models.TextField()
    state = models.TextField(choices=State.choices)
    body_sha256 = models.BinaryField()
    trace_id = models.TextField()
    sealed = models.BinaryField()
    run_ids = ArrayField(models.UUIDField(), null=True)
    note = models.TextField(default="")
    redelivery_of = models.UUIDField(null=True)

    class Meta:
        managed = False
        db_table = "events_receipt"

    def __str__(self) -> str:
        return str(self.id)


class Delivery(models.Model):
    """The dedup record of a sender's delivery id; kept apart from receipts so that no retention forgets a delivery."""

    pk = models.CompositePrimaryKey("endpoint_id", "delivery_id")
    endpoint_id = models.UUIDField()
    delivery_id = models.TextField()
    receipt_id = models.UUIDField()
    body_sha256 = models.BinaryField()

    class Meta:
        managed = False
        db_table = "events_delivery"

    def __str__(self) -> str:
        return self.delivery_id


class ArrivalNote(models.Model):
    """What reached an endpoint and became no receipt; see ``events.arrivals``.

    ``words`` is ``detail`` as a phrase, for pages in other languages; ``receipt_id`` is what it repeats.
    """

    class Verdict(models.TextChoices):
        REFUSED = "refused"
        REPEATED = "repeated"
        CHALLENGE = "challenge"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="arrivals")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, blank=True, default="")
    detail = models.CharField(max_length=300, blank=True, default="")
    words = models.JSONField(null=True)
    method = models.CharField(max_length=10)
    peer = models.CharField(max_length=50, blank=True, default="")
    size = models.PositiveIntegerField()
    receipt_id = models.UUIDField(null=True)
    sealed = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["endpoint", "-id"], name="events_arrival_recent")]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.verdict} {self.code}"
