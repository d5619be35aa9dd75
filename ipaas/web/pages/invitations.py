"""Inviting people into a workspace: by mail, or by a link that is shown once to whoever invites."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ipaas.accounts import services
from ipaas.accounts.invitation_views import invitation_link
from ipaas.accounts.invitations import NewInvitation, mail_invitation
from ipaas.accounts.models import Invitation
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.errors import NotFound
from ipaas.web.pages.invitation_forms import InvitationForm
from ipaas.web.pages.members import member_page
from ipaas.web.pages.settings_frame import show_once
from ipaas.web.pages.support import form_errors, told


@require_POST
@page("users.manage")
def invitation_new(request: WorkspaceRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if form.is_valid():
        with form_errors(form):
            new = services.invite_member(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            return _sent(request, new)
    return member_page(request, form)


@require_POST
@page("users.manage")
def invitation_renew(request: WorkspaceRequest, invitation_id: UUID) -> HttpResponse:
    """Send it again, with a new link."""
    invitation = _invitation(request, invitation_id)
    with told(request, ""):
        return _sent(request, services.renew_invitation(invitation=invitation, actor=request.actor))
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def invitation_revoke(request: WorkspaceRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    with told(request, _("The invitation of %(email)s is revoked.") % {"email": invitation.email}):
        services.revoke_invitation(invitation=invitation, actor=request.actor)
    return redirect("accounts:settings", request.workspace.slug)


def _invitation(request: WorkspaceRequest, invitation_id: UUID) -> Invitation:
    found = Invitation.objects.in_workspace(request.workspace.id).filter(id=invitation_id).first()
    if found is None:
        raise NotFound(what="invitation")
    return found


def _sent(request: WorkspaceRequest, new: NewInvitation) -> HttpResponse:
    """Back to the members when the mail is on its way; else the link, once."""
    email, link = new.invitation.email, invitation_link(request, new.token)
    problem = mail_invitation(new, link)
    if not problem:
        messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": email})
        return redirect("accounts:settings", request.workspace.slug)
    return show_once(
        request,
        title=_("Invitation of %(email)s") % {"email": email},
        label=_("Link"),
        value=link,
        notes=(
            _("No mail was sent: %(problem)s") % {"problem": problem},
            _("Hand the link to %(email)s over a channel you trust; it works once, within seven days.")
            % {"email": email},
        ),
        back=("settings", _("Members")),
    )
