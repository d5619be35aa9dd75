"""The document form of a lookup."""

import json
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, schema_findings
from ipaas.core.document_types import DocumentType
from ipaas.mapping.lookups import lookup_findings
from ipaas.mapping.models import Lookup, LookupVersion
from ipaas.mapping.pins import holders
from ipaas.ownership.naming import domain_findings

KIND = "lookup"


@cache
def form() -> CompiledValidator:
    """The JSON Schema of lookup documents."""
    return compile_schema(json.loads(files("ipaas.mapping").joinpath("lookup.schema.json").read_text()), mask=None)


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong with a lookup document, row by row."""
    found = schema_findings(form().validator, content) or lookup_findings(content)
    return found + domain_findings(content, workspace_id)


LOOKUP_TYPE = DocumentType(
    kind=KIND,
    permission="lookups",
    document=Lookup,
    version=LookupVersion,
    validate=validate,
    held_by=holders(KIND),
    rank=20,
)
