"""Reading accounts: always of one workspace, or of one person."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models.functions import Cast, Concat, JSONObject

if TYPE_CHECKING:
    from ipaas.accounts.models import (  # noqa: F401 - named in strings below
        ApiKey,
        FlowRole,
        Invitation,
        Membership,
        User,
        Workspace,
    )


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def of_user(self, user: "User") -> "WorkspaceQuerySet":
        """Workspaces a person belongs to, for the switcher."""
        return self.filter(memberships__user=user).order_by("name")


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_workspace(self, workspace_id: UUID) -> "MembershipQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("user").order_by("user__email")

    def with_role(self, role: str) -> "MembershipQuerySet":
        return self.filter(roles__contains=[role], user__is_active=True)

    def with_flow_roles(self) -> "MembershipQuerySet":
        """Each with ``on_flows``: ``["flow id:role"]``, in the same query."""
        from ipaas.accounts.models import FlowRole

        of_member = FlowRole.objects.filter(membership_id=models.OuterRef("id"))
        pair = Concat(Cast("flow_id", models.TextField()), models.Value(":"), "role", output_field=models.TextField())
        return self.annotate(on_flows=ArraySubquery(of_member.values_list(pair)))

    def with_environments(self) -> "MembershipQuerySet":
        """Each with its workspace, and ``environments``: those of the workspace as objects, in the same query."""
        from ipaas.accounts.models import Environment

        names = [field.attname for field in Environment._meta.concrete_fields]  # noqa: SLF001 - the documented name
        of_workspace = Environment.objects.filter(workspace_id=models.OuterRef("workspace_id"))
        rows = of_workspace.order_by("position", "slug").values_list(JSONObject(**{name: name for name in names}))
        return self.select_related("workspace").annotate(environments=ArraySubquery(rows))


class FlowRoleQuerySet(models.QuerySet["FlowRole"]):
    def of_flow(self, workspace_id: UUID, flow_id: UUID) -> "FlowRoleQuerySet":
        """Who is what to a flow, owners first."""
        rows = self.filter(membership__workspace_id=workspace_id, flow_id=flow_id)
        return rows.select_related("membership__user", "membership__workspace").order_by(
            "role", "membership__user__email"
        )


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def in_workspace(self, workspace_id: UUID) -> "InvitationQuerySet":
        return self.filter(workspace_id=workspace_id)

    def open(self) -> "InvitationQuerySet":
        """Neither accepted nor revoked; perhaps expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def in_workspace(self, workspace_id: UUID) -> "ApiKeyQuerySet":
        return self.filter(workspace_id=workspace_id).select_related("owner", "service_account")
