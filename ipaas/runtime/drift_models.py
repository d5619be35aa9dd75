"""What was found of data that moves away from the schemas of mappings."""

from django.db import models

from ipaas.core.ids import uuid7


class MappingDrift(models.Model):
    """One way in which inputs of a mapping differ from the schema of its source.

    ``path`` has ``*`` for the numbers of lists; ``what`` is a type, or the new choice. ``sample`` is the first such
    input with made-up values for everything sensitive; None where it is too large to be kept. ``count`` counts the
    inputs that were looked at, which are a sample.
    """

    class Kind(models.TextChoices):
        UNKNOWN_FIELD = "unknown_field"
        NEW_VALUE = "new_value"
        OTHER_TYPE = "other_type"

    class State(models.TextChoices):
        OPEN = "open"
        TESTED = "tested"
        IGNORED = "ignored"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField()
    mapping_id = models.UUIDField()
    mapping = models.CharField(max_length=80)
    schema = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    path = models.CharField(max_length=500)
    what = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    count = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    run_id = models.UUIDField()
    flow = models.CharField(max_length=80)
    step = models.CharField(max_length=500)
    sample = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mapping_id", "kind", "path", "what"], name="runtime_mappingdrift_once")
        ]
        indexes = [models.Index(fields=["workspace_id", "mapping_id", "state"], name="runtime_mappingdrift_open")]
        ordering = ["-last_seen_at", "id"]

    def __str__(self) -> str:
        return f"{self.mapping}{self.path}: {self.kind}"


class DriftMark(models.Model):
    """Up to which run the inputs of a mapping have been looked at."""

    mapping_id = models.UUIDField(primary_key=True)
    run_id = models.UUIDField()

    def __str__(self) -> str:
        return str(self.mapping_id)
