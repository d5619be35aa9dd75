"""People of the tests: Alice and Bob work in one workspace, Charlie in another."""

from ipaas.accounts.actors import actor_for
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.core.actor import Actor

PASSWORD = "correct horse battery staple"


def make_user(email: str, password: str | None = None) -> User:
    return User.objects.create_user(email, password, name=email.split("@")[0].title())


def make_member(workspace: Workspace, email: str, *roles: str, password: str | None = None) -> Membership:
    user = User.objects.filter(email=email).first() or make_user(email, password)
    return Membership.objects.create(user=user, workspace=workspace, roles=list(roles))


def make_actor(workspace: Workspace, email: str, *roles: str) -> Actor:
    return actor_for(make_member(workspace, email, *roles).user, workspace)
