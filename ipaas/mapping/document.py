"""The document form of a mapping."""

from typing import Any
from uuid import UUID

from ipaas.contracts.models import SchemaVersion
from ipaas.core.document_forms import Finding
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.core.references import split_reference
from ipaas.mapping.case_checks import TESTS
from ipaas.mapping.checking import Checker
from ipaas.mapping.explaining import NO_LIBRARY
from ipaas.mapping.form import form_findings
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.references import Names
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
    names = FLOW_NAMES.union(content.get("loop_names", ())) if content.get("scope") == "flow" else SOURCE_NAMES
    found = [one for one, _ in Checker(NO_LIBRARY).fields(content["fields"], "/fields", names) if one is not None]
    if workspace_id is not None:
        found += _reference_findings(content, workspace_id)
    return found + domain_findings(content, workspace_id)


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
    settled = {key: value for key, value in content.items() if key not in ASIDE}
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
