"""The document form of a schema."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from ipaas.contracts.bundling import pinned, slugs_in
from ipaas.contracts.evolution import compatibility_check
from ipaas.contracts.models import RegisteredSchema, Schema, SchemaVersion
from ipaas.contracts.queries import bundle_of, published_in
from ipaas.contracts.usage import schema_held_by
from ipaas.contracts.validators import CompiledValidator, compile_schema, schema_problems
from ipaas.core.actor import Actor
from ipaas.core.document_forms import Finding, content_sha256, errors_of, pointer, schema_findings
from ipaas.core.document_types import Check, DocumentType, PublishDerived
from ipaas.core.documents import DocumentVersion
from ipaas.core.references import split_reference
from ipaas.ownership.naming import domain_findings

KIND = "schema"


@cache
def form() -> CompiledValidator:
    """The JSON Schema of schema documents."""
    return compile_schema(json.loads(files("ipaas.contracts").joinpath("schema.schema.json").read_text()), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong with a schema document, its own examples included."""
    found = schema_findings(form().validator, content)
    if found:
        return found
    made = bundle_of(content, workspace_id)
    if errors_of(made.findings):
        return made.findings
    problems = schema_problems(made.schema, "/schema") or _example_findings(content, made.schema)
    return [*made.findings, *problems, *domain_findings(content, workspace_id)]


def _example_findings(content: dict[str, Any], schema: Any) -> list[Finding]:
    validator = compile_schema(schema)
    return [
        Finding(pointer("examples", index) + error["path"], "schema.example", error["message"])
        for index, example in enumerate(content.get("examples", ()))
        for error in validator.errors(example)
    ]


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin the schemas that it refers to, to the newest version where it names none."""
    return pinned(content, published_in(workspace_id))


def registered_sha256(content: Mapping[str, Any]) -> str:
    """What two settled contents have in common that are the same schema for clients of the registry."""
    known = {key: content[key] for key in ("schema", "references") if content.get(key)}
    return content_sha256(known if "references" in known else content["schema"])


def _complete(version: DocumentVersion, _actor: Actor) -> None:
    """Give a version the number that the registry knows it by, and what it refers to."""
    workspace_id = version.document.workspace_id
    registered, _ = RegisteredSchema.objects.get_or_create(
        workspace_id=workspace_id, sha256=registered_sha256(version.content)
    )
    rows = SchemaVersion.objects.filter(id=version.id)
    made = bundle_of(version.content, workspace_id)
    rows.update(registered=registered, **({"bundle": made.schema} if made.pins else {}))
    for reference in sorted(set(made.pins.values())):
        rows.get().refers_to.add(SchemaVersion.objects.of(workspace_id, *split_reference(reference)))


SCHEMA_TYPE = DocumentType(
    kind=KIND,
    permission="schemas",
    document=Schema,
    version=SchemaVersion,
    validate=validate,
    settle=settle,
    rank=10,
    on_published=_complete,
    refers_to=slugs_in,
    held_by=schema_held_by,
    checks=(
        Check(name="compatibility", title=gettext_noop("Compatible with what is published"), run=compatibility_check),
    ),
)
