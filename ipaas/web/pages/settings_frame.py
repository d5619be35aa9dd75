"""What the pages of the settings share: their tabs, and what is shown once."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.web.readmodels import Link, Tab

TABS: Sequence[tuple[str, str]] = (
    ("settings", gettext_noop("Members")),
    ("keys", gettext_noop("API keys")),
    ("environments", gettext_noop("Environments")),
    ("signin", gettext_noop("Sign-in")),
    ("network", gettext_noop("Network")),
    ("vault", gettext_noop("Vault")),
    ("policies", gettext_noop("Policies")),
    ("reviews", gettext_noop("Reviews")),
    ("health", gettext_noop("Workers")),
)


def url_of(request: WorkspaceRequest, name: str, *arguments: object) -> str:
    return reverse(f"accounts:{name}", args=[request.workspace.slug, *arguments])


def show(
    request: WorkspaceRequest, name: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of the settings; ``name`` is its tab."""
    tabs = [Tab(_(label), url_of(request, tab), tab == name) for tab, label in TABS]
    return render(request, f"accounts/{template}.html", {"tabs": tabs, **context}, status=status)


def show_once(
    request: WorkspaceRequest, *, title: str, label: str, value: str, notes: Sequence[str], back: tuple[str, str]
) -> HttpResponse:
    """A value that can not be had again: neither stored by the browser nor asked for by an address."""
    name, tab = back
    context = {
        "title": title, "label": label, "value": value, "notes": notes,
        "crumbs": [Link(tab, url_of(request, name))], "back_url": url_of(request, name),
    }  # fmt: skip
    answer = render(request, "accounts/shown_once.html", context)
    answer["Cache-Control"] = "no-store"
    return answer
