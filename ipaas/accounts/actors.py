"""Who acts: actors made from people and from API keys, with the permissions they have at this moment."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ipaas.accounts.models import ApiKey, Environment, Membership, User, Workspace
from ipaas.accounts.roles import FLOW_ROLES, permissions_of
from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound

ANONYMOUS = Actor(kind="anonymous", id="", label="anonymous")


def actor_for(user: User, workspace: Workspace, ip: str | None = None) -> Actor:
    """A person in a workspace; who is no active member gets ``NotFound``, as for a workspace that does not exist."""
    return actor_in(user, workspace.slug, ip)[0]


def actor_in(user: User, slug: str, ip: str | None = None) -> tuple[Actor, Workspace]:
    """A person in the workspace with this slug; ``NotFound`` alike for a foreign and a missing one.

    One query; the environments of the workspace come with it.
    """
    found = Membership.objects.with_flow_roles().with_environments().filter(user=user, workspace__slug=slug)
    membership = found.first() if user.is_active else None
    if membership is None:
        raise NotFound(what="workspace")
    _keep_environments(membership.workspace, membership.environments)  # type: ignore[attr-defined]  # annotated
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


def _keep_environments(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    """As ``prefetch_related`` would: ``workspace.environments.all()`` queries no more."""
    names = [field.attname for field in Environment._meta.concrete_fields]  # noqa: SLF001 - the documented name
    found = [Environment.from_db("default", names, [_read(name, row[name]) for name in names]) for row in rows]
    for environment in found:
        environment.workspace = workspace
    kept = workspace.environments.all()
    kept._result_cache = found  # noqa: SLF001 - no public way leads there
    workspace._prefetched_objects_cache = {"environments": kept}  # type: ignore[attr-defined]  # noqa: SLF001


def _read(name: str, value: Any) -> Any:
    return UUID(value) if name == "id" or name.endswith("_id") else value


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


def identity_of(kind: str, actor_id: str) -> str:
    """Who stands behind an actor: a key acts for its owner, so that one person is one, whatever it comes in by."""
    if kind not in ("api_key", "service"):
        return f"{kind}:{actor_id}"
    key = ApiKey.objects.filter(id=actor_id).first()
    if key is not None and key.service_account_id is not None:
        return f"service:{key.service_account_id}"
    return f"user:{key.owner_id}" if key is not None and key.owner_id is not None else f"key:{actor_id}"
