"""``POST /hooks/<public id>`` on the web process, for small installations behind one port.

The same checks, rows and answers as the ingress, one delivery at a time; the ingress takes many more. Client
certificates are taken by the ingress alone: WSGI does not tell ``Client-Cert`` of a proxy from a ``Client_Cert``.
"""

import time
from dataclasses import replace
from typing import IO, cast

import orjson
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from ipaas.accounts.addresses import client_ip
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError, TooLarge
from ipaas.core.jobs import wake
from ipaas.core.logging import get_logger
from ipaas.core.meters import ACCEPT_SECONDS, DELIVERIES
from ipaas.core.probes import INERT
from ipaas.events.accepting import accept_delivery, load_endpoint
from ipaas.events.arrivals import Attention, Seen, keep_note
from ipaas.events.caps import Rates
from ipaas.events.greetings import keep_greeting
from ipaas.events.intake import Arrival, DeliveryConflict, NotStored, SenderGone, answer_of, prepare
from ipaas.events.key_sets import with_keys
from ipaas.events.models import ArrivalNote
from ipaas.sdk.handshakes import Answer, Greeting

log = get_logger(__name__)
_rates = Rates()
_attention = Attention()


@csrf_exempt
def hook(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a delivery: answered with the receipt's id after the commit, else with a problem."""
    started = time.perf_counter()
    try:
        outcome, answer = _accept(request, public_id)
    except IpaasError as error:
        return _refused(error, request.path)
    except Exception:
        log.exception("hook defect", action="hook_defect")
        return _refused(NotStored(), "")
    DELIVERIES.labels(outcome=outcome).inc()
    if outcome == "accepted":
        ACCEPT_SECONDS.observe(time.perf_counter() - started)
    headers = {**INERT, **answer.headers}
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type, headers=headers)


def _accept(request: HttpRequest, public_id: str) -> tuple[str, Answer]:
    endpoint = load_endpoint(public_id)
    headers = {name.lower(): value for name, value in request.headers.items()}
    query, method = request.META.get("QUERY_STRING", ""), str(request.method)
    arrival = Arrival(headers, b"", method, query, client_ip(request))
    try:
        arrival = replace(arrival, body=_body(request, endpoint.max_body))
        found = prepare(with_keys(endpoint, arrival, now()), arrival, now())
        if isinstance(found, Greeting):
            found = keep_greeting(endpoint.id, found)
        if isinstance(found, Answer):
            _note(Seen(endpoint, arrival, ArrivalNote.Verdict.CHALLENGE, found.status))
            return "handshake", found
        _rates.take(endpoint.id, endpoint.rate_per_minute)
        receipt_id = accept_delivery(found)
    except (DeliveryConflict, NotStored):
        raise  # it has a receipt of its own, or nothing can be written
    except IpaasError as error:
        _note(Seen(endpoint, arrival, ArrivalNote.Verdict.REFUSED, error.status, error.code, error.detail))
        raise
    if receipt_id != found.id:
        _note(Seen(endpoint, arrival, ArrivalNote.Verdict.REPEATED, endpoint.answer_status, receipt_id=receipt_id))
    wake("default")
    return "accepted", answer_of(endpoint, receipt_id)


def _note(seen: Seen) -> None:
    if _attention.wanted(seen.endpoint.id):
        keep_note(seen)


def _body(request: HttpRequest, most: int) -> bytes:
    """The whole body; a sender that went away in the middle of it has sent nothing."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdigit() and int(length) > most:
        raise TooLarge(what="body", limit=f"{most} bytes")
    chunked = not length and "HTTP_TRANSFER_ENCODING" in request.META  # Django reads such a body as empty
    stream = cast("IO[bytes]", request.META["wsgi.input"]) if chunked else request
    try:
        body = stream.read(most + 1)
    except (UnreadablePostError, OSError):
        raise SenderGone from None
    if len(body) > most:
        raise TooLarge(what="body", limit=f"{most} bytes")
    if length.isdigit() and len(body) < int(length):
        raise SenderGone
    return body


def _refused(error: IpaasError, path: str) -> HttpResponse:
    DELIVERIES.labels(outcome=error.code).inc()
    problem = orjson.dumps(error.as_problem(instance=path[:200]))
    after = error.params.get("retry_after_s")
    headers = {"Retry-After": str(after)} if after else {}
    return HttpResponse(problem, status=error.status, content_type="application/problem+json", headers=headers)
