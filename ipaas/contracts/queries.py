"""What other apps read of schemas."""

from functools import lru_cache
from uuid import UUID

from ipaas.contracts.models import SchemaVersion
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.errors import NotFound


@lru_cache(maxsize=1024)
def validator_for(version_id: UUID) -> CompiledValidator:
    """The compiled validator of a published schema version, kept per process (versions never change)."""
    version = SchemaVersion.objects.filter(id=version_id).first()
    if version is None:
        raise NotFound(what="schema version")
    return compile_schema(version.content["schema"], version_id=version.id, sha256=version.sha256)
