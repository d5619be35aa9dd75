"""What was handed in: which notation it is, and what of it may be kept.

Notations that hold credentials (a command, a collection, a recording) become an OpenAPI document at once, without
them; only that is ever stored.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput
from ipaas.sdk.openapi.curl import command_document
from ipaas.sdk.openapi.graphql import check_schema, is_schema
from ipaas.sdk.openapi.har import recording_document
from ipaas.sdk.openapi.postman import collection_document
from ipaas.sdk.openapi.reading import JSON_LIMITS, OpenApiUnreadable, refuse_other_things, unified

_CURL = re.compile(rb"\s*(?:[$>#]\s+)?(?:[A-Z_]\w*=\S*\s+)*(?:\S*[/\\])?curl(?:\.exe)?\s")
KINDS = ("openapi", "curl", "postman", "har", "graphql")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """``source`` without credentials, and its digest, by which it is recognised."""

    kind: str
    source: bytes
    digest: str


def cleaned(data: bytes, kind: str = "") -> Cleaned:
    """What may be kept of a description; without ``kind`` it is recognised. Raises OpenApiUnreadable, InvalidInput."""
    if kind and kind not in KINDS:
        message = f"is one of {', '.join(KINDS)}"
        raise InvalidInput([{"path": "kind", "code": "kind.unknown", "message": message}])
    data = unified(data)
    if kind == "curl" or (not kind and _CURL.match(data)):
        return _of("curl", command_document(_text(data).strip().lstrip("$>#").strip()))
    if kind == "graphql" or (not kind and is_schema(data)):
        check_schema(data)
        return _of("graphql", data)
    if kind == "openapi" or data.lstrip()[:1] != b"{":
        _refuse_other(kind, data)
        refuse_other_things(data)
        return _of("openapi", data)
    content = _json(data)
    found = kind or _notation(content)
    if found == "postman":
        return _of(found, collection_document(content))
    return _of(found, recording_document(content) if found == "har" else data)


def _notation(content: Mapping[str, Any]) -> str:
    if "openapi" in content or "swagger" in content:
        return "openapi"
    log, info = content.get("log"), content.get("info")
    if isinstance(log, Mapping) and isinstance(log.get("entries"), list):
        return "har"
    request = content.get("request")
    if isinstance(request, Mapping) and "url" in request and "info" not in content:
        return "har"
    if "_postman_variable_scope" in content or ("requests" in content and "order" in content):
        return "postman"
    if isinstance(content.get("collection"), Mapping):
        return _notation(content["collection"])
    postman = isinstance(info, Mapping) and ("_postman_id" in info or "getpostman" in str(info.get("schema")))
    return "postman" if postman and isinstance(content.get("item"), list) else "openapi"


def _refuse_other(kind: str, data: bytes) -> None:
    if kind in ("postman", "har") and data.lstrip()[:1] != b"{":
        raise OpenApiUnreadable(reason=f"a {kind} file is a JSON object, and this is none")


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        found = jsonio.loads(data, limits=JSON_LIMITS)
    except jsonio.JsonInvalid as error:
        raise OpenApiUnreadable(reason=error.detail) from error
    return found if isinstance(found, Mapping) else {}


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise OpenApiUnreadable(reason="it is not text in UTF-8") from error


def _of(kind: str, source: bytes) -> Cleaned:
    return Cleaned(kind, source, hashlib.sha256(source).hexdigest())
