"""What the edges of flows tell: data that broke a schema."""

from django.db import models


class Breach(models.Model):
    """Data of a run that broke the schema of an edge of its flow (by day of the run).

    ``contract`` is the reference of the contract that names the schema, "" for a flow without one. ``place`` and
    ``message`` are of the first fault and never hold a value.
    """

    pk = models.CompositePrimaryKey("run_id", "edge")
    run_id = models.UUIDField()
    edge = models.TextField()
    workspace_id = models.UUIDField()
    flow_id = models.UUIDField()
    environment_id = models.UUIDField()
    contract = models.TextField()
    mode = models.TextField()
    place = models.TextField()
    keyword = models.TextField()
    message = models.TextField()

    class Meta:
        managed = False
        db_table = "runtime_breach"

    def __str__(self) -> str:
        return f"{self.contract or 'flow'} {self.edge}: {self.place}"
