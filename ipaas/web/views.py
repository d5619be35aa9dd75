"""Pages of the frame itself: the way into a workspace, the theme, the language, the environment."""

from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.models import Workspace
from ipaas.web.i18n.language import languages
from ipaas.web.pages.support import posted
from ipaas.web.shell import THEMES

YEAR_S = 365 * 24 * 3600


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To where the form was shown; never to another host."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if safe else reverse("web:workspace_redirect"))


@require_GET
@login_required
def workspace_redirect(request: HttpRequest) -> HttpResponse:
    """To the workspace last used, else the first one; without any, a page that says whom to ask."""
    own = Workspace.objects.filter(memberships__user_id=cast("UUID", request.user.pk)).order_by("name")
    workspace = own.filter(slug=request.session.get("workspace", "")).first() or own.first()
    if workspace is None:
        return render(request, "web/no_workspace.html")
    return redirect("web:home", workspace.slug)


@require_POST
def theme_select(request: HttpRequest) -> HttpResponse:
    """Keep the theme with the user, and in a cookie for the pages before sign-in."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        message = "The theme is auto, light or dark."
        raise Http404(message)
    if request.user.is_authenticated:
        request.user.theme = theme
        request.user.save(update_fields=["theme"])
    return _kept(request, "theme", theme)


@require_POST
def language_select(request: HttpRequest) -> HttpResponse:
    """Keep the language with the user, and in a cookie for the pages before sign-in."""
    language = request.POST.get("language", "")
    if language not in languages():
        message = f"The languages are {', '.join(languages())}."
        raise Http404(message)
    if request.user.is_authenticated:
        request.user.language = language
        request.user.save(update_fields=["language"])
    return _kept(request, settings.LANGUAGE_COOKIE_NAME, language)


def _kept(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Back to the page, with a choice that this browser remembers."""
    response = _back(request)
    response.set_cookie(name, value, max_age=YEAR_S, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response


@require_POST
@login_required
def environment_select(request: HttpRequest, workspace: str) -> HttpResponse:
    """Choose the environment the lists of this workspace show; kept in the session."""
    place = get_object_or_404(Workspace, slug=workspace, memberships__user_id=request.user.pk)
    environment = get_object_or_404(place.environments, slug=posted(request, "environment"))
    request.session[f"environment:{place.slug}"] = environment.slug
    return _back(request)
