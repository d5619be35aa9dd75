"""What other apps read of schemas and event types."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from ipaas.contracts.bundling import Bundle, Load, Target, bundle, whole_of
from ipaas.contracts.models import EventTypeVersion, SchemaVersion
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.errors import NotFound
from ipaas.core.references import reference_to, split_reference


@lru_cache(maxsize=1024)
def validator_for(version_id: UUID) -> CompiledValidator:
    """The compiled validator of a published schema version, kept per process (versions never change)."""
    version = SchemaVersion.objects.filter(id=version_id).first()
    if version is None:
        raise NotFound(what="schema version")
    return compile_schema(version.whole, version_id=version.id, sha256=version.sha256)


def published_in(workspace_id: UUID) -> Load:
    """Finds the published schemas of a workspace for references."""

    def load(reference: str) -> Target | None:
        version = SchemaVersion.objects.of(workspace_id, *split_reference(reference))
        if version is None:
            return None
        return Target(reference_to(version.document.slug, version.number), version.content, version.state)

    return load


def bundle_of(content: Mapping[str, Any], workspace_id: UUID | None) -> Bundle:
    """The schema of a document of the right form with what it refers to; that accepts anything without a workspace."""
    return bundle(content, _anything if workspace_id is None else published_in(workspace_id))


def _anything(reference: str) -> Target:
    slug, number = split_reference(reference)
    return Target(reference_to(slug, number or 1), {"slug": slug, "schema": True})


def whole_schema(content: Any, workspace_id: UUID) -> Any:
    """The schema of a document of any form, with what it refers to where that can be followed; None for none."""
    return whole_of(content, published_in(workspace_id))


@dataclass(frozen=True, slots=True)
class EventJudge:
    """What events of one type are held to now: the event type (``slug@version``), its content and its schema."""

    reference: str
    content: Mapping[str, Any]
    validator: CompiledValidator


def event_judge(workspace_id: UUID, name: str) -> EventJudge | None:
    """What judges events of a name: the newest version of the live event type that has it; None for none."""
    rows = EventTypeVersion.objects.in_force(workspace_id).filter(content__name=name).select_related("document")
    version = rows.order_by("document__slug").first()
    if version is None:
        return None
    schema = SchemaVersion.objects.of(workspace_id, *split_reference(version.content["schema"]))
    if schema is None:
        raise NotFound(what="schema version")
    return EventJudge(reference_to(version.document.slug, version.number), version.content, validator_for(schema.id))
