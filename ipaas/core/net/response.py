"""Reading one HTTP/1.1 answer: framing by httptools (llhttp, strict), limits and judgement by us."""

from collections.abc import Callable
from dataclasses import dataclass

import httptools

_MAX_INTERIM = 16
Sink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one answer in bytes; ``max_body`` holds for the body on the wire and again once decoded."""

    max_body: int
    max_head: int = 65_536
    max_headers: int = 200


class ResponseReader:
    """Fed with bytes until ``complete`` or ``failure`` is set; made for one exchange.

    ``failure`` is a text, or "" while all is well; ``too_large`` tells that it was the body's size. ``reusable``
    tells whether another request may follow on the connection: never after an answer to HEAD (nothing proves that
    no body follows), after anything beyond the message, or when the server said otherwise. ``sink`` is given the body
    of a 2xx answer piece by piece in place of ``body``; such an answer must not be encoded.
    """

    __slots__ = (
        "_encoded",
        "_extra",
        "_fed",
        "_head_bytes",
        "_in_body",
        "_interim",
        "_is_head",
        "_keep_alive",
        "_limits",
        "_parser",
        "_sink",
        "_sized",
        "_taken",
        "body",
        "complete",
        "failure",
        "headers",
        "reason",
        "seen",
        "status",
        "too_large",
    )

    def __init__(self, *, is_head: bool, limits: Limits, sink: Sink | None = None) -> None:
        self._is_head = is_head
        self._limits = limits
        self._sink = sink
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._head_bytes = self._fed = self._interim = self._taken = 0
        self._in_body = self._sized = self._encoded = self._extra = self._keep_alive = False
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.seen = self.complete = self.too_large = False
        self.failure = ""

    @property
    def reusable(self) -> bool:
        return self.complete and self._keep_alive and not self._extra and not self._is_head

    def feed(self, data: bytes) -> None:
        """Take what has arrived; never raises."""
        if self._parser is None:
            self._extra = True
            return
        self.seen = True
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it switched protocols unasked")
        except httptools.HttpParserError as error:
            self._fail(str(error))
        if not self._in_body and self._fed > self._limits.max_head:
            self._fail(f"the head of the answer is larger than {self._limits.max_head} bytes")
        if self.complete or self.failure:
            self._parser = None

    def feed_eof(self) -> None:
        """The other side has closed: complete only where closing ends the body (RFC 9112, 6.3)."""
        if self.complete or self.failure:
            return
        if self._in_body and not self._sized:
            self.complete = True
        self._parser = None

    def _fail(self, reason: str) -> None:
        if self.complete:
            self._extra = True
        elif not self.failure:
            self.failure = reason

    # Called by httptools.

    def on_message_begin(self) -> None:
        if self.complete:
            self._extra = True

    def on_status(self, status: bytes) -> None:
        if not self.complete:
            self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.max_head or len(self.headers) >= self._limits.max_headers:
            self._fail("the answer has too many or too large headers")
            return
        if self._in_body:  # a trailer
            return
        name = name.lower()
        if name == b"content-length":
            self._sized = True
        elif name == b"transfer-encoding":
            self._sized = True
            self._encoded = self._encoded or value.strip().lower() != b"chunked"
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._skip_interim()
            return
        if self._encoded:
            self._fail("it uses a transfer encoding other than chunked")
        if self._parser.get_http_version() not in ("1.1", "1.0") or not 200 <= status <= 599:
            self._fail("the version or status of the answer is not one of HTTP/1.1")
        self.status = status
        if status >= 300:
            self._sink = None
        elif self._sink is not None and any(name == b"content-encoding" for name, _ in self.headers):
            self._fail("it is encoded, which was not asked for")
        self._in_body = True
        self._keep_alive = self._parser.should_keep_alive()
        if self._is_head:
            self.complete = not self.failure

    def _skip_interim(self) -> None:
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            self._fail("it sends interim answers without end")
        if self._sized:
            self._fail("an interim answer announces a body")
        self.headers.clear()
        self.reason = b""

    def on_body(self, body: bytes) -> None:
        if self.complete or self.failure:
            return
        self._taken += len(body)
        if self._taken > self._limits.max_body:
            self.too_large = True
            self._fail("the body is too large")
        elif self._sink is not None:
            self._sink(body)
        else:
            self.body += body

    def on_message_complete(self) -> None:
        if self._in_body and not self.failure:
            self.complete = True
