"""Reading what belongs to flows: of the actor's workspace, and of the flows that the actor is bound to."""

from typing import Self, TypeVar

from django.db import models

from ipaas.core.actor import Actor

M = TypeVar("M", bound=models.Model)


class OfFlowsQuerySet(models.QuerySet[M]):
    """Rows with a ``workspace_id`` and a ``flow_id``."""

    def visible_to(self, actor: Actor) -> Self:
        """The rows that exist for an actor; none without a workspace."""
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows if actor.flows is None else rows.filter(flow_id__in=actor.flows)
