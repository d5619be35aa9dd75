"""Guard of the pages of a workspace."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ipaas.accounts.errors import SecondFactorNeeded
from ipaas.accounts.models import User, Workspace
from ipaas.core.actor import Actor, known_permission
from ipaas.core.errors import IpaasError, NotFound, PermissionDenied
from ipaas.core.phrases import in_words


class WorkspaceRequest(HttpRequest):
    """What a guarded view receives: the actor is a member of the workspace and has the page's permission."""

    actor: Actor
    workspace: Workspace
    htmx: HtmxDetails
    user: User
    second_factor_due: bool


View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def page(permission: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Guard a view below ``/w/<slug:workspace>/``; the view reads ``request.workspace`` and ``request.actor``.

    Strangers are led to sign-in, members of other workspaces get 404 as for a missing workspace, members without the
    second factor that the workspace asks for are led to setting one up, those without the permission get 403. Who has
    it on single flows passes, and the deed checks its flow. The URL's ``workspace`` is taken out of the arguments. The
    errors ``NotFound`` and ``PermissionDenied`` raised by services become 404 and 403 too, every other error a page
    with its status.
    """
    known_permission(permission)

    def guard(view: View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: WorkspaceRequest, /, *args: Any, workspace: str, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_signin(request)
            if request.workspace is None:
                message = "workspace"
                raise Http404(message)
            if request.second_factor_due:
                return _to_second_factor(request)
            try:
                if not request.actor.may_somewhere(permission):
                    raise PermissionDenied(permission=permission)
                return view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(error.detail) from None
            except PermissionDenied as error:
                raise DjangoPermissionDenied(error.detail) from None
            except IpaasError as error:
                return render(request, "400.html", {"error": error}, status=error.status)

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the generated role matrix
        return guarded

    return guard


def _to_signin(request: WorkspaceRequest) -> HttpResponse:
    """To the sign-in page and back here; a fragment asks the browser to go there as a whole page."""
    if not request.htmx:
        return redirect_to_login(request.get_full_path())
    return HttpResponseClientRedirect(redirect_to_login(request.htmx.current_url_abs_path or "/").url)


def _to_second_factor(request: WorkspaceRequest) -> HttpResponse:
    place = reverse("mfa_index")
    if request.htmx:
        return HttpResponseClientRedirect(place)
    messages.warning(request, in_words(SecondFactorNeeded().detail))
    return redirect(place)
