"""The form of mapping documents, for whoever reads them without a database."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, schema_findings
from ipaas.mapping.cases import case_findings
from ipaas.mapping.checking import tree_findings
from ipaas.mapping.formats.describing import findings


@cache
def form() -> CompiledValidator:
    """The JSON Schema of mapping documents."""
    return compile_schema(json.loads(files("ipaas.mapping").joinpath("mapping.schema.json").read_text()), mask=None)


def form_findings(content: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the form of a mapping document; its expressions are not looked at."""
    found = schema_findings(form().validator, content) or _format_findings(content)
    if not found and "fields" in content:
        found = list(tree_findings({"fields": content["fields"]}, ""))
    return found or list(case_findings(content))


def _format_findings(content: Mapping[str, Any]) -> list[Finding]:
    return [one for key in ("input", "output") if key in content for one in findings(content[key], f"/{key}")]
