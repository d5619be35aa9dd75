"""Reading flows, their versions and where they are deployed."""

from typing import Any, Self
from uuid import UUID

from django.db import models

from ipaas.core.actor import Actor
from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet


class FlowQuerySet(DocumentQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The flows that exist for an actor: of its workspace, and of those it is bound to."""
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows if actor.flows is None else rows.filter(id__in=actor.flows)

    def tagged(self, tag: str) -> Self:
        """With a tag; everything for an empty one."""
        return self.filter(tags__contains=[tag]) if tag else self

    def tags_in_use(self) -> list[str]:
        """The tags of these flows, by the alphabet."""
        tag = models.Func(models.F("tags"), function="unnest", output_field=models.TextField())
        return list(self.order_by().annotate(tag=tag).values_list("tag", flat=True).distinct().order_by("tag"))

    def with_deployments(self) -> Self:
        return self.prefetch_related("deployments__environment", "deployments__version")


class FlowVersionQuerySet(VersionQuerySet):
    """Published versions of flows."""


class DeploymentQuerySet(models.QuerySet[Any]):
    def in_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(flow__workspace_id=workspace_id)

    def running(self) -> Self:
        """Active deployments of flows that are not archived; paused flows are among them."""
        return self.filter(active=True, flow__archived=False).select_related("flow")

    def triggered_by(self, kind: str, key: str | None = None) -> Self:
        found = self.filter(trigger_kind=kind)
        return found if key is None else found.filter(trigger_key=key)
