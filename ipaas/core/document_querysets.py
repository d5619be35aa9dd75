"""Reading documents and versions; every look-up names its workspace."""

from typing import Any, Self
from uuid import UUID

from django.db import models

from ipaas.core.errors import NotFound


class DocumentQuerySet(models.QuerySet[Any]):
    def in_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(workspace_id=workspace_id)

    def live(self) -> Self:
        return self.filter(archived=False)

    def titled(self, text: str) -> Self:
        """By a part of slug or title; everything for an empty text."""
        return self.filter(models.Q(slug__icontains=text) | models.Q(title__icontains=text)) if text else self

    def named(self, workspace_id: UUID, slug: str) -> Any:
        """The document of a slug; raises ``NotFound``, for a foreign one too."""
        found = self.in_workspace(workspace_id).filter(slug=slug).first()
        if found is None:
            raise NotFound(what=self.model.__name__.lower())
        return found


class VersionQuerySet(models.QuerySet[Any]):
    def in_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(document__workspace_id=workspace_id)

    def of(self, workspace_id: UUID, slug: str, number: int | None = None) -> Any | None:
        """A version by slug and number, the newest that is not retired without a number; None when there is none."""
        found = self.in_workspace(workspace_id).filter(document__slug=slug).select_related("document")
        found = found.exclude(state="retired") if number is None else found.filter(number=number)
        return found.order_by("-number").first()

    def pinnable(self, workspace_id: UUID, slug: str, number: int | None = None) -> bool:
        """Whether a new reference to it may be published: there is such a version, and it is not retired."""
        found = self.of(workspace_id, slug, number)
        return found is not None and found.state != "retired"
