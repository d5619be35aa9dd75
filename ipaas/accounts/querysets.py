"""Reading accounts: always of one workspace, or of one person."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

if TYPE_CHECKING:
    from ipaas.accounts.models import ApiKey, Membership, User, Workspace  # noqa: F401 - named in strings below


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def of_user(self, user: "User") -> "WorkspaceQuerySet":
        """Workspaces a person belongs to, for the switcher."""
        return self.filter(memberships__user=user).order_by("name")


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_workspace(self, workspace_id: UUID) -> "MembershipQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("user").order_by("user__email")

    def with_role(self, role: str) -> "MembershipQuerySet":
        return self.filter(roles__contains=[role], user__is_active=True)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def in_workspace(self, workspace_id: UUID) -> "ApiKeyQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("owner", "service_account")
