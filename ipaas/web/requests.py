"""What belongs to every request: its ids, its place in a trace, its record in the log and in the meters."""

import re
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ipaas.core import context
from ipaas.core.logging import get_logger
from ipaas.core.meters import REQUEST_SECONDS, REQUESTS

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SURFACES = {"api": "api", "hooks": "hooks"}


class RequestMiddleware:
    """``X-Request-ID``: the caller's own, else the trace's id; it is the correlation id of all that is done here.

    The trace is the caller's (``traceparent``) or a new one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        traced = context.parse_traceparent(request.headers.get("traceparent", ""))
        trace = traced.child() if traced is not None else context.new_trace()
        request_id = given if _REQUEST_ID.fullmatch(given) else trace.trace_id
        tokens = context.correlation_id.set(request_id), context.trace.set(trace)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            _tell(request, response, time.perf_counter() - started)
        finally:
            context.correlation_id.reset(tokens[0])
            context.trace.reset(tokens[1])
        return response


def _tell(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    view = match.view_name if match is not None and match.view_name else "none"
    REQUESTS.labels(view=view, status=str(response.status_code)).inc()
    REQUEST_SECONDS.labels(surface=_SURFACES.get(request.path_info.split("/", 2)[1], "pages")).observe(seconds)
    facts = {"method": request.method, "view": view, "status": response.status_code}
    log.info("request answered", action="request", duration_ms=round(seconds * 1000, 1), **facts)
