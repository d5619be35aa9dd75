"""The document form of a mapping."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from ipaas.contracts.models import SchemaVersion
from ipaas.core.document_forms import Finding
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.core.references import split_reference
from ipaas.expressions import ExpressionError, Library
from ipaas.mapping.case_checks import TESTS
from ipaas.mapping.checking import Checker
from ipaas.mapping.form import form_findings
from ipaas.mapping.jsonata import compile_jsonata
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.naming import library_findings, pinned
from ipaas.mapping.references import Names, template_findings
from ipaas.ownership.naming import domain_findings

KIND = "mapping"
SOURCE_NAMES: Names = frozenset({"source", "vars", "run", "now"})
FLOW_NAMES: Names = SOURCE_NAMES | {"trigger", "steps", "business_ids", "loop"}
ASIDE = frozenset({"tests"})
SCHEMA_KEYS = ("source_schema", "target_schema")


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong with a mapping document; references only where a workspace is given."""
    found = form_findings(content)
    if found:
        return found
    found, library = library_findings(content, workspace_id)
    found += _program_findings(content, library)
    if workspace_id is not None:
        found += _reference_findings(content, workspace_id)
    return found + domain_findings(content, workspace_id)


def _program_findings(content: dict[str, Any], library: Library) -> Iterator[Finding]:
    """Problems of what makes the target: fields, one JSONata expression or a text."""
    names = FLOW_NAMES.union(content.get("loop_names", ())) if content.get("scope") == "flow" else SOURCE_NAMES
    if "jsonata" in content:
        try:
            compile_jsonata(content["jsonata"], library=library)
        except ExpressionError as error:
            yield Finding("/jsonata", error.code, error.detail)
    elif "template" in content:
        yield from template_findings(content["template"], "/template", names, library)
    else:
        for finding, _ in Checker(library).fields(content["fields"], "/fields", names):
            if finding is not None:
                yield finding


def _reference_findings(content: dict[str, Any], workspace_id: UUID) -> list[Finding]:
    return [
        Finding(
            f"/{key}",
            "schema.unknown",
            said("there is no published schema {name!r}, or it is retired", name=content[key]),
        )
        for key in SCHEMA_KEYS
        if key in content and not SchemaVersion.objects.pinnable(workspace_id, *split_reference(content[key]))
    ]


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin what the document refers to, to the newest version where it names none; tests are no part of what runs."""
    settled = pinned({key: value for key, value in content.items() if key not in ASIDE}, workspace_id)
    for key in SCHEMA_KEYS:
        if key in content:
            version = SchemaVersion.objects.of(workspace_id, *split_reference(content[key]))
            settled[key] = f"{version.document.slug}@{version.number}" if version else content[key]
    return settled


MAPPING_TYPE = DocumentType(
    kind=KIND,
    permission="mappings",
    document=Mapping,
    version=MappingVersion,
    validate=validate,
    settle=settle,
    aside=ASIDE,
    checks=(TESTS,),
    rank=50,
)
