"""What other apps read of mappings."""

from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from ipaas.core import yamlio
from ipaas.core.errors import NotFound
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from ipaas.mapping.formats.applying import with_formats
from ipaas.mapping.models import MappingVersion
from ipaas.mapping.resolving import resolver_of


@lru_cache(maxsize=1024)
def mapping_for(version_id: UUID) -> CompiledMapping:
    """The compiled mapping of a published version, kept per process (versions never change)."""
    version = MappingVersion.objects.filter(id=version_id).select_related("document").first()
    if version is None:
        raise NotFound(what="mapping version")
    content = in_order(version.content, version.text) if "output" in version.content else version.content
    resolve = resolver_of(version.workspace_id)
    compiled = engine.compile(content, resolve=resolve, version_id=version.id, sha256=version.sha256)
    return with_formats(compiled, content)


def in_order(content: dict[str, Any], text: str) -> dict[str, Any]:
    """The same content with its keys as people wrote them, which the database does not keep: an output may need it."""
    try:
        told = yamlio.load(text) if text else None
    except yamlio.YamlInvalid:
        return content
    return cast("dict[str, Any]", _ordered(content, told))


def _ordered(value: Any, told: Any) -> Any:
    if isinstance(value, dict) and isinstance(told, dict):
        names = [*(name for name in told if name in value), *(name for name in value if name not in told)]
        return {name: _ordered(value[name], told.get(name)) for name in names}
    return value
