"""The probes of the web process, answered before anything else looks at the request.

They come from the host itself or its orchestrator: by any host name, without https, and often.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ipaas.core.meter_sharing import render_all
from ipaas.core.probes import INERT, PATHS, answer_probe
from ipaas.observability.gauges import installation_families


class ProbeMiddleware:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics``; the meters are those of the whole installation."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in PATHS:
            return self.get_response(request)
        found = answer_probe(
            request.path_info,
            method=request.method or "",
            peer=str(request.META.get("REMOTE_ADDR", "")),
            headers={name.lower(): value for name, value in request.headers.items()},
            meters=lambda: render_all("web", installation_families()),
        )
        body = b"" if request.method == "HEAD" else found.body
        headers = {**INERT, **found.headers}
        return HttpResponse(body, status=found.status, content_type=found.content_type, headers=headers)
