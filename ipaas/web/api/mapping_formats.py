"""Inputs turned into outputs by published mappings."""

from base64 import b64decode, b64encode
from io import BytesIO
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.mapping.formats import BINARY, MEDIA_TYPES
from ipaas.mapping.formats.applying import FormattedMapping, convert
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.queries import mapping_for
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import StrictSerializer


class ConvertInput(StrictSerializer):
    content = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="The input as a text, in UTF-8 whatever the format says."
    )
    base64 = serializers.BooleanField(default=False, help_text="The content is Base64 of a file, taken as it is.")
    version = serializers.IntegerField(min_value=1, required=False, help_text="The newest published one if left out.")


class ConvertedOutput(serializers.Serializer[Any]):
    content = serializers.CharField(help_text="What was written.")
    base64 = serializers.BooleanField(help_text="The content is Base64, as of a workbook.")
    media_type = serializers.CharField()
    records = serializers.IntegerField(help_text="How many were mapped; 1 for an input that is taken as a whole.")
    version = serializers.IntegerField(help_text="The version that was used.")


@extend_schema(tags=["mappings"])
class MappingConvertViewSet(ApiViewSet):
    """One mapping, used outside of flows."""

    json_limits = jsonio.JsonLimits(max_bytes=16 * 1024 * 1024, max_string=16 * 1024 * 1024)
    required_permissions: ClassVar[dict[str, str]] = {"convert": "mappings.view"}

    @extend_schema(request=ConvertInput, responses=ConvertedOutput)
    def convert(self, request: Request, slug: str) -> Response:
        """What a published mapping makes of an input; nothing is stored. Of its scope only now has a value."""
        given = self.read(ConvertInput)
        document = self.one(Mapping.objects.in_workspace(self.workspace.id), "mapping", slug=slug)
        rows = MappingVersion.objects.filter(document=document).order_by("-number")
        version = rows.filter(number=given["version"]).first() if "version" in given else rows.first()
        if version is None:
            raise NotFound(what="mapping version")
        mapping = mapping_for(version.id)
        formatted = mapping if isinstance(mapping, FormattedMapping) else None
        spec = (formatted.output if formatted else None) or {"format": "json"}
        target = BytesIO()
        scope = {"vars": {}, "run": {"id": "", "flow": ""}, "now": now().isoformat()}
        source = _bytes(given, (formatted.input if formatted else None) or {"format": "json"})
        count = convert(mapping, source, target, scope)
        binary = spec["format"] in BINARY or not _is_text(target.getvalue())
        made = b64encode(target.getvalue()) if binary else target.getvalue()
        found = {
            "content": made.decode(),
            "base64": binary,
            "media_type": MEDIA_TYPES[spec["format"]],
            "records": count,
            "version": version.number,
        }
        return Response(found)


def _bytes(given: dict[str, Any], spec: Any) -> bytes:
    if given["base64"]:
        try:
            return b64decode(given["content"], validate=True)
        except ValueError as error:
            message = "is not Base64"
            raise InvalidInput([{"path": "content", "code": "content.base64", "message": message}]) from error
    encoding = "utf-8" if spec["format"] in ("json", "xml", "form", *BINARY) else spec.get("encoding", "utf-8")
    try:
        return str(given["content"]).encode(encoding)
    except UnicodeEncodeError as error:
        message = f"has a character that {encoding} does not"
        raise InvalidInput([{"path": "content", "code": "content.encoding", "message": message}]) from error


def _is_text(made: bytes) -> bool:
    try:
        made.decode()
    except UnicodeDecodeError:
        return False
    return True
