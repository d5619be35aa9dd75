"""How people sign in: the second factor that the workspace asks for, single sign-on, passwords, mail."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts import services
from ipaas.accounts.mail import mail_folder, mail_server
from ipaas.accounts.models import Membership
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.second_factor import REQUIRED, with_second_factor
from ipaas.accounts.single_signon import provider
from ipaas.config import settings
from ipaas.web.pages.settings_frame import show, url_of
from ipaas.web.pages.support import told


@require_GET
@page("settings.view")
def signin(request: WorkspaceRequest) -> HttpResponse:
    members = list(Membership.objects.in_workspace(request.workspace.id).filter(user__is_active=True))
    factors = with_second_factor([member.user_id for member in members])
    sso, mail = provider(), mail_server()
    context = {
        "required": bool(request.workspace.settings.get(REQUIRED)),
        "without": [member.user.email for member in members if member.user_id not in factors],
        "provider": sso,
        "mapping": sso.roles_of_workspace(request.workspace.slug) if sso else {},
        "mail": mail.server if mail else None,
        "mail_from": settings().mail_from,
        "mail_folder": mail_folder(),
        "least_length": settings().password_min_length,
        "change_url": url_of(request, "signin_change") if request.actor.may("settings.edit") else "",
    }
    return show(request, "signin", "signin", context)


@require_POST
@page("settings.edit")
def signin_change(request: WorkspaceRequest) -> HttpResponse:
    """Ask for a second factor, or no longer: ``required`` is yes or no."""
    required = request.POST.get("required") == "yes"
    done = _("Everybody needs a second factor now.") if required else _("A second factor is no longer asked for.")
    with told(request, done):
        changes = {REQUIRED: True if required else None}
        services.change_settings(workspace=request.workspace, settings=changes, actor=request.actor)
    return redirect("accounts:signin", request.workspace.slug)
