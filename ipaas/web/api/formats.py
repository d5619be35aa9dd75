"""JSON in and out of the API by the one strict reader and the one exact writer."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from ipaas.core import jsonio
from ipaas.core.errors import TooLarge
from ipaas.core.jsonio import DEFAULT, JSON


class StrictJsonParser(BaseParser):
    """Bounded, exact and unambiguous; raises ``JsonInvalid`` or ``TooLarge`` and nothing else."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> JSON:
        limits: jsonio.JsonLimits = getattr((parser_context or {}).get("view"), "json_limits", DEFAULT)
        data = stream.read(limits.max_bytes + 1)
        if len(data) > limits.max_bytes:
            raise TooLarge(what="body", limit=f"{limits.max_bytes} bytes")
        return jsonio.loads(data, limits=limits)


class JsonRenderer(BaseRenderer):
    """Compact UTF-8; decimals keep their digits."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if isinstance(data, bytes):
            return data
        return b"" if data is None else jsonio.dumps(data)
