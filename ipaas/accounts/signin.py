"""Sign-in on record: in the chain of every workspace of the person, or in the platform's when there is none."""

from typing import Any
from uuid import UUID

from ipaas.accounts.actors import ANONYMOUS
from ipaas.accounts.models import Membership, User
from ipaas.audit.recording import entry_row, record_rows
from ipaas.core.actor import Actor


def record_failed_signin(email: str, ip: str) -> None:
    """A refused attempt. Known and unknown addresses cost the same statements, so that time tells nothing."""
    email = email.strip().lower()
    actor = Actor(kind=ANONYMOUS.kind, id="", label=email, ip=ip)
    _record("signin.failed", actor, workspaces_of(email), ("user", "", email), outcome="refused")


def record_signin(user: User, ip: str) -> None:
    _record("signin.ok", _person(user, ip), workspaces_of(user.email), ("user", user.pk, user.email))


def record_signout(user: User, ip: str) -> None:
    _record("signout", _person(user, ip), workspaces_of(user.email), ("user", user.pk, user.email))


def record_own_deed(action: str, user: User, ip: str, details: dict[str, Any] | None = None) -> None:
    """What a person does to the own account."""
    subject = ("user", user.pk, user.email)
    _record(action, _person(user, ip), workspaces_of(user.email), subject, details=details)


def _person(user: User, ip: str) -> Actor:
    return Actor(kind="user", id=str(user.pk), label=user.email, ip=ip)


def workspaces_of(email: str) -> list[UUID | None]:
    """Where a deed of the person on the own account is recorded: every workspace of theirs, else the platform."""
    found = Membership.objects.filter(user__email=email).values_list("workspace_id", flat=True)
    return [*found] or [None]


def _record(
    action: str,
    actor: Actor,
    workspaces: list[UUID | None],
    subject: tuple[str, object, str],
    outcome: str = "ok",
    details: dict[str, Any] | None = None,
) -> None:
    record_rows(
        entry_row(action, actor=actor, workspace_id=workspace, subject=subject, outcome=outcome, details=details)
        for workspace in workspaces
    )
