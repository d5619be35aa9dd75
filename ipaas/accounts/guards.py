"""What deeds on people ask before they change anything."""

from ipaas.accounts.errors import SharedUser
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.accounts.roles import check_roles, permissions_of
from ipaas.core.actor import Actor
from ipaas.core.errors import PermissionDenied


def own_member(user: User, workspace: Workspace) -> Membership:
    """The membership of a person who belongs to this workspace and to no other; else ``SharedUser``."""
    membership = Membership.objects.select_related("user").filter(user=user, workspace=workspace).first()
    if membership is None or user.memberships.exclude(workspace=workspace).exists():
        raise SharedUser(email=user.email)
    return membership


def grantable(roles: list[str], actor: Actor) -> list[str]:
    """Known roles that permit nothing beyond what the actor (perhaps a key with few scopes) may do."""
    roles = check_roles(roles)
    beyond = permissions_of(roles) - actor.permissions
    if beyond and not actor.is_system:
        raise PermissionDenied(permission=min(beyond))
    return roles
