"""Reading the vault: metadata only; values leave through ``vault.opening`` and ``vault.inbound`` alone."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from ipaas.vault.models import DataKey, Secret, SecretVersion  # noqa: F401 - named in strings below


class SecretQuerySet(models.QuerySet["Secret"]):
    def in_workspace(self, workspace_id: UUID) -> "SecretQuerySet":
        return self.filter(workspace_id=workspace_id)

    def expiring(self, moment: datetime, within: timedelta) -> "SecretQuerySet":
        """Secrets that expire before ``moment + within``, those already expired included."""
        return self.filter(expires_at__lt=moment + within).order_by("expires_at")

    def usable(self) -> "SecretQuerySet":
        """Those that calls may use: not the logins of backends."""
        return self.exclude(kind="login")

    def rotation_due(self, moment: datetime) -> "SecretQuerySet":
        """Secrets that are to be rotated by a moment, the most overdue first."""
        return self.filter(rotation_due_at__lte=moment).order_by("rotation_due_at", "id")


class SecretVersionQuerySet(models.QuerySet["SecretVersion"]):
    def accepted(self, moment: datetime) -> "SecretVersionQuerySet":
        """The live version and, during an overlap, its predecessor; newest first, at most two."""
        live = models.Q(state="live")
        overlapping = models.Q(state="retired", accept_until__gt=moment)
        return self.held().filter(live | overlapping).order_by("-number")[:2]

    def held(self) -> "SecretVersionQuerySet":
        """Those that still have a value."""
        return self.exclude(wrapped_key=b"", store_ref="")


class DataKeyQuerySet(models.QuerySet["DataKey"]):
    def of(self, workspace_id: UUID | None, purpose: str) -> "DataKeyQuerySet":
        return self.filter(workspace_id=workspace_id, purpose=purpose).order_by("number")
