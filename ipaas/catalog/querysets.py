"""Reading connections: always of one workspace."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from ipaas.catalog.models import Connection, ImportedConnector, ShareLink  # noqa: F401 - named in strings below


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def in_workspace(self, workspace_id: UUID) -> "ConnectionQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("environment")

    def in_environment(self, environment_id: UUID) -> "ConnectionQuerySet":
        return self.filter(environment_id=environment_id)

    def using_secret(self, slug: str) -> "ConnectionQuerySet":
        return self.filter(secret=slug)

    def search(self, text: str) -> "ConnectionQuerySet":
        """By a part of slug, title or connector."""
        match = models.Q(slug__icontains=text) | models.Q(title__icontains=text) | models.Q(connector__icontains=text)
        return self.filter(match) if text else self


class ImportedConnectorQuerySet(models.QuerySet["ImportedConnector"]):
    def in_workspace(self, workspace_id: UUID) -> "ImportedConnectorQuerySet":
        return self.filter(workspace_id=workspace_id)

    def light(self) -> "ImportedConnectorQuerySet":
        """Without what is large: manifest, groups, findings."""
        return self.defer("packed", "groups", "findings")

    def usable(self) -> "ImportedConnectorQuerySet":
        """Without versions that are retired."""
        return self.exclude(released__state="retired")

    def newest(self) -> "ImportedConnectorQuerySet":
        """The latest version of each that is not retired."""
        return self.usable().order_by("slug", "-number").distinct("slug")


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def in_workspace(self, workspace_id: UUID) -> "ShareLinkQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("connection__environment")
