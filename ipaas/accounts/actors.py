"""Who acts: actors made from people and from API keys, with the permissions they have at this moment."""

from collections.abc import Sequence
from uuid import UUID

from ipaas.accounts.models import ApiKey, Membership, User, Workspace
from ipaas.accounts.roles import FLOW_ROLES, permissions_of
from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound

ANONYMOUS = Actor(kind="anonymous", id="", label="anonymous")


def actor_for(user: User, workspace: Workspace, ip: str | None = None) -> Actor:
    """A person in a workspace; who is no active member gets ``NotFound``, as for a workspace that does not exist."""
    return actor_in(user, workspace.slug, ip)[0]


def actor_in(user: User, slug: str, ip: str | None = None) -> tuple[Actor, Workspace]:
    """A person in the workspace with this slug; ``NotFound`` alike for a foreign and a missing one. One query."""
    found = Membership.objects.with_flow_roles().select_related("workspace").filter(user=user, workspace__slug=slug)
    membership = found.first() if user.is_active else None
    if membership is None:
        raise NotFound(what="workspace")
    actor = Actor(
        kind="user",
        id=str(user.pk),
        label=user.email,
        workspace_id=membership.workspace_id,
        permissions=permissions_of(membership.roles),
        ip=ip,
        on_flows=flow_permissions(membership.on_flows),  # type: ignore[attr-defined]  # annotated
    )
    return actor, membership.workspace


def flow_permissions(on_flows: Sequence[str]) -> dict[UUID, frozenset[str]]:
    """What ``with_flow_roles`` found, as permissions by flow; an unknown role permits nothing."""
    pairs = (one.split(":") for one in on_flows)
    return {UUID(flow_id): FLOW_ROLES.get(role, frozenset()) for flow_id, role in pairs}


def roles_of(actor: Actor) -> frozenset[str]:
    """The roles that an actor has in its workspace now: a key has those of its owner."""
    owner = actor.id if actor.kind == "user" else None
    if actor.kind in ("api_key", "service"):
        key = ApiKey.objects.select_related("service_account").filter(id=actor.id).first()
        if key is not None and key.service_account is not None:
            return frozenset(key.service_account.roles)
        owner = None if key is None or key.owner_id is None else str(key.owner_id)
    if owner is None or actor.workspace_id is None:
        return frozenset()
    found = Membership.objects.filter(user_id=owner, workspace_id=actor.workspace_id, user__is_active=True).first()
    return frozenset(found.roles) if found is not None else frozenset()
