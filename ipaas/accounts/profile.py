"""Deeds of a person on the own account: name and sessions."""

from allauth.usersessions.models import UserSession
from django.db import transaction

from ipaas.accounts.models import User
from ipaas.accounts.signin import record_own_deed
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import said


def sessions_of(user: User) -> list[UserSession]:
    """The live sessions of a person, the newest first; what has ended is forgotten."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda one: one.created_at, reverse=True)


@transaction.atomic
def rename(*, user: User, name: str, ip: str) -> User:
    """Change the own name, as others see it."""
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise InvalidInput(
            [{"path": "name", "code": "name.invalid", "message": said("a name has 1 to 120 characters")}]
        )
    if name != user.name:
        record_own_deed("user.renamed", user, ip, {"before": user.name, "after": name})
        user.name = name
        user.save(update_fields=["name"])
    return user


@transaction.atomic
def end_session(*, user: User, session_id: int, ip: str) -> None:
    """End one of the own sessions at once; ``NotFound`` for those of others."""
    session = UserSession.objects.filter(user_id=user.pk, pk=session_id).first()
    if session is None:
        raise NotFound(what="session")
    session.end()
    record_own_deed("user.sessions_ended", user, ip, {"sessions": 1})


@transaction.atomic
def end_other_sessions(*, user: User, keep: str, ip: str) -> int:
    """End all own sessions but the one with the key ``keep``; how many there were."""
    others = [one for one in sessions_of(user) if one.session_key != keep]
    for session in others:
        session.end()
    if others:
        record_own_deed("user.sessions_ended", user, ip, {"sessions": len(others)})
    return len(others)
