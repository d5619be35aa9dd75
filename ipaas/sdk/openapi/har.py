"""A recording of a browser (HAR 1.2) as a document: an operation for each call, answers as examples, no secrets."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.sdk.openapi.findings import below, listed
from ipaas.sdk.openapi.reading import OpenApiUnreadable
from ipaas.sdk.openapi.recorded import File, Recorded, Recording, body_of, with_value
from ipaas.sdk.stubs.bodies import read_multipart

_NOT_CALLS = ("text/html", "text/css", "image/", "font/", "javascript", "video/", "audio/", "application/wasm")
MAX_ANSWER = 200_000


def recording_document(content: Mapping[str, Any]) -> bytes:
    """Of a whole recording or one entry of it; pages, pictures and scripts are passed over.

    Raises OpenApiUnreadable where no call is left.
    """
    made = Recording("har", "Recorded calls")
    log = content.get("log")
    entries = listed(log.get("entries")) if isinstance(log, Mapping) else [content] if "request" in content else []
    passed = calls = 0
    for number, entry in enumerate(entries):
        place = below("/log/entries", number)
        request = entry.get("request") if isinstance(entry, Mapping) else None
        if not isinstance(request, Mapping) or not request.get("url"):
            made.findings.dropped(place, "request", "an entry without a request")
            continue
        answer = entry.get("response") if isinstance(entry.get("response"), Mapping) else {}
        kind = str(_mapping(answer.get("content")).get("mimeType") or "")
        if request.get("method") == "OPTIONS" or any(one in kind for one in _NOT_CALLS):
            passed += 1
            continue
        calls += 1
        made.add(_recorded(request, answer), place)
    if passed:
        made.findings.note(
            "/log/entries", "not_a_call", f"{passed} pages, pictures, scripts and the like are passed over"
        )
    if not calls:
        raise OpenApiUnreadable(reason="the recording holds no call of an API")
    return made.document()


def _recorded(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Recorded:
    one = Recorded(str(request.get("method") or "GET"), str(request["url"]))
    one.headers = [
        (str(each["name"]), str(each.get("value", "")))
        for each in listed(request.get("headers"))
        if isinstance(each, Mapping) and each.get("name")
    ]
    sent = _mapping(request.get("postData"))
    one.content_type = str(sent.get("mimeType") or "")
    fields = _fields(listed(sent.get("params")))
    if one.content_type.startswith("multipart/"):
        text = str(sent.get("text") or "").replace("\r\n", "\n").replace("\n", "\r\n")
        one.form, one.body = "multipart", fields or _parts(one.content_type, text.encode())
    elif sent.get("text"):
        one.form, one.body = body_of(str(sent["text"]), one.content_type)
    elif fields:
        one.form, one.body = "form", fields
    status = answer.get("status")
    if isinstance(status, int) and 100 <= status < 600:
        one.answers = [(status, _answered(_mapping(answer.get("content"))))]
    return one


def _fields(params: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in params:
        if isinstance(each, Mapping) and each.get("name"):
            file = File(str(each.get("fileName") or ""), str(each.get("contentType") or ""))
            with_value(found, str(each["name"]), file if "fileName" in each else str(each.get("value", "")))
    return found


def _parts(content_type: str, body: bytes) -> dict[str, Any]:
    """A multipart body as browsers record it; what a file held is not kept."""
    found: dict[str, Any] = {}
    for name, told in (read_multipart(content_type, body) or {}).items():
        for one in told if isinstance(told, list) else [told]:
            kept = (
                File(str(one.get("filename", "")), str(one.get("content_type", "")))
                if isinstance(one, Mapping)
                else one
            )
            with_value(found, name, kept)
    return found


def _answered(content: Mapping[str, Any]) -> Any:
    text = content.get("text")
    if not isinstance(text, str) or "json" not in str(content.get("mimeType")) or len(text) > MAX_ANSWER:
        return None
    try:
        raw = b64decode(text) if content.get("encoding") == "base64" else text.encode()
        return jsonio.loads(raw)
    except (ValueError, jsonio.JsonInvalid):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
