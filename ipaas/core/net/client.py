"""The HTTP client of the product: one per running loop, each call with its own egress policy and deadline."""

import asyncio
import weakref
from types import TracebackType

import httpx

from .errors import RequestRefused
from .policy import EgressPolicy
from .request import Headers, is_own_header
from .response import Sink
from .transport import DEFAULT_MAX_BODY, HttpTransport, RawAnswer, TlsLike
from .urls import Target, parse_url

_DECODED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class HttpClient:
    """Calls out over HTTP/1.1. Redirects are answers like any other; proxies and .netrc of the machine are not read.

    Made inside the running loop it is used in. Keywords are those of ``HttpTransport``.
    """

    def __init__(self, transport: HttpTransport | None = None) -> None:
        self._transport = transport or HttpTransport()

    async def call(
        self,
        method: str,
        url: Target | str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        egress: EgressPolicy,
        deadline_s: float,
        max_body: int = DEFAULT_MAX_BODY,
        tls: TlsLike = None,
        sink: Sink | None = None,
    ) -> RawAnswer:
        """Send a request and read its whole answer; the lean way, without httpx objects.

        ``deadline_s`` bounds waiting, resolving, connecting, TLS, writing and reading together. ``max_body`` bounds
        the answer's body on the wire and decoded, in bytes. ``tls``: a context of ``tls_context`` in place of the
        default. ``sink`` is given the body of a 2xx answer piece by piece, unlike ``RawAnswer.body``; reading goes on
        when it returns, and what it raises ends the call as a ProtocolError. Raises NetError, see its ``sent``.
        """
        return await self._transport.call(
            method, url, headers, body, egress=egress, deadline_s=deadline_s, max_body=max_body, tls=tls, sink=sink
        )

    async def send(
        self,
        request: httpx.Request,
        *,
        egress: EgressPolicy,
        deadline_s: float,
        max_body: int = DEFAULT_MAX_BODY,
        tls: TlsLike = None,
    ) -> httpx.Response:
        """``call`` with httpx types; the response is read and decoded, its coding headers are taken off."""
        target = parse_url(str(request.url))
        headers = _request_headers(request, target)
        body = await request.aread()
        answer = await self.call(
            request.method, target, headers, body, egress=egress, deadline_s=deadline_s, max_body=max_body, tls=tls
        )
        return httpx.Response(
            answer.status,
            headers=[(name, value) for name, value in answer.headers if name not in _DECODED],
            content=answer.body,
            request=request,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason, "timings": answer.timings},
        )

    async def aclose(self) -> None:
        """Close all connections; calls under way fail with ConnectionLost."""
        await self._transport.aclose()

    async def __aenter__(self) -> "HttpClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _request_headers(request: httpx.Request, target: Target) -> list[tuple[bytes, bytes]]:
    """The request's headers without those of the connection; a Host other than the URL's is refused."""
    headers = []
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower == b"host" and value.lower() != target.host_header:
            raise RequestRefused(reason="the header host names another host than the address")
        if not is_own_header(lower):
            headers.append((name, value))
    return headers


_clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, HttpClient]" = weakref.WeakKeyDictionary()


def client_for_loop() -> HttpClient:
    """The client of the running loop, made on first use; whoever ends the loop calls ``close_client_for_loop``."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = HttpClient()
    return client


async def close_client_for_loop() -> None:
    """Close the running loop's client, if it has one; the next ``client_for_loop`` makes a new one."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
