"""The own account of a person: name, theme, sessions; password and second factor are pages of ``accounts``."""

import re
from typing import cast

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts import profile
from ipaas.accounts.addresses import client_ip
from ipaas.accounts.models import Membership, User
from ipaas.accounts.second_factor import has_second_factor
from ipaas.core.errors import NotFound
from ipaas.web.pages.support import form_errors, told

BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
"""Each names itself and those after it."""
CALLED = {"Edg": "Edge", "OPR": "Opera"}
SYSTEMS = {
    "Android": "Android", "iPhone": "iPhone", "iPad": "iPad",
    "Windows": "Windows", "Mac OS X": "macOS", "Linux": "Linux",
}  # fmt: skip


class NameForm(forms.Form):
    name = forms.CharField(max_length=120, label=gettext_lazy("Name"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile_detail(request: HttpRequest) -> HttpResponse:
    """Name, theme, where the person belongs; POST changes the name."""
    user = cast("User", request.user)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        with form_errors(form):
            profile.rename(user=user, name=form.cleaned_data["name"], ip=client_ip(request))
            return redirect("web:profile")
    memberships = Membership.objects.filter(user=user).select_related("workspace").order_by("workspace__name")
    context = {"form": form, "memberships": memberships, "second_factor": has_second_factor(user.pk)}
    return render(request, "account/profile.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def session_list(request: HttpRequest) -> HttpResponse:
    own = request.session.session_key
    sessions = [_shown(one, own) for one in profile.sessions_of(cast("User", request.user))]
    context = {"sessions": sessions, "others": sum(not one["current"] for one in sessions)}
    return render(request, "account/session_list.html", context)


@require_POST
@login_required
def session_end(request: HttpRequest, session_id: int) -> HttpResponse:
    try:
        with told(request, _("The session is ended.")):
            profile.end_session(user=cast("User", request.user), session_id=session_id, ip=client_ip(request))
    except NotFound as error:
        raise Http404(error.detail) from None
    return redirect("web:session_list")


@require_POST
@login_required
def session_end_others(request: HttpRequest) -> HttpResponse:
    user, keep = cast("User", request.user), request.session.session_key or ""
    count = profile.end_other_sessions(user=user, keep=keep, ip=client_ip(request))
    done = ngettext("%(count)s session is ended.", "%(count)s sessions are ended.", count) % {"count": count}
    messages.success(request, done)
    return redirect("web:session_list")


def _shown(session: UserSession, own: str | None) -> dict[str, object]:
    return {
        "id": session.pk,
        "browser": browser_in_words(session.user_agent),
        "agent": session.user_agent,
        "address": session.ip,
        "started": session.created_at,
        "current": session.session_key == own,
    }


def browser_in_words(agent: str) -> str:
    """``Firefox 130 on Linux``; what is not recognised stays as it came, shortened."""
    name = next((one for one in BROWSERS if f"{one}/" in agent), None)
    system = next((label for mark, label in SYSTEMS.items() if mark in agent), None)
    if name is None:
        return agent[:60] or _("unknown")
    version = re.search(rf"{'Version' if name == 'Safari' else name}/(\d+)", agent)
    words = f"{CALLED.get(name, name)} {version.group(1) if version else ''}".strip()
    return _("%(browser)s on %(system)s") % {"browser": words, "system": system} if system else words
