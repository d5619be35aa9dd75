"""What other apps read of mappings."""

from functools import lru_cache
from uuid import UUID

from ipaas.core.errors import NotFound
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from ipaas.mapping.formats.applying import with_formats
from ipaas.mapping.models import MappingVersion


@lru_cache(maxsize=1024)
def mapping_for(version_id: UUID) -> CompiledMapping:
    """The compiled mapping of a published version, kept per process (versions never change)."""
    version = MappingVersion.objects.filter(id=version_id).first()
    if version is None:
        raise NotFound(what="mapping version")
    compiled = engine.compile(version.content, version_id=version.id, sha256=version.sha256)
    return with_formats(compiled, version.content)
