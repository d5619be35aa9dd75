"""The document form of a convention; ``governance.conventions`` checks drafts by it."""

from functools import lru_cache
from typing import Any
from uuid import UUID

import jsonschema_rs

from ipaas.core.document_forms import Finding, pointer, schema_findings
from ipaas.core.document_types import DocumentType
from ipaas.core.phrases import said
from ipaas.ownership.glossary import form_validator
from ipaas.ownership.models import Convention, ConventionVersion
from ipaas.ownership.naming import domain_findings

KIND = "convention"


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong or doubtful with a convention."""
    found = schema_findings(form_validator(KIND), content)
    if found:
        return found
    for part in ("fields", "slugs"):
        pattern = content["rule"].get(part, {}).get("pattern")
        if pattern is not None:
            try:
                matcher(pattern)
            except (ValueError, jsonschema_rs.ValidationError) as error:
                message = said("this is no pattern that can be matched: {why}", why=str(error).splitlines()[0][:200])
                found.append(Finding(pointer("rule", part, "pattern"), "convention.pattern", message))
    return found + domain_findings(content, workspace_id)


@lru_cache(maxsize=256)
def matcher(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """What says whether a whole name matches, in linear time whatever the pattern; ``ValueError`` for no pattern."""
    options = jsonschema_rs.RegexOptions(size_limit=1_000_000)
    return jsonschema_rs.Draft202012Validator({"pattern": f"^(?:{pattern})$"}, pattern_options=options)


CONVENTION_TYPE = DocumentType(
    kind=KIND, permission="conventions", document=Convention, version=ConventionVersion, validate=validate, rank=6
)
