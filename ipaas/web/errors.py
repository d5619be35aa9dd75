"""What a request gets that no view has answered: a page for people, a problem document for programs."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.views import defaults

from ipaas.core import context
from ipaas.core.errors import IpaasError, NotFound
from ipaas.web.api.problems import BadRequest, Defect, Refused

_FOR_PROGRAMS = ("/api/", "/hooks/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    request.POST = QueryDict()  # the page looks for its token there; what could not be read is not read again
    return _problem(request, BadRequest()) or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, Refused()) or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, NotFound(what="address")) or defaults.page_not_found(request, exception)


def defect(request: HttpRequest) -> HttpResponseBase:
    return _problem(request, Defect()) or defaults.server_error(request)


def _problem(request: HttpRequest, error: IpaasError) -> HttpResponse | None:
    if not request.path_info.startswith(_FOR_PROGRAMS):
        return None
    trace = context.trace.get()
    problem: dict[str, Any] = error.as_problem(
        instance=request.path_info[:300], trace_id=trace.trace_id if trace is not None else ""
    )
    problem["request_id"] = context.correlation_id.get()
    return HttpResponse(orjson.dumps(problem), status=error.status, content_type="application/problem+json")
