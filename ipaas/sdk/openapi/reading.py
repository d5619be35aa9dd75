"""From bytes to the tree of an OpenAPI document, whatever its dialect."""

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
YAML_LIMITS = yamlio.YamlLimits(max_characters=24 * 1024 * 1024, max_depth=256, max_nodes=3_000_000)


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
    content = _parsed(data)
    if not isinstance(content, dict):
        raise OpenApiUnreadable(reason="its top is not an object")
    version = str(content.get("openapi") or content.get("swagger") or "")
    if "swagger" in content and version.startswith("2"):
        return Source("2.0", upgraded(content, findings))
    for dialect in ("3.0", "3.1"):
        if "openapi" in content and version.startswith(dialect):
            return Source(dialect, content, _origin(content, findings))
    if version:
        raise OpenApiUnreadable(reason=f"version {version[:20]} is not one of 2.0, 3.0 and 3.1")
    raise OpenApiUnreadable(reason="it has neither the key openapi nor the key swagger")


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
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        if text[:1] in (b"{", b"["):
            return jsonio.loads(text, limits=JSON_LIMITS)
        return yamlio.load(text, limits=YAML_LIMITS)
    except (jsonio.JsonInvalid, yamlio.YamlInvalid) as error:
        raise OpenApiUnreadable(reason=error.detail) from error
