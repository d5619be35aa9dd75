"""``request.actor`` and ``request.workspace`` for every request."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from ipaas.accounts.actors import ANONYMOUS, actor_in
from ipaas.accounts.addresses import client_ip
from ipaas.accounts.models import User
from ipaas.accounts.second_factor import lacks_second_factor
from ipaas.core.errors import NotFound


class ActorMiddleware:
    """Works out who acts where for pages below ``/w/<workspace>/``.

    ``request.actor`` is never missing: it is anonymous, with no permission, for everything else and for strangers to
    the workspace. API views replace it with what ``accounts.api_auth`` finds.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = ANONYMOUS  # type: ignore[attr-defined]  # see accounts.pages.WorkspaceRequest
        request.workspace = None  # type: ignore[attr-defined]
        request.second_factor_due = False  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        slug = kwargs.get("workspace")
        if not isinstance(slug, str) or not isinstance(request.user, User):
            return
        try:
            actor, workspace = actor_in(request.user, slug, client_ip(request))
        except NotFound:
            return
        request.actor = actor  # type: ignore[attr-defined]
        request.workspace = workspace  # type: ignore[attr-defined]
        request.second_factor_due = lacks_second_factor(request, request.user, workspace)  # type: ignore[attr-defined]
