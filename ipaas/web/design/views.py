from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ipaas.web.design import samples

PAGES: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "home": ("web/home.html", samples.home),
    "runs": ("runtime/run_list.html", samples.runs),
    "run": ("runtime/run_detail.html", samples.run),
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
