"""The document form of a mapping."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from ipaas.contracts.models import SchemaVersion
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, pointer, schema_findings
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.core.references import split_reference
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.nodes import DEFAULT_ELEMENT, is_each, is_expression, tree_findings
from ipaas.mapping.references import Names, expression_findings
from ipaas.ownership.naming import domain_findings

KIND = "mapping"
SOURCE_NAMES: Names = frozenset({"source", "vars", "run", "now"})
FLOW_NAMES: Names = SOURCE_NAMES | {"trigger", "steps", "business_ids", "loop"}
SCHEMA_KEYS = ("source_schema", "target_schema")


@cache
def form() -> CompiledValidator:
    """The JSON Schema of mapping documents."""
    return compile_schema(json.loads(files("ipaas.mapping").joinpath("mapping.schema.json").read_text()), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong with a mapping document; references only where a workspace is given."""
    found = schema_findings(form().validator, content) or list(tree_findings(content["fields"], "/fields"))
    if found:
        return found
    names = FLOW_NAMES.union(content.get("loop_names", ())) if content.get("scope") == "flow" else SOURCE_NAMES
    found = [finding for finding, _ in field_findings(content["fields"], "/fields", names) if finding is not None]
    if workspace_id is not None:
        found += _reference_findings(content, workspace_id)
    return found + domain_findings(content, workspace_id)


Found = tuple[Finding | None, set[tuple[str, ...]]]


def field_findings(fields: dict[str, Any], path: str, names: Names) -> Iterator[Found]:
    """Problems of the expressions below well-formed ``fields``, and with each expression the paths it reads."""
    for key, tree in fields.items():
        yield from _tree(tree, path + pointer(key), names)


def _tree(tree: Any, path: str, names: Names) -> Iterator[Found]:
    if isinstance(tree, str):
        yield from _expression(tree, path, names)
    elif set(tree) == {"value"}:
        return
    elif is_expression(tree):
        yield from _expression(tree["expr"], path + "/expr", names)
    elif is_each(tree):
        yield from _each(tree, path, names)
    elif set(tree) == {"fields"} and isinstance(tree["fields"], dict):
        yield from field_findings(tree["fields"], path + "/fields", names)
    else:
        yield from field_findings(tree, path, names)


def _expression(text: str, path: str, names: Names) -> Iterator[Found]:
    found, paths = expression_findings(text, path, names)
    yield None, paths
    for finding in found:
        yield finding, set()


def _each(tree: dict[str, Any], path: str, names: Names) -> Iterator[Found]:
    yield from _expression(tree["each"], path + "/each", names)
    inner = names | {tree.get("as", DEFAULT_ELEMENT), "loop"}
    if "where" in tree:
        yield from _expression(tree["where"], path + "/where", inner)
    if "fields" in tree:
        yield from field_findings(tree["fields"], path + "/fields", inner)
    else:
        yield from _tree(tree["item"], path + "/item", inner)


def _reference_findings(content: dict[str, Any], workspace_id: UUID) -> list[Finding]:
    return [
        Finding(f"/{key}", "schema.unknown", said("there is no published schema {name!r}", name=content[key]))
        for key in SCHEMA_KEYS
        if key in content and SchemaVersion.objects.of(workspace_id, *split_reference(content[key])) is None
    ]


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin the schemas that the document names to the newest version where it names none."""
    settled = dict(content)
    for key in SCHEMA_KEYS:
        if key in content:
            version = SchemaVersion.objects.of(workspace_id, *split_reference(content[key]))
            settled[key] = f"{version.document.slug}@{version.number}" if version else content[key]
    return settled


MAPPING_TYPE = DocumentType(
    kind=KIND, permission="mappings", document=Mapping, version=MappingVersion, validate=validate, settle=settle
)
