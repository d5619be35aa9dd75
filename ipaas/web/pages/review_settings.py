"""Settings of reviews: which kinds of document need one, how long it waits, whether there is a way past it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts import services
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.document_types import document_kinds
from ipaas.governance.review_policy import RULES, bypass_allowed, days_of, rule_of
from ipaas.web.pages.reviews import kind_word
from ipaas.web.pages.settings_frame import show, url_of
from ipaas.web.pages.support import options, posted, told


def rule_names() -> dict[str, str]:
    return {
        "none": _("No review needed"),
        "steward": _("A steward approves"),
        "four_eyes": _("A steward and one more person approve"),
    }


@require_GET
@page("settings.view")
def reviews(request: WorkspaceRequest) -> HttpResponse:
    names = rule_names()
    kinds = [(kind, kind_word(kind), rule_of(request.workspace, kind)) for kind in document_kinds()]
    context = {
        "kinds": [
            {"kind": kind, "word": word, "rule": names[rule], "options": options(names, rule)}
            for kind, word, rule in kinds
        ],
        "days": days_of(request.workspace),
        "bypass": bypass_allowed(request.workspace),
        "change_url": url_of(request, "reviews_change") if request.actor.may("settings.edit") else "",
    }
    return show(request, "reviews", "reviews", context)


@require_POST
@page("settings.edit")
def reviews_change(request: WorkspaceRequest) -> HttpResponse:
    rules = {kind: rule for kind in document_kinds() if (rule := posted(request, f"rule-{kind}")) in RULES}
    days = posted(request, "days", 9)
    changes: dict[str, Any] = {
        "review_policy": {kind: rule for kind, rule in rules.items() if rule != "none"},
        "review_days": int(days) if days.isascii() and days.isdigit() else 0,
        "review_bypass": "bypass" in request.POST,
    }
    with told(request, _("The policy of reviews is saved. It holds for every version that is published from now on.")):
        services.change_settings(workspace=request.workspace, settings=changes, actor=request.actor)
    return redirect("accounts:reviews", request.workspace.slug)
