"""From validated parameters to the parts of an HTTP request, by templates that are compiled once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

from ipaas.core.jsonio import dumps
from ipaas.expressions import compile_expression, compile_value
from ipaas.sdk.bodies import RequestNotBuildable, decoded, form_pairs, multipart, scalar_text
from ipaas.sdk.cookies import cookie_line
from ipaas.sdk.formats.xml import NotXml, write_document
from ipaas.sdk.manifest import ActionSpec
from ipaas.sdk.paths import with_path

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_RESERVED_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "proxy-authorization",
        "authorization",
        "cookie",
        "traceparent",
        "tracestate",
    }
)
_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "base64": "application/octet-stream",
    "xml": "application/xml",
}
MAX_HEADER_CHARS = 8192
_IN_SEGMENT = "%:@!$&'()*+,;=~"
"""What ``{{+ … }}`` in a path may write as it is (RFC 3986, ``pchar``): the expression encodes its values itself."""


@dataclass(frozen=True, slots=True)
class BuiltRequest:
    """A request below the connection's base URL; ``path`` is encoded, ``query`` is not; cookies are a header."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


class RequestTemplate:
    """The compiled templates of one action. ``build`` is pure: same scope, same request."""

    def __init__(self, spec: ActionSpec, default_headers: Mapping[str, str]) -> None:
        self._spec = spec
        self._method = compile_value(spec.method or "GET")
        self._path = _compile_path(spec.path or "/", free=spec.free_path)
        self._query = compile_value(spec.query) if spec.query is not None else None
        self._default_headers = compile_value(dict(default_headers))
        self._headers = compile_value(spec.headers) if spec.headers is not None else None
        self._cookies = compile_value(spec.cookies) if spec.cookies is not None else None
        self._body = compile_value(spec.body) if spec.has_body else None

    def build(self, scope: Mapping[str, Any], *, effect_key: str | None) -> BuiltRequest:
        """Evaluate over ``params`` and ``config``; put the effect key where the manifest says.

        Raises RequestNotBuildable for a value that has no place in a request.
        """
        spec = self._spec
        method = str(self._method.evaluate(scope)).upper()
        if method not in _METHODS:
            raise RequestNotBuildable(reason="the method is not one of " + ", ".join(sorted(_METHODS)))
        headers = _header_lines(self._default_headers.evaluate(scope))
        if self._headers is not None:
            headers |= _header_lines(self._headers.evaluate(scope))
        if self._cookies is not None:
            headers |= _cookie_header(self._cookies.evaluate(scope))
        if effect_key and spec.idempotency.header:
            headers[spec.idempotency.header.lower()] = effect_key
        body = self._encoded_body(scope, headers, effect_key)
        query = _pairs(self._query.evaluate(scope)) if self._query is not None else ()
        return BuiltRequest(method, self._path(scope), query, headers, body)

    def _encoded_body(self, scope: Mapping[str, Any], headers: dict[str, str], effect_key: str | None) -> bytes:
        spec = self._spec
        value = self._body.evaluate(scope) if self._body is not None else None
        if effect_key and spec.idempotency.field and (value is None or isinstance(value, dict)):
            value = with_path(value or {}, spec.idempotency.field, effect_key)
        if value is None:
            return b""
        if spec.body_format == "multipart":
            boundary, encoded = multipart(value)
            headers["content-type"] = f"multipart/form-data; boundary={boundary}"
            return encoded
        headers.setdefault("content-type", _CONTENT_TYPES[spec.body_format])
        if spec.body_format == "text":
            return _text(value, "the body").encode()
        if spec.body_format == "base64":
            return decoded(value, "the body")
        if spec.body_format == "form":
            return urlencode(form_pairs(value)).encode()
        if spec.body_format == "xml":
            return _xml(value)
        return dumps(_without_null(value) if spec.omit_null else value)


def _text(value: Any, where: str) -> str:
    text = scalar_text(value)
    if text is None:
        raise RequestNotBuildable(reason=f"{where} takes a text, number or boolean")
    return text


def _xml(value: Any) -> bytes:
    try:
        return write_document(value)
    except NotXml as error:
        raise RequestNotBuildable(reason=f"the body can not be written as XML: {error}") from error


def _compile_path(path: str, *, free: bool) -> Any:
    if free:
        whole = compile_value(path)
        return lambda scope: _checked_free_path(whole.evaluate(scope))
    parts = _PLACEHOLDER.split(path)
    if len(parts) == 1:
        return lambda scope: path
    plain = [part if index % 2 == 0 else None for index, part in enumerate(parts)]
    places = [
        (compile_expression(part.strip().removeprefix("+")), _IN_SEGMENT if part.strip().startswith("+") else "")
        for part in parts[1::2]
    ]

    def render(scope: Mapping[str, Any]) -> str:
        texts = iter([_segment(expression.evaluate(scope), safe) for expression, safe in places])
        return without_dots("".join(next(texts) if part is None else part for part in plain))

    return render


def _segment(value: Any, safe: str) -> str:
    text = _text(value, "a place in the path")
    if not text or any(ord(char) < 32 for char in text):
        raise RequestNotBuildable(reason="a place in the path is empty or holds a control character")
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        raise RequestNotBuildable(reason="a place in the path is not valid Unicode") from error


def _checked_free_path(value: Any) -> str:
    text = _text(value, "the path")
    if not text.startswith("/") or text.startswith("//"):
        raise RequestNotBuildable(reason="the path begins with one slash")
    if any(ord(char) <= 32 or ord(char) == 127 or char in "\\?#" for char in text):
        raise RequestNotBuildable(reason="the path holds a space, control character, backslash, ? or #")
    try:
        return without_dots(quote(text, safe="/%:@!$&'()*+,;=~-._"))
    except UnicodeEncodeError as error:
        raise RequestNotBuildable(reason="the path is not valid Unicode") from error


def without_dots(path: str) -> str:
    """The path; raises RequestNotBuildable where a segment of it leads elsewhere."""
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise RequestNotBuildable(reason="a segment of the path is . or ..")
    return path


def _pairs(value: Any, what: str = "query") -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise RequestNotBuildable(reason=f"{what} takes an object")
    pairs: list[tuple[str, str]] = []
    for name, one in value.items():
        items = one if isinstance(one, list) else [one]
        pairs.extend((name, _text(item, f"{name} in {what}")) for item in items if item is not None)
    return tuple(pairs)


def _header_lines(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestNotBuildable(reason="headers take an object")
    lines: dict[str, str] = {}
    for name, one in value.items():
        if one is None:
            continue
        lowered = name.lower()
        if not _TOKEN.fullmatch(name) or lowered in _RESERVED_HEADERS:
            raise RequestNotBuildable(reason=f"the header {name[:60]!r} is not one that a request may set")
        text = _text(one, f"the header {name}")
        if len(text) > MAX_HEADER_CHARS or any(not 32 <= ord(char) < 127 and char != "\t" for char in text):
            raise RequestNotBuildable(reason=f"the header {name} is too long or holds a character outside ASCII")
        lines[lowered] = text.strip()
    return lines


def _cookie_header(value: Any) -> dict[str, str]:
    pairs = _pairs(value, "cookies")
    if any(not name for name, _ in pairs):
        raise RequestNotBuildable(reason="a cookie has no name")
    try:
        line = cookie_line(pairs)
    except UnicodeEncodeError as error:
        raise RequestNotBuildable(reason="a cookie is not valid Unicode") from error
    if len(line) > MAX_HEADER_CHARS:
        raise RequestNotBuildable(reason="the cookies are too long together")
    return {"cookie": line} if line else {}


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_null(one) for one in value]
    return value
