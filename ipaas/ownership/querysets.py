"""Reading domains, terms and conventions, always of one workspace."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models

from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet
from ipaas.core.errors import NotFound

if TYPE_CHECKING:
    from ipaas.ownership.models import Domain


class DomainQuerySet(models.QuerySet["Domain"]):
    def in_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(workspace_id=workspace_id)

    def with_people(self) -> Self:
        """With owner and stewards, in two queries for all of them."""
        return self.select_related("owner__user").prefetch_related("stewards__user")

    def named(self, workspace_id: UUID, slug: str) -> "Domain":
        """The domain of a slug with its people; raises ``NotFound``, for a foreign one too."""
        found = self.in_workspace(workspace_id).with_people().filter(slug=slug).first()
        if found is None:
            raise NotFound(what="domain")
        return found


class TermQuerySet(DocumentQuerySet):
    """Terms of a workspace."""

    def called(self, text: str) -> Self:
        """By a part of the title, the slug, a synonym, or the definition; everything for an empty text."""
        if not text:
            return self
        parts = (f"draft__{key}__icontains" for key in ("synonyms", "definition", "avoid"))
        found = models.Q(slug__icontains=text) | models.Q(title__icontains=text)
        for part in parts:
            found |= models.Q(**{part: text})
        return self.filter(found)


class TermVersionQuerySet(VersionQuerySet):
    """Published versions of terms."""


class ConventionQuerySet(DocumentQuerySet):
    """Conventions of a workspace."""


class ConventionVersionQuerySet(VersionQuerySet):
    """Published versions of conventions."""
