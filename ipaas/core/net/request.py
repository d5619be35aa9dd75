"""The head of a request as bytes, checked so that no value can become another header or request."""

import re
from collections.abc import Sequence
from functools import lru_cache

from .decoding import ACCEPT_ENCODING
from .errors import RequestRefused
from .urls import Target

Headers = Sequence[tuple[bytes, bytes]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(
    {
        b"host",
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def request_head(method: str, target: Target, headers: Headers, body_size: int) -> bytes:
    """Request line and headers with Host, Accept-Encoding (unless given) and Content-Length; raises RequestRefused.

    Headers of framing and connection are ours alone and refused when handed in.
    """
    _check_method(method)
    lines = [b"%b %b HTTP/1.1\r\nhost: %b" % (method.encode("ascii"), target.path, target.host_header)]
    accepts = False
    for name, value in headers:
        lower = _checked_name(name)
        if lower == b"accept-encoding":
            accepts = True
        lines.append(name + b": " + value)
    bad = _BAD_VALUE.search(b"".join([value for _, value in headers]))
    if bad is not None:
        raise RequestRefused(reason="a header value holds a control character, such as a line break")
    if not accepts:
        lines.append(b"accept-encoding: " + ACCEPT_ENCODING)
    if body_size or method in _WITH_BODY:
        lines.append(b"content-length: %d" % body_size)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


@lru_cache(maxsize=64)
def _check_method(method: str) -> None:
    if not _METHOD.fullmatch(method) or method in {"CONNECT", "TRACE"}:
        raise RequestRefused(reason="the method is not a plain HTTP method")


@lru_cache(maxsize=1024)
def _checked_name(name: bytes) -> bytes:
    if not _NAME.fullmatch(name):
        raise RequestRefused(reason="a header name holds characters that it must not")
    lower = name.lower()
    if lower in _OURS:
        raise RequestRefused(reason=f"the header {lower.decode('ascii')} is set by the client itself")
    return lower


def is_own_header(name: bytes) -> bool:
    """Whether a header (lower case) is set by the client itself."""
    return name in _OURS
