from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ipaas.web.design import build_samples, more_samples, samples

PAGES: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "home": ("web/home.html", samples.home),
    "runs": ("runtime/run_list.html", samples.runs),
    "run": ("runtime/run_detail.html", samples.run),
    "dead-letters": ("runtime/dead_letter_list.html", more_samples.dead_letters),
    "dead-letter-group": ("runtime/dead_letter_group.html", more_samples.dead_letter_group),
    "dead-letter": ("runtime/dead_letter_detail.html", more_samples.dead_letter),
    "approvals": ("runtime/approval_list.html", more_samples.approvals),
    "approval": ("runtime/approval_detail.html", more_samples.approval),
    "flows": ("flows/flow_list.html", build_samples.flows),
    "flow": ("flows/flow_detail.html", build_samples.flow),
    "flow-form": ("flows/flow_form.html", build_samples.flow_form),
    "flow-conflict": ("flows/flow_form.html", build_samples.flow_conflict),
    "flow-run": ("flows/flow_run.html", build_samples.flow_run),
    "flow-diff": ("web/document_diff.html", build_samples.flow_diff),
    "mappings": ("mapping/mapping_list.html", build_samples.mappings),
    "mapping": ("mapping/mapping_detail.html", build_samples.mapping),
    "mapping-form": ("mapping/mapping_form.html", build_samples.mapping_form),
    "schemas": ("contracts/schema_list.html", build_samples.schemas),
    "schema": ("contracts/schema_detail.html", build_samples.schema),
    "schema-form": ("contracts/schema_form.html", build_samples.schema_form),
    "endpoints": ("events/endpoint_list.html", build_samples.endpoints),
    "endpoint": ("events/endpoint_detail.html", build_samples.endpoint),
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
