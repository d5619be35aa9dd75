"""A small HTTP/1.1 server over httptools that can also break its answers on purpose.

An application server would hide the connection, and resets or half answers need it; besides, the stubs must not
be what a benchmark measures.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import httptools
import orjson

from ipaas.core.logging import get_logger
from ipaas.sdk.formats.xml import NotXml, read_document, write_document
from ipaas.sdk.stubs.bodies import read_multipart, without_files

log = get_logger(__name__)

MAX_BODY = 10 * 1024 * 1024
MAX_PIPELINED = 100
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class StubRequest:
    """A request as it arrived: ``path`` is still percent-encoded, header names are lower case.

    ``query`` has the last value of each name, ``raw_query`` all of them.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_query: str = ""

    def json(self) -> Any:
        """The body as JSON, as a form's fields (of files their names and sizes), as the value of XML, or None."""
        if not self.body:
            return None
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        if self.headers.get("content-type", "").startswith("multipart/form-data"):
            return without_files(read_multipart(self.headers["content-type"], self.body))
        try:
            return read_document(self.body) if self.is_xml else orjson.loads(self.body)
        except (orjson.JSONDecodeError, NotXml):
            return None

    @property
    def is_xml(self) -> bool:
        """Whether the body says that it is XML (RFC 7303)."""
        return self.headers.get("content-type", "").partition(";")[0].strip().endswith(("/xml", "+xml"))


@dataclass(slots=True)
class StubAnswer:
    """An answer; ``cut`` breaks it: ``reset`` sends nothing but a TCP reset, ``half`` stops in the middle."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""

    def encoded(self, *, head_only: bool, close: bool) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}\r\n"]
        if "content-type" not in self.headers and self.body:
            lines.append("content-type: application/json\r\n")
        lines.extend(f"{name}: {value}\r\n" for name, value in self.headers.items())
        if self.status not in (204, 304):
            lines.append(f"content-length: {len(self.body)}\r\n")
        if close:
            lines.append("connection: close\r\n")
        head = ("".join(lines) + "\r\n").encode("latin-1", "replace")
        return head if head_only or self.status in (204, 304) else head + self.body


def xml_answer(status: int, value: Any) -> StubAnswer:
    """The value as XML; says so where a manifest's reply can be none."""
    try:
        return StubAnswer(status, write_document(value), {"content-type": "application/xml"})
    except NotXml as error:
        return json_answer(500, {"error": {"code": "stub_reply", "message": f"The reply can not be XML: {error}."}})


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> StubAnswer:
    return StubAnswer(status, b"" if value is None else orjson.dumps(value, default=_plain), dict(headers or {}))


def _plain(value: Any) -> Any:
    """What a template computed: a decimal is a number, anything else a text."""
    return float(value) if isinstance(value, Decimal) else str(value)


Handle = Callable[[StubRequest], StubAnswer | Awaitable[StubAnswer]]


class HttpProtocol(asyncio.Protocol):
    """One connection: keep-alive, pipelined requests answered in order."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[StubRequest, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._start()

    def _start(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def eof_received(self) -> bool:
        """A client that has sent everything still gets the answers that are under way."""
        self._ended = True
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400)
        except httptools.HttpParserError:
            self._refuse(400)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= MAX_BODY:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        raw_path, _, raw_query = self._url.decode("latin-1").partition("?")
        query = dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {}
        method = self._parser.get_method().decode("ascii")
        body = b"".join(self._chunks)
        too_large = self._size > MAX_BODY
        request = StubRequest(method, raw_path, query, self._headers, body, raw_query)
        keep_alive = self._parser.should_keep_alive()
        self._start()
        if too_large or len(self._waiting) >= MAX_PIPELINED:
            self._refuse(413 if too_large else 429)
            return
        if self._task is not None:
            self._waiting.append((request, keep_alive))
            return
        self._serve(request, keep_alive)

    def _serve(self, request: StubRequest, keep_alive: bool) -> None:
        answer = self._handled(request)
        if isinstance(answer, StubAnswer):
            self._write(request, answer, keep_alive)
        else:
            self._task = asyncio.ensure_future(self._serve_later(answer, request, keep_alive))

    def _handled(self, request: StubRequest) -> StubAnswer | Awaitable[StubAnswer]:
        """The answer; a defect is told to the client, who would else wait for it or take it for a bad request."""
        try:
            return self._handle(request)
        except Exception:
            log.exception("a stand-in failed", action="stub_defect", method=request.method, path=request.path[:200])
            return _DEFECT

    async def _serve_later(self, answer: Awaitable[StubAnswer], request: StubRequest, keep_alive: bool) -> None:
        await self._write_later(request, answer, keep_alive)
        while self._waiting:
            following, keep_alive = self._waiting.popleft()
            result = self._handled(following)
            if isinstance(result, StubAnswer):
                self._write(following, result, keep_alive)
            else:
                await self._write_later(following, result, keep_alive)
        self._task = None
        if self._ended and self._transport is not None:
            self._transport.close()

    async def _write_later(self, request: StubRequest, answer: Awaitable[StubAnswer], keep_alive: bool) -> None:
        try:
            found = await answer
        except Exception:
            log.exception("a stand-in failed", action="stub_defect", method=request.method, path=request.path[:200])
            found = _DEFECT
        self._write(request, found, keep_alive)

    def _write(self, request: StubRequest, answer: StubAnswer, keep_alive: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if answer.cut == "reset":
            _reset(transport)
            return
        data = answer.encoded(head_only=request.method == "HEAD", close=not keep_alive)
        if answer.cut == "half":
            transport.write(data[: len(data) - max(1, len(answer.body) // 2)])
            transport.close()
            return
        transport.write(data)
        if not keep_alive:
            transport.close()

    def _refuse(self, status: int) -> None:
        if self._transport:
            self._transport.write(StubAnswer(status).encoded(head_only=False, close=True))
            self._transport.close()


_DEFECT = json_answer(500, {"error": {"code": "stub_defect", "message": "The stand-in failed; see its log."}})


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST instead of FIN, as a crashed host does."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def decoded(segment: str) -> str:
    """A path segment without percent-encoding."""
    return unquote(segment) if "%" in segment else segment
