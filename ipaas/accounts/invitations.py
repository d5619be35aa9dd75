"""Asking people to join a workspace: a link that works once, for some days, for whoever has the address's mail."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from ipaas import audit
from ipaas.accounts.errors import InvitationEnded
from ipaas.accounts.guards import checked_email, create_user, grantable
from ipaas.accounts.mail import MailFailed, language_of_address, mail_server
from ipaas.accounts.models import Invitation, Membership, User, Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.core.state_names import state_name

VALID_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation with the token of its link, which can not be had again."""

    invitation: Invitation
    token: str

    def __repr__(self) -> str:
        return f"NewInvitation({self.invitation.email})"


@transaction.atomic
def invite_member(*, workspace: Workspace, email: str, roles: list[str], actor: Actor) -> NewInvitation:
    """Ask an address to join with these roles, none of which permits more than the actor may.

    Raises ``Conflict`` for somebody who is a member already or has an open invitation.
    """
    require_permission(actor, "users.manage", workspace)
    roles, email = grantable(roles, actor), checked_email(email)
    if Membership.objects.filter(workspace=workspace, user__email=email).exists():
        raise Conflict(what=said("{email} is a member already.", email=email))
    if Invitation.objects.in_workspace(workspace.id).open().filter(email=email).exists():
        raise Conflict(
            what=said("{email} is invited already; send that invitation again, or revoke it first.", email=email)
        )
    token = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        workspace=workspace, email=email, roles=roles, digest=_digest(token), invited_by=actor.label,
        expires_at=now() + VALID_FOR,
    )  # fmt: skip
    _record("invitation.created", made, actor)
    return NewInvitation(made, token)


@transaction.atomic
def renew_invitation(*, invitation: Invitation, actor: Actor) -> NewInvitation:
    """A new link with its full time in place of the old one, which ends."""
    require_permission(actor, "users.manage", invitation)
    locked = _open(invitation)
    grantable(locked.roles, actor)
    token = secrets.token_urlsafe(32)
    locked.digest, locked.expires_at, locked.mailed_at = _digest(token), now() + VALID_FOR, None
    locked.save(update_fields=["digest", "expires_at", "mailed_at"])
    _record("invitation.renewed", locked, actor)
    return NewInvitation(locked, token)


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, actor: Actor) -> Invitation:
    """End an invitation's link at once."""
    require_permission(actor, "users.manage", invitation)
    locked = _open(invitation)
    locked.revoked_at = now()
    locked.save(update_fields=["revoked_at"])
    _record("invitation.revoked", locked, actor)
    return locked


def mail_invitation(new: NewInvitation, link: str) -> str:
    """Hand the link to the mail server, after the deed; what went wrong, or "" when it is on its way.

    Without a mail server the mail becomes a file, and that is said too: whoever invited hands the link over.
    """
    invitation = new.invitation
    words = {"invitation": invitation, "link": link, "days": VALID_FOR.days}
    with translation.override(language_of_address(invitation.email)):
        subject = " ".join(render_to_string("account/invitation_subject.txt", words).split())
        text = render_to_string("account/invitation.txt", words)
    try:
        send_mail(subject, text, None, [invitation.email])
    except (MailFailed, OSError) as error:
        return getattr(error, "detail", "") or _("The mail could not be written.")
    if mail_server() is None:
        return _("No mail server is set up (IPAAS_MAIL_URL).")
    Invitation.objects.filter(id=invitation.id).update(mailed_at=now())
    return ""


def invitation_of(token: str) -> Invitation:
    """The live invitation of a link; ``InvitationEnded`` for every other token alike."""
    found = Invitation.objects.select_related("workspace").filter(digest=_digest(token)).first()
    if found is None or found.state != "invited":
        raise InvitationEnded
    return found


@transaction.atomic
def accept_invitation(*, token: str, user: User | None, ip: str, name: str = "", password: str = "") -> Membership:
    """Make the invited person a member: the signed-in ``user`` of that address, or a new account.

    Raises ``InvitationEnded``; ``Conflict`` for somebody else, and for an address whose owner has to sign in first.
    """
    found = invitation_of(token)
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("workspace").get(id=found.id)
    if invitation.state != "invited":
        raise InvitationEnded
    if user is not None and user.email != invitation.email:
        raise Conflict(
            what=said(
                "This invitation is for {email}; you are signed in as {other}.",
                email=invitation.email,
                other=user.email,
            )
        )
    if user is None:
        if User.objects.filter(email=invitation.email).exists():
            raise Conflict(what=said("{email} has an account already; sign in to accept.", email=invitation.email))
        user = create_user(email=invitation.email, name=name, password=password)
    invitation.accepted_at = now()
    invitation.save(update_fields=["accepted_at"])
    membership, created = Membership.objects.get_or_create(
        user=user, workspace=invitation.workspace, defaults={"roles": invitation.roles}
    )
    if not created:
        raise Conflict(what=said("{email} is a member already.", email=user.email))
    _record("invitation.accepted", invitation, Actor(kind="user", id=str(user.pk), label=user.email, ip=ip or None))
    return membership


def _open(invitation: Invitation) -> Invitation:
    locked = locked_row(Invitation.objects.select_related("workspace"), invitation, "invitation")
    if locked.state not in ("invited", "expired"):
        raise Conflict(
            what=said(
                "The invitation of {email} is {state} already.", email=locked.email, state=state_name(locked.state)
            )
        )
    return locked


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _record(action: str, invitation: Invitation, actor: Actor) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=invitation.workspace_id,
        subject=("invitation", invitation.id, invitation.email),
        details={"roles": invitation.roles, "expires_at": invitation.expires_at},
    )
