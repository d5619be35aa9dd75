"""The document form of an event type: an event of the business, owned and typed."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q

from ipaas.contracts.models import EventType, EventTypeVersion, SchemaVersion
from ipaas.contracts.queries import validator_for
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, pointer, schema_findings
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, split_reference
from ipaas.ownership.naming import domain_findings

KIND = "event_type"
EventMode = Literal["block", "warn"]


@cache
def form() -> CompiledValidator:
    """The JSON Schema of event type documents."""
    text = files("ipaas.contracts").joinpath("event_type.schema.json").read_text()
    return compile_schema(json.loads(text), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong or doubtful with an event type; its schema and examples where a workspace is given."""
    found = schema_findings(form().validator, content)
    if found or workspace_id is None:
        return found
    if not content.get("owner") and not content.get("domain"):
        message = said("name a domain or an owner, so that everybody knows who answers for the event")
        found.append(Finding("", "event_type.no_owner", message, "warning"))
    found += [*_name_findings(content, workspace_id), *_schema_findings(content, workspace_id)]
    return [*found, *domain_findings(content, workspace_id)]


def _name_findings(content: Mapping[str, Any], workspace_id: UUID) -> Iterator[Finding]:
    """One name has one event type: data is judged by one schema."""
    rows = EventType.objects.in_workspace(workspace_id).live().exclude(slug=content["slug"])
    other = rows.filter(Q(draft__name=content["name"]) | Q(versions__content__name=content["name"])).first()
    if other is not None:
        message = said("the event type {slug} has the name {name!r} already", slug=other.slug, name=content["name"])
        yield Finding("/name", "event_type.name_taken", message)


def _schema_findings(content: Mapping[str, Any], workspace_id: UUID) -> Iterator[Finding]:
    reference = content["schema"]
    version = SchemaVersion.objects.of(workspace_id, *split_reference(reference))
    if version is None or version.state == SchemaVersion.State.RETIRED:
        message = said("there is no published schema {name!r}, or it is retired", name=reference)
        yield Finding("/schema", "schema.unknown", message)
        return
    if version.state == SchemaVersion.State.DEPRECATED:
        message = said("the schema {name!r} is deprecated", name=reference_to(version.document.slug, version.number))
        yield Finding("/schema", "schema.deprecated", message, "warning")
    for index, example in enumerate(content.get("examples", ())):
        for error in validator_for(version.id).errors(example):
            yield Finding(pointer("examples", index) + error["path"], "event_type.example", error["message"])


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin the schema to the newest version where the document names none."""
    version = SchemaVersion.objects.of(workspace_id, *split_reference(content["schema"]))
    return content if version is None else {**content, "schema": reference_to(version.document.slug, version.number)}


def mode_in(content: Mapping[str, Any], environment: str) -> EventMode:
    """What becomes of data that breaks the schema in an environment (its slug)."""
    mode: EventMode = content.get("modes", {}).get(environment) or content.get("mode") or "block"
    return mode


EVENT_TYPE = DocumentType(
    kind=KIND,
    permission="event_types",
    document=EventType,
    version=EventTypeVersion,
    validate=validate,
    settle=settle,
    rank=15,
)
