"""Owners and stewards of a flow, on its page."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.models import FlowRole, Membership
from ipaas.accounts.pages import WorkspaceRequest
from ipaas.accounts.roles import FLOW_DESCRIPTIONS
from ipaas.flows.models import Flow
from ipaas.web.readmodels import Option

MOST_OFFERED = 500
_NAMES = {"owner": gettext_noop("owner"), "steward": gettext_noop("steward")}


def people_of(request: WorkspaceRequest, flow: Flow) -> dict[str, Any]:
    """What the flow's page shows and offers."""
    people = list(FlowRole.objects.of_flow(flow.workspace_id, flow.id))
    shown = [
        {"email": one.membership.user.email, "name": one.membership.user.name, "role": _(_NAMES[one.role])}
        for one in people
    ]
    if not request.actor.may("flows.assign", flow.id):
        return {"people": shown}
    place = [request.workspace.slug, flow.slug]
    members = Membership.objects.in_workspace(request.workspace.id)[:MOST_OFFERED]
    return {
        "people": shown,
        "people_members": [Option(one.user.email, f"{one.user.name} ({one.user.email})") for one in members],
        "people_roles": [Option(role, f"{_(_NAMES[role])}: {_(text)}") for role, text in FLOW_DESCRIPTIONS.items()],
        "assign_url": reverse("flows:flow_assign", args=place),
        "withdraw_url": reverse("flows:flow_withdraw", args=place),
    }
