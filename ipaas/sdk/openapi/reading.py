"""From bytes to the tree of an OpenAPI document, whatever its dialect."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core import jsonio, yamlio
from ipaas.core.errors import IpaasError
from ipaas.sdk.openapi.findings import Findings, listed
from ipaas.sdk.openapi.swagger import upgraded

JSON_LIMITS = jsonio.JsonLimits(
    max_bytes=24 * 1024 * 1024, max_depth=256, max_keys=2_000_000, max_string=4 * 1024 * 1024
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WEB_PAGE = "it is a web page; find the address or file of the description itself, such as openapi.json"
_PACKED = "it is an archive; unpack it and hand in the description inside"
_OTHER_FILES = (
    (b"<!doctype html", _WEB_PAGE),
    (b"<html", _WEB_PAGE),
    (b"<head", _WEB_PAGE),
    (b"<", "it is XML; descriptions of SOAP and other XML services are not imported"),
    (b"pk\x03\x04", _PACKED),
    (b"\x1f\x8b", _PACKED),
    (b"bzh", _PACKED),
    (b"\xfd7zxz", _PACKED),
    (b"%pdf", "it is a PDF document"),
    (b"\x89png", "it is a picture"),
    (b"#%raml", "it is RAML; convert it to OpenAPI first"),
)
_OTHER_KEYS = {
    "asyncapi": "it is AsyncAPI, which describes messages; hand in the OpenAPI document of the service",
    "swaggerVersion": "it is Swagger 1; convert it to OpenAPI first",
    "raml": "it is RAML; convert it to OpenAPI first",
}
YAML_LIMITS = yamlio.YamlLimits(max_characters=24 * 1024 * 1024, max_depth=256, max_nodes=3_000_000, merge_keys=True)


ORIGIN = "x-imported-from"
"""Where a document that was made of a command, collection or recording says so, with what was found in making it."""


class OpenApiUnreadable(IpaasError):
    """This is not a description that can be imported: {reason}"""

    status = 422
    code = "openapi_unreadable"
    title = "Description unreadable"
    remedy = (
        "Hand in an OpenAPI 3.0 or 3.1 or a Swagger 2.0 document as JSON or YAML, with its references resolved into "
        "it, a cURL command, a Postman collection, a HAR file, or a GraphQL schema."
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A document in the shape of OpenAPI 3; ``dialect`` is what it was written in: 2.0, 3.0 or 3.1.

    ``notation`` is set where it was made of something else: curl, postman or har.
    """

    dialect: str
    content: Mapping[str, Any]
    notation: str = ""


def read_source(data: bytes, findings: Findings) -> Source:
    """Raises OpenApiUnreadable."""
    refuse_other_things(data)
    content = _parsed(data)
    if not isinstance(content, dict):
        raise OpenApiUnreadable(reason="its top is not an object")
    version = str(content.get("openapi") or content.get("swagger") or "")
    if "swagger" in content and version.startswith("2"):
        return Source("2.0", upgraded(content, findings))
    if "openapi" in content and version.startswith("3.2"):
        findings.note("/openapi", "version", "3.2 is read as 3.1: what only 3.2 has is left out")
        return Source("3.1", content, _origin(content, findings))
    for dialect in ("3.0", "3.1"):
        if "openapi" in content and version.startswith(dialect):
            return Source(dialect, content, _origin(content, findings))
    if version:
        raise OpenApiUnreadable(reason=f"version {version[:20]} is not one of 2.0, 3.0 and 3.1")
    other = next((words for key, words in _OTHER_KEYS.items() if key in content), "")
    raise OpenApiUnreadable(reason=other or "it has neither the key openapi nor the key swagger")


def unified(data: bytes) -> bytes:
    """Text of Unicode in any of its forms as UTF-8; other bytes as they are."""
    name = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not name and b"\0" in data[:2]:
        name = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    if not name:
        return data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode(name).encode()
    except UnicodeError as error:
        raise OpenApiUnreadable(reason=f"it looks like {name.upper()} and is none") from error


def refuse_other_things(data: bytes) -> None:
    """Raise OpenApiUnreadable, with words for what it is, for files that people hand in by mistake."""
    head = data[:2000].lstrip()
    lowered = head[:200].lower()
    for start, words in _OTHER_FILES:
        if lowered.startswith(start):
            raise OpenApiUnreadable(reason=words)
    if not head:
        raise OpenApiUnreadable(reason="it is empty")
    if b"\0" in head:
        raise OpenApiUnreadable(reason="it is not text")


def _origin(content: Mapping[str, Any], findings: Findings) -> str:
    """The notation that the document was made of, and what was found in making it."""
    told = content.get(ORIGIN)
    if not isinstance(told, Mapping):
        return ""
    for one in listed(told.get("findings")):
        if isinstance(one, list) and len(one) == 4:
            path, code, message, level = map(str, one)
            (findings.dropped if level == "dropped" else findings.note)(path, code[:40], message[:300])
    return str(told.get("notation", ""))[:12]


def _parsed(data: bytes) -> Any:
    text = data.lstrip()
    try:
        if text[:1] in (b"{", b"["):
            return jsonio.loads(text, limits=JSON_LIMITS)
        return yamlio.load(text, limits=YAML_LIMITS)
    except (jsonio.JsonInvalid, yamlio.YamlInvalid) as error:
        raise OpenApiUnreadable(reason=error.detail) from error
