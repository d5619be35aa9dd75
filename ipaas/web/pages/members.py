"""Members of a workspace and their roles; links with which people choose a password."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts import services
from ipaas.accounts.addresses import absolute
from ipaas.accounts.models import Invitation, Membership
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.roles import DESCRIPTIONS, ROLES
from ipaas.accounts.second_factor import with_second_factor
from ipaas.core.errors import NotFound
from ipaas.web.pages.invitation_forms import InvitationForm
from ipaas.web.pages.settings_frame import show, show_once, url_of
from ipaas.web.pages.support import told


@require_GET
@page("settings.view")
def member_list(request: WorkspaceRequest) -> HttpResponse:
    return member_page(request)


@require_POST
@page("users.manage")
def member_roles(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    done = _("The roles of {email} are changed; they hold from the next request on.").format(email=member.user.email)
    with told(request, done):
        services.change_roles(membership=member, roles=request.POST.getlist("roles")[:20], actor=request.actor)
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def member_remove(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    with told(request, _("{email} is no longer a member.").format(email=member.user.email)):
        services.remove_member(membership=member, actor=request.actor)
        if member.user_id == request.user.pk:
            return redirect("/")
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def member_switch(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    """Deactivate or reactivate the account: ``active`` is yes or no."""
    member = _member(request, member_id)
    active = request.POST.get("active") == "yes"
    done = _("The account of {email} is switched on.") if active else _("The account of {email} is switched off.")
    with told(request, done.format(email=member.user.email)):
        change = services.reactivate_user if active else services.deactivate_user
        change(user=member.user, workspace=request.workspace, actor=request.actor)
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def member_link(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    with told(request, ""):
        return _link_page(request, member)
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def member_reset(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    """Take the second factors of somebody who lost them."""
    member = _member(request, member_id)
    with told(
        request,
        _("%(email)s signs in by password alone now, and sets up a new second factor.") % {"email": member.user.email},
    ):
        services.reset_second_factor(membership=member, actor=request.actor)
    return redirect("accounts:settings", request.workspace.slug)


def _member(request: WorkspaceRequest, member_id: UUID) -> Membership:
    found = Membership.objects.in_workspace(request.workspace.id).select_related("workspace")
    member = found.filter(id=member_id).first()
    if member is None:
        raise NotFound(what="member")
    return member


def _link_page(request: WorkspaceRequest, member: Membership) -> HttpResponse:
    uid, token = services.issue_password_link(membership=member, actor=request.actor)
    return show_once(
        request,
        title=_("Password link for %(email)s") % {"email": member.user.email},
        label=_("Link"),
        value=absolute(request, reverse("account_password_new", args=[uid, token])),
        notes=(
            _("Hand it to {email} over a channel you trust: whoever has it chooses the password.").format(
                email=member.user.email
            ),
            _("It works once, within a day, and ends with the next sign-in."),
        ),
        back=("settings", _("Members")),
    )


def member_page(request: WorkspaceRequest, form: InvitationForm | None = None) -> HttpResponse:
    """Members and open invitations; with a refused ``form`` to be corrected."""
    may = request.actor.may("users.manage")
    members = list(Membership.objects.in_workspace(request.workspace.id))
    factors = with_second_factor([member.user_id for member in members])
    invitations = Invitation.objects.in_workspace(request.workspace.id).open()
    context = {
        "members": [_shown(request, member, factors, may=may) for member in members],
        "invitations": [_invited(request, one, may=may) for one in invitations],
        "roles": [(role, _(DESCRIPTIONS[role])) for role in ROLES],
        "form": form or InvitationForm(),
        "chosen": form["roles"].value() or [] if form else [],
        "invite_url": url_of(request, "invitation_new") if may else "",
    }
    return show(request, "settings", "member_list", context, status=422 if form else 200)


def _invited(request: WorkspaceRequest, one: Invitation, *, may: bool) -> dict[str, Any]:
    return {
        "id": one.id.hex,
        "email": one.email,
        "roles": one.roles,
        "state": one.state,
        "invited_by": one.invited_by,
        "mailed": one.mailed_at is not None,
        "expires_at": one.expires_at,
        "renew_url": url_of(request, "invitation_renew", one.id) if may else "",
        "revoke_url": url_of(request, "invitation_revoke", one.id) if may else "",
    }


def _shown(request: WorkspaceRequest, member: Membership, factors: set[UUID], *, may: bool) -> dict[str, Any]:
    user = member.user
    new = not user.has_usable_password()

    def url(name: str) -> str:
        return url_of(request, name, member.id) if may else ""

    return {
        "id": member.id.hex,
        "email": user.email,
        "name": user.name,
        "roles": member.roles,
        "state": ("invited" if new else "active") if user.is_active else "disabled",
        "active": user.is_active,
        "last_login": user.last_login,
        "self": user.pk == request.user.pk,
        "roles_url": url("member_roles"),
        "remove_url": url("member_remove"),
        "switch_url": url("member_switch"),
        "link_url": url("member_link") if user.is_active else "",
        "second_factor": user.pk in factors,
        "reset_url": url("member_reset") if user.pk in factors else "",
    }
