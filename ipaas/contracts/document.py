"""The document form of a schema."""

import json
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from ipaas.contracts.evolution import compatibility_check
from ipaas.contracts.models import RegisteredSchema, Schema, SchemaVersion
from ipaas.contracts.validators import CompiledValidator, compile_schema, schema_problems
from ipaas.core.actor import Actor
from ipaas.core.document_forms import Finding, content_sha256, pointer, schema_findings
from ipaas.core.document_types import Check, DocumentType
from ipaas.core.documents import DocumentVersion
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
    found = schema_problems(content["schema"], "/schema")
    return found or _example_findings(content) + domain_findings(content, workspace_id)


def _example_findings(content: dict[str, Any]) -> list[Finding]:
    validator = compile_schema(content["schema"])
    return [
        Finding(pointer("examples", index) + error["path"], "schema.example", error["message"])
        for index, example in enumerate(content.get("examples", ()))
        for error in validator.errors(example)
    ]


def _number(version: DocumentVersion, _actor: Actor) -> None:
    """Give the schema of a version the number that the registry knows it by."""
    sha256 = content_sha256(version.content["schema"])
    registered, _ = RegisteredSchema.objects.get_or_create(workspace_id=version.document.workspace_id, sha256=sha256)
    SchemaVersion.objects.filter(id=version.id).update(registered=registered)


SCHEMA_TYPE = DocumentType(
    kind=KIND,
    permission="schemas",
    document=Schema,
    version=SchemaVersion,
    validate=validate,
    rank=10,
    on_published=_number,
    checks=(
        Check(name="compatibility", title=gettext_noop("Compatible with what is published"), run=compatibility_check),
    ),
)
