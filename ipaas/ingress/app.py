"""The ingress: a bare ASGI application for ``POST /hooks/<public id>``, with the probes of every process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from ipaas.accounts.addresses import forwarded_ip
from ipaas.config import settings
from ipaas.core.cache import TimedCache
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError, TooLarge
from ipaas.core.jobs import wake
from ipaas.core.logging import get_logger
from ipaas.core.meter_sharing import render_own
from ipaas.core.meters import ACCEPT_SECONDS, DELIVERIES
from ipaas.core.probes import INERT, PATHS, ProbeAnswer, answer_probe
from ipaas.events.arrivals import Attention, Seen, keep_note
from ipaas.events.caps import Rates, TooManyDeliveries
from ipaas.events.client_certificates import handed_on
from ipaas.events.greetings import keep_greeting
from ipaas.events.intake import (
    MAX_BODY,
    Arrival,
    DeliveryConflict,
    EndpointUnknown,
    EndpointView,
    NotStored,
    SenderGone,
    SenderSlow,
    answer_of,
    check_address,
    prepare,
)
from ipaas.events.key_sets import fetches_keys, with_keys
from ipaas.events.models import ArrivalNote
from ipaas.events.queries import endpoint_view
from ipaas.ingress.batch import Batcher
from ipaas.sdk.handshakes import Answer, Greeting

log = get_logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ENDPOINT_TTL_S = 2.0
_PREFIX = "/hooks/"
BODY_S = 30.0
_INERT = [(name.lower().encode(), value.encode()) for name, value in INERT.items()]
_PROBLEM = [(b"content-type", b"application/problem+json"), *_INERT]
_CLOSE = [(b"connection", b"close")]  # the rest of a body that nobody reads is not waited for


class Ingress:
    """Accepts deliveries: checked, sealed, stored, and only then answered with the receipt's id."""

    def __init__(self, conninfo: str, closing: Callable[[], None] = lambda: None) -> None:
        """``closing`` is called when no delivery comes any more; it may block."""
        self._closing = closing
        self._batcher = Batcher(conninfo)
        self._rates = Rates()
        self._attention = Attention()
        self._endpoints: TimedCache[str, EndpointView | None] = TimedCache(ENDPOINT_TTL_S)
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingress-orm")
        self._fetching = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ingress-keys")
        self._probes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingress-probes")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._batcher.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._batcher.stop()
                for threads in (self._probes, self._threads):
                    await asyncio.get_running_loop().run_in_executor(threads, connections.close_all)
                    threads.shutdown(wait=False)
                self._fetching.shutdown(wait=False)
                await asyncio.to_thread(self._closing)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in PATHS:
            await self._probe(path, scope, send)
            return
        started = time.perf_counter()
        try:
            if not path.startswith(_PREFIX):
                raise EndpointUnknown
            outcome, answer = await self._accept(path[len(_PREFIX) :], scope, receive)
            DELIVERIES.labels(outcome=outcome).inc()
            if outcome == "accepted":
                ACCEPT_SECONDS.observe(time.perf_counter() - started)
            told = {"content-type": answer.content_type, **answer.headers}
            headers = [*((name.lower().encode(), value.encode()) for name, value in told.items()), *_INERT]
            await _answer(send, answer.status, b"" if scope["method"] == "HEAD" else answer.body, headers)
        except IpaasError as error:
            DELIVERIES.labels(outcome=error.code).inc()
            unread = _CLOSE if isinstance(error, TooLarge | SenderSlow) else []
            problem = orjson.dumps(error.as_problem(instance=path[:200]))
            await _answer(send, error.status, problem, [*_PROBLEM, *unread, *_again(error)])
        except Exception:
            log.exception("ingress defect", action="ingress_defect")
            await _answer(send, 503, orjson.dumps(NotStored().as_problem()), _PROBLEM)

    async def _probe(self, path: str, scope: Message, send: Send) -> None:
        def answer() -> ProbeAnswer:
            close_old_connections()
            peer = (scope.get("client") or ("", 0))[0]
            return answer_probe(
                path, method=scope["method"], peer=peer, headers=_headers(scope), meters=lambda: render_own("ingress")
            )

        try:
            found = await asyncio.get_running_loop().run_in_executor(self._probes, answer)
        except Exception:
            log.exception("probe defect", action="probe_defect")
            found = ProbeAnswer(503, b'{"status":"unready"}')
        headers = {"content-type": found.content_type, **INERT, **found.headers}
        body = b"" if scope["method"] == "HEAD" else found.body
        await _answer(send, found.status, body, [(name.encode(), value.encode()) for name, value in headers.items()])

    async def _accept(self, public_id: str, scope: Message, receive: Receive) -> tuple[str, Answer]:
        endpoint = await self._endpoint(public_id)
        query = scope.get("query_string", b"").decode("latin-1")
        peer = _peer(scope) if endpoint.sources else ""
        arrival = Arrival(_headers(scope), b"", scope["method"], query, peer, _certificate(scope))
        try:
            arrival = replace(arrival, body=await _whole_body(arrival.headers, receive, endpoint.max_body))
            found = prepare(await self._with_keys(endpoint, arrival), arrival, now())
            if isinstance(found, Greeting):
                found = await self._keep(endpoint, found)
            if isinstance(found, Answer):
                self._note(scope, Seen(endpoint, arrival, ArrivalNote.Verdict.CHALLENGE, found.status))
                return "handshake", found
            self._rates.take(endpoint.id, endpoint.rate_per_minute)
            receipt_id = await self._batcher.accept(found)
        except (DeliveryConflict, NotStored):
            raise  # it has a receipt of its own, or nothing can be written
        except IpaasError as error:
            self._note(
                scope, Seen(endpoint, arrival, ArrivalNote.Verdict.REFUSED, error.status, error.code, error.detail)
            )
            raise
        if receipt_id != found.id:
            status = endpoint.answer_status
            self._note(scope, Seen(endpoint, arrival, ArrivalNote.Verdict.REPEATED, status, receipt_id=receipt_id))
        wake("default")
        return "accepted", answer_of(endpoint, receipt_id)

    async def _with_keys(self, endpoint: EndpointView, arrival: Arrival) -> EndpointView:
        if not fetches_keys(endpoint):
            return endpoint
        return await asyncio.get_running_loop().run_in_executor(self._fetching, with_keys, endpoint, arrival, now())

    async def _keep(self, endpoint: EndpointView, greeting: Greeting) -> Answer:
        """The endpoint is loaded anew by its next delivery, which is signed with what came now."""

        def keep() -> Answer:
            close_old_connections()
            return keep_greeting(endpoint.id, greeting)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, keep)
        except DatabaseError:
            log.warning("greeting not kept", action="greeting_failed", endpoint=endpoint.slug)
            raise NotStored from None
        finally:
            self._endpoints.clear()

    def _note(self, scope: Message, seen: Seen) -> None:
        """Have an arrival written down, after the answer and by another thread."""
        if self._attention.wanted(seen.endpoint.id):
            seen = replace(seen, arrival=replace(seen.arrival, peer=_peer(scope)))
            self._threads.submit(keep_note, seen)

    async def _endpoint(self, public_id: str) -> EndpointView:
        check_address(public_id)
        try:
            found = await self._endpoints.get(public_id, lambda: self._load(public_id))
        except DatabaseError:
            log.warning("endpoint not loaded", action="endpoint_failed")
            raise NotStored from None
        if found is None:
            raise EndpointUnknown
        return found

    async def _load(self, public_id: str) -> EndpointView | None:
        def load() -> EndpointView | None:
            close_old_connections()
            return endpoint_view(public_id)

        return await asyncio.get_running_loop().run_in_executor(self._threads, load)


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _peer(scope: Message) -> str:
    """Whom a request came from; ``X-Forwarded-For`` may stand in several lines."""
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    return forwarded_ip((scope.get("client") or ("", 0))[0], forwarded.decode("latin-1"))


def _certificate(scope: Message) -> str:
    wanted = settings().client_cert_header.lower().encode()
    found = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]
    return handed_on((scope.get("client") or ("", 0))[0], found) if found else ""


def _again(error: IpaasError) -> list[tuple[bytes, bytes]]:
    after = error.params.get("retry_after_s") if isinstance(error, TooManyDeliveries) else None
    return [(b"retry-after", str(after).encode())] if after else []


async def _whole_body(headers: Mapping[str, str], receive: Receive, most: int) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await _body(headers, receive, most)
    except TimeoutError:
        raise SenderSlow(seconds=int(BODY_S)) from None


async def _body(headers: Mapping[str, str], receive: Receive, most: int = MAX_BODY) -> bytes:
    """The whole body; a sender that went away in the middle of it has sent nothing."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise TooLarge(what="body", limit=f"{most} bytes")
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge(what="body", limit=f"{most} bytes")
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
