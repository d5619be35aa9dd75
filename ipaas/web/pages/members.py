"""Members of a workspace and their roles; links with which people choose a password."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts import services
from ipaas.accounts.models import Membership
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.roles import DESCRIPTIONS, ROLES
from ipaas.core.errors import NotFound
from ipaas.web.pages.settings_frame import show, show_once, url_of
from ipaas.web.pages.support import form_errors, told


class MemberForm(forms.Form):
    email = forms.EmailField(max_length=254, label="E-mail address")
    name = forms.CharField(max_length=120, required=False, help_text="Of somebody the platform does not know yet.")
    roles = forms.MultipleChoiceField(choices=[(role, role) for role in ROLES])


@require_GET
@page("settings.view")
def member_list(request: WorkspaceRequest) -> HttpResponse:
    return _page(request)


@require_POST
@page("users.manage")
def member_add(request: WorkspaceRequest) -> HttpResponse:
    """Add a person; somebody new gets a password link, shown once."""
    form = MemberForm(request.POST)
    if form.is_valid():
        with form_errors(form):
            member = services.add_member(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            shared = member.user.memberships.exclude(workspace=request.workspace).exists()
            if not member.user.has_usable_password() and not shared:
                return _link_page(request, member)
            return redirect("accounts:settings", request.workspace.slug)
    return _page(request, form)


@require_POST
@page("users.manage")
def member_roles(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    with told(request, f"The roles of {member.user.email} are changed; they hold from the next request on."):
        services.change_roles(membership=member, roles=request.POST.getlist("roles")[:20], actor=request.actor)
    return redirect("accounts:settings", request.workspace.slug)


@require_POST
@page("users.manage")
def member_remove(request: WorkspaceRequest, member_id: UUID) -> HttpResponse:
    member = _member(request, member_id)
    with told(request, f"{member.user.email} is no longer a member."):
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
    with told(request, f"The account of {member.user.email} is switched {'on' if active else 'off'}."):
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
        title=f"Password link for {member.user.email}",
        label="Link",
        value=request.build_absolute_uri(reverse("account_password_new", args=[uid, token])),
        notes=(
            f"Hand it to {member.user.email} over a channel you trust: whoever has it chooses the password.",
            "It works once, within a day, and ends with the next sign-in.",
        ),
        back=("settings", "Members"),
    )


def _page(request: WorkspaceRequest, form: MemberForm | None = None) -> HttpResponse:
    may = request.actor.may("users.manage")
    members = list(Membership.objects.in_workspace(request.workspace.id))
    context = {
        "members": [_shown(request, member, may=may) for member in members],
        "roles": [(role, DESCRIPTIONS[role]) for role in ROLES],
        "form": form or MemberForm(),
        "chosen": form["roles"].value() or [] if form else [],
        "add_url": url_of(request, "member_add") if may else "",
    }
    return show(request, "settings", "member_list", context, status=422 if form else 200)


def _shown(request: WorkspaceRequest, member: Membership, *, may: bool) -> dict[str, Any]:
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
    }
