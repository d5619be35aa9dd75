"""The document form of a contract: what an integration promises at its edges."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from uuid import UUID

from ipaas.contracts.models import Contract, ContractVersion, SchemaVersion
from ipaas.contracts.queries import validator_for
from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, pointer, schema_findings
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, split_reference
from ipaas.ownership.naming import domain_findings

KIND = "contract"
EdgeName = Literal["input", "output"]
EDGES: tuple[EdgeName, ...] = ("input", "output")
Mode = Literal["block", "quarantine", "warn"]
DEFAULT_MODE: Mode = "quarantine"


@cache
def form() -> CompiledValidator:
    """The JSON Schema of contract documents."""
    return compile_schema(json.loads(files("ipaas.contracts").joinpath("contract.schema.json").read_text()), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong or doubtful with a contract; its schemas and examples where a workspace is given."""
    found = schema_findings(form().validator, content)
    if found:
        return found
    found = [*domain_findings(content, workspace_id), *_plain_findings(content)]
    if workspace_id is not None:
        found += _edge_findings(content, workspace_id)
    return found


def _plain_findings(content: dict[str, Any]) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for index, error in enumerate(content.get("errors", ())):
        name = error["class"], error.get("code", "")
        if name in seen:
            yield Finding(
                pointer("errors", index), "contract.error_twice", said("this class and code stand here twice")
            )
        seen.add(name)
    ordering = content.get("ordering", {})
    if ordering.get("promise") == "per_key" and "key" not in ordering:
        yield Finding("/ordering", "contract.ordering_key", said("an order per key needs a key"))
    if "output" not in content:
        for index, example in enumerate(content.get("examples", ())):
            if "output" in example:
                place = pointer("examples", index, "output")
                yield Finding(place, "contract.no_output", said("the contract has no output"))
    if not content.get("owner") and not content.get("domain"):
        message = said("name an owner or a domain, so that partners know who answers")
        yield Finding("", "contract.no_owner", message, "warning")


def _edge_findings(content: dict[str, Any], workspace_id: UUID) -> Iterator[Finding]:
    for edge in EDGES:
        if edge not in content:
            continue
        reference = content[edge]["schema"]
        version = SchemaVersion.objects.of(workspace_id, *split_reference(reference))
        if version is None:
            message = said("there is no published schema {schema!r}", schema=reference)
            yield Finding(f"/{edge}/schema", "contract.unknown_schema", message)
            continue
        for index, example in enumerate(content.get("examples", ())):
            if edge in example:
                for error in validator_for(version.id).errors(example[edge]):
                    place = pointer("examples", index, edge) + error["path"]
                    yield Finding(place, "contract.example", error["message"])


def settle(content: dict[str, Any], workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    """Pin the schemas to the newest version where the document names none."""
    settled = dict(content)
    for edge in EDGES:
        if edge in content:
            version = SchemaVersion.objects.of(workspace_id, *split_reference(content[edge]["schema"]))
            if version is not None:
                settled[edge] = {**content[edge], "schema": reference_to(version.document.slug, version.number)}
    return settled


def mode_of(edge: Mapping[str, Any], environment: str) -> Mode:
    """What becomes of data that breaks the schema of an edge in an environment (its slug)."""
    mode: Mode = edge.get("modes", {}).get(environment) or edge.get("mode") or DEFAULT_MODE
    return mode


CONTRACT_TYPE = DocumentType(
    kind=KIND,
    permission="contracts",
    document=Contract,
    version=ContractVersion,
    validate=validate,
    settle=settle,
    rank=40,
)
