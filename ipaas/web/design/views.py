from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ipaas.web.design import more_samples, samples

PAGES: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "home": ("web/home.html", samples.home),
    "runs": ("runtime/run_list.html", samples.runs),
    "run": ("runtime/run_detail.html", samples.run),
    "dead-letters": ("runtime/dead_letter_list.html", more_samples.dead_letters),
    "dead-letter-group": ("runtime/dead_letter_group.html", more_samples.dead_letter_group),
    "dead-letter": ("runtime/dead_letter_detail.html", more_samples.dead_letter),
    "approvals": ("runtime/approval_list.html", more_samples.approvals),
    "approval": ("runtime/approval_detail.html", more_samples.approval),
    "flows": ("flows/flow_list.html", more_samples.flows),
    "flow": ("flows/flow_detail.html", more_samples.flow),
    "flow-form": ("flows/flow_form.html", more_samples.flow_form),
    "flow-diff": ("flows/flow_diff.html", more_samples.flow_diff),
    "connections": ("catalog/connection_list.html", more_samples.connections),
    "connection": ("catalog/connection_detail.html", more_samples.connection),
    "stubs": ("catalog/stub_list.html", more_samples.stubs),
    "stub": ("catalog/stub_detail.html", more_samples.stub),
    "audit": ("audit/entry_list.html", more_samples.audit),
    "secrets": ("vault/secret_list.html", more_samples.secrets),
    "secret": ("vault/secret_detail.html", more_samples.secret),
}


@require_safe
def design_index(request: HttpRequest) -> HttpResponse:
    return _show(request, "components", "design/components.html", samples.components())


@require_safe
def design_page(request: HttpRequest, page: str) -> HttpResponse:
    if page not in PAGES:
        message = "no such sample page"
        raise Http404(message)
    template, sample = PAGES[page]
    return _show(request, page, template, sample())


def _show(request: HttpRequest, page: str, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**context, "shell": samples.shell(request, page)})
