"""What there is to read of webhooks, always within a workspace."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from ipaas.notices.models import Webhook, WebhookDelivery  # noqa: F401 - named in strings below


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks of workspaces."""

    def in_workspace(self, workspace_id: UUID) -> "WebhookQuerySet":
        return self.filter(workspace_id=workspace_id)

    def for_event(self, workspace_id: UUID, event: str, environment_id: UUID | None) -> "WebhookQuerySet":
        """Those that are told of an event; what belongs to no environment goes to all."""
        found = self.in_workspace(workspace_id).filter(events__contains=[event])
        if environment_id is None:
            return found
        return found.filter(models.Q(environment=None) | models.Q(environment_id=environment_id))


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Deliveries of webhooks."""

    def waiting(self) -> "DeliveryQuerySet":
        return self.filter(state="waiting")

    def failed(self) -> "DeliveryQuerySet":
        return self.filter(state="failed")
