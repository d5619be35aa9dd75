"""Invitations: one link, once, in time, for whoever has the address."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.test import override_settings
from django.utils import translation

from ipaas.accounts.errors import InvitationEnded
from ipaas.accounts.invitations import NewInvitation, accept_invitation, invitation_of, mail_invitation
from ipaas.accounts.models import Invitation, Membership, User, Workspace
from ipaas.accounts.services import invite_member, renew_invitation, revoke_invitation
from ipaas.audit.models import AuditEntry
from ipaas.config import settings
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tests.factories.people import PASSWORD, make_user

IP = "192.0.2.1"


@pytest.fixture
def invited(workspace: Workspace, alice: Actor) -> NewInvitation:
    return invite_member(workspace=workspace, email="Dora@example.org", roles=["operator"], actor=alice)


def join(token: str, user: User | None = None) -> Membership:
    return accept_invitation(token=token, user=user, ip=IP, name="Dora", password=PASSWORD)


def test_somebody_new_joins_once(invited: NewInvitation, workspace: Workspace) -> None:
    member = join(invited.token)
    assert (member.user.email, member.roles, member.user.check_password(PASSWORD)) == (
        "dora@example.org", ["operator"], True,
    )  # fmt: skip
    with pytest.raises(InvitationEnded):
        join(invited.token)
    entries = AuditEntry.objects.of_workspace(workspace.id).filter(action__startswith="invitation").order_by("id")
    assert [(one.action, one.actor_label) for one in entries] == [
        ("invitation.created", "alice@example.org"), ("invitation.accepted", "dora@example.org"),
    ]  # fmt: skip


def test_only_a_digest_is_stored(invited: NewInvitation) -> None:
    row = Invitation.objects.values().get()
    assert invited.token not in str(row)
    assert invited.token not in repr(invited)


def test_the_link_ends(invited: NewInvitation, alice: Actor) -> None:
    newer = renew_invitation(invitation=invited.invitation, actor=alice)
    with pytest.raises(InvitationEnded):
        invitation_of(invited.token)
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    with pytest.raises(InvitationEnded):
        join(newer.token)
    newest = renew_invitation(invitation=invited.invitation, actor=alice)
    revoke_invitation(invitation=invited.invitation, actor=alice)
    with pytest.raises(InvitationEnded):
        join(newest.token)
    with pytest.raises(Conflict):
        renew_invitation(invitation=invited.invitation, actor=alice)
    assert not User.objects.filter(email="dora@example.org").exists()


@pytest.mark.parametrize("token", ["", "x", "\x00", "é" * 50, "a" * 10_000])
def test_a_made_up_link_is_answered_alike(token: str, invited: NewInvitation) -> None:
    with pytest.raises(InvitationEnded):
        join(token)


def test_whom_the_link_is_not_for(invited: NewInvitation, charlie: Actor) -> None:
    with pytest.raises(Conflict, match="signed in as"):
        join(invited.token, User.objects.get(id=charlie.id))
    dora = make_user("dora@example.org", PASSWORD)
    with pytest.raises(Conflict, match="sign in to accept"):
        join(invited.token)
    assert join(invited.token, dora).user == dora


def test_a_weak_password_leaves_the_invitation_open(invited: NewInvitation) -> None:
    with pytest.raises(InvalidInput):
        accept_invitation(token=invited.token, user=None, ip=IP, name="Dora", password="short")
    assert invitation_of(invited.token).state == "invited"


def test_who_may_not_invite(workspace: Workspace, alice: Actor, bob: Actor, charlie: Actor) -> None:
    for actor, error in ((bob, PermissionDenied), (charlie, NotFound)):
        with pytest.raises(error):
            invite_member(workspace=workspace, email="x@example.org", roles=["auditor"], actor=actor)
    for email, roles in (("x", ["auditor"]), ("x@example.org", []), ("x@example.org", ["emperor"])):
        with pytest.raises(InvalidInput):
            invite_member(workspace=workspace, email=email, roles=roles, actor=alice)
    with pytest.raises(Conflict, match="a member already"):
        invite_member(workspace=workspace, email=bob.label, roles=["auditor"], actor=alice)


def test_an_address_is_invited_once(invited: NewInvitation, workspace: Workspace, alice: Actor) -> None:
    with pytest.raises(Conflict, match="invited already"):
        invite_member(workspace=workspace, email="dora@example.org", roles=["auditor"], actor=alice)


def test_the_mail_holds_the_link(invited: NewInvitation) -> None:
    problem = mail_invitation(invited, "https://ipaas.example/accounts/invitation/abc/")
    assert "No mail server" in problem
    (sent,) = mail.outbox
    assert sent.to == ["dora@example.org"]
    assert "https://ipaas.example/accounts/invitation/abc/" in sent.body
    assert "\n" not in sent.subject


def test_the_mail_speaks_the_language_of_whom_it_goes_to(invited: NewInvitation) -> None:
    make_user("dora@example.org")
    User.objects.filter(email="dora@example.org").update(language="de")
    with translation.override("en"):
        mail_invitation(invited, "https://ipaas.example/join")
    assert mail.outbox[0].subject == "Einladung zu Acme"
    assert "innerhalb von 7 Tagen" in mail.outbox[0].body


def test_without_a_mail_server_mails_become_files(
    invited: NewInvitation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path))
    settings.cache_clear()
    with override_settings(EMAIL_BACKEND="ipaas.accounts.mail.FileBackend"):
        mail_invitation(invited, "https://ipaas.example/link/")
    monkeypatch.undo()
    settings.cache_clear()
    (file,) = (tmp_path / "mail").iterdir()
    assert "https://ipaas.example/link/" in file.read_text()
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0
