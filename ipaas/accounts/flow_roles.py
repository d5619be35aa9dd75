"""Owners and stewards of single flows."""

from typing import Protocol
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import FlowRole, Membership
from ipaas.accounts.roles import FLOW_ROLES
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import said


class OneFlow(Protocol):
    """A flow, which lives in a higher package."""

    slug: str

    @property
    def workspace_id(self) -> UUID: ...

    @property
    def flow_id(self) -> UUID: ...


@transaction.atomic
def assign_flow_role(*, flow: OneFlow, email: str, role: str, actor: Actor) -> FlowRole:
    """Make a member the owner or a steward of a flow; a person is one of them to a flow.

    Needs ``flows.assign`` in the workspace or on the flow. Whoever may do no more than that to the flow makes
    nobody more than that.
    """
    require_permission(actor, "flows.assign", flow)
    if role not in FLOW_ROLES:
        message = said("there is no role {role!r} of a flow; there is {roles}", role=role, roles=", ".join(FLOW_ROLES))
        raise InvalidInput([{"path": "role", "code": "flow_role.unknown", "message": message}])
    for permission in sorted(FLOW_ROLES[role]):
        require_permission(actor, permission, flow)
    members = Membership.objects.in_workspace(flow.workspace_id).select_for_update(of=("self",))
    member = members.filter(user__email=email.strip().lower()).first()
    if member is None:
        message = said("this is not a member of the workspace; invite the person first")
        raise InvalidInput([{"path": "email", "code": "member.unknown", "message": message}])
    before = FlowRole.objects.filter(membership=member, flow_id=flow.flow_id).first()
    if before is not None and before.role == role:
        return before
    made, _ = FlowRole.objects.update_or_create(membership=member, flow_id=flow.flow_id, defaults={"role": role})
    _record("flow.role_given", flow, actor, {"person": member.user.email, "role": role})
    return made


@transaction.atomic
def withdraw_flow_role(*, flow: OneFlow, email: str, actor: Actor) -> None:
    """Take from a member what they are to a flow; ``NotFound`` when that is nothing."""
    require_permission(actor, "flows.assign", flow)
    rows = FlowRole.objects.of_flow(flow.workspace_id, flow.flow_id).select_for_update(of=("self",))
    found = rows.filter(membership__user__email=email.strip().lower()).first()
    if found is None:
        raise NotFound(what="owner or steward")
    _record("flow.role_taken", flow, actor, {"person": found.membership.user.email, "role": found.role})
    found.delete()


def _record(action: str, flow: OneFlow, actor: Actor, details: dict[str, str]) -> None:
    subject = ("flow", str(flow.flow_id), flow.slug)
    audit.record(action, actor=actor, workspace_id=flow.workspace_id, subject=subject, details=details)
