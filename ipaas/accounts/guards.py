"""What deeds on people ask before they change anything."""

from typing import NoReturn

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ipaas.accounts.errors import SharedUser
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.accounts.roles import check_roles, permissions_of
from ipaas.core.actor import Actor
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.core.phrases import said


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


def checked_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        refuse("email", "email.invalid", said("this is not an e-mail address"))
    return email


def create_user(*, email: str, name: str, password: str | None) -> User:
    if not name.strip():
        refuse("name", "name.missing", said("a person needs a name"))
    if password is not None:
        check_password(password, User(email=email, name=name))
    return User.objects.create_user(email=email, name=name.strip()[:120], password=password)


def check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            [{"path": "password", "code": "password.weak", "message": message} for message in error.messages]
        ) from None


def refuse(path: str, code: str, message: str) -> NoReturn:
    raise InvalidInput([{"path": path, "code": code, "message": message}])
