"""Reading what belongs to flows, of the actor's workspace and of the flows that the actor is bound to; locking."""

from typing import Self, TypeVar

from django.db import models

from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound

M = TypeVar("M", bound=models.Model)


def locked_row(rows: models.QuerySet[M], row: M, what: str) -> M:
    """The row as it is now, held until the end of the transaction; ``NotFound`` when somebody has deleted it."""
    found = rows.select_for_update(of=("self",)).filter(pk=row.pk).first()
    if found is None:
        raise NotFound(what=what)
    return found


class OfFlowsQuerySet(models.QuerySet[M]):
    """Rows with a ``workspace_id`` and a ``flow_id``."""

    def visible_to(self, actor: Actor) -> Self:
        """The rows that exist for an actor; none without a workspace."""
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows if actor.flows is None else rows.filter(flow_id__in=actor.flows)
