"""``POST /hooks/<public id>`` on the web process, for small installations behind one port.

The same checks, rows and answers as the ingress, one delivery at a time; the ingress takes many more.
"""

import time
from typing import IO, cast

import orjson
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from ipaas.core.clock import now
from ipaas.core.errors import IpaasError, TooLarge
from ipaas.core.jobs import wake
from ipaas.core.logging import get_logger
from ipaas.core.meters import ACCEPT_SECONDS, DELIVERIES
from ipaas.events.accepting import accept_delivery, load_endpoint
from ipaas.events.intake import MAX_BODY, MethodNotAllowed, NotStored, SenderGone, answer_of, prepare

log = get_logger(__name__)


@csrf_exempt
def hook(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a delivery: answered with 202 and the receipt's id after the commit, else with a problem."""
    started = time.perf_counter()
    try:
        body = _accept(request, public_id)
    except IpaasError as error:
        return _refused(error, request.path)
    except Exception:
        log.exception("hook defect", action="hook_defect")
        return _refused(NotStored(), "")
    DELIVERIES.labels(outcome="accepted").inc()
    ACCEPT_SECONDS.observe(time.perf_counter() - started)
    return HttpResponse(body, status=202, content_type="application/json")


def _accept(request: HttpRequest, public_id: str) -> bytes:
    if request.method != "POST":
        raise MethodNotAllowed
    endpoint = load_endpoint(public_id)
    headers = {name.lower(): value for name, value in request.headers.items()}
    receipt_id = accept_delivery(prepare(endpoint, headers, _body(request), now()))
    wake("default")
    return answer_of(receipt_id)


def _body(request: HttpRequest) -> bytes:
    """The whole body; a sender that went away in the middle of it has sent nothing."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdigit() and int(length) > MAX_BODY:
        raise TooLarge(what="body", limit=f"{MAX_BODY} bytes")
    chunked = not length and "HTTP_TRANSFER_ENCODING" in request.META  # Django reads such a body as empty
    stream = cast("IO[bytes]", request.META["wsgi.input"]) if chunked else request
    try:
        body = stream.read(MAX_BODY + 1)
    except (UnreadablePostError, OSError):
        raise SenderGone from None
    if len(body) > MAX_BODY:
        raise TooLarge(what="body", limit=f"{MAX_BODY} bytes")
    if length.isdigit() and len(body) < int(length):
        raise SenderGone
    return body


def _refused(error: IpaasError, path: str) -> HttpResponse:
    DELIVERIES.labels(outcome=error.code).inc()
    problem = orjson.dumps(error.as_problem(instance=path[:200]))
    return HttpResponse(problem, status=error.status, content_type="application/problem+json")
