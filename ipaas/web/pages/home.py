"""Home of a workspace: what was achieved today, what is stuck, what waits for the reader."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.web.pages.support import environment_of


@require_GET
@page("flows.view")
def home(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    request.session["workspace"] = request.workspace.slug
    context: dict[str, Any] = {"tiles": [], "outcomes": [], "todos": [], "version": "", "poll_url": ""}
    return render(request, "web/home.html", context)
