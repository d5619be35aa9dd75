"""The published JSON Schema of flow documents."""

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import Finding, did_you_mean, schema_findings
from ipaas.core.phrases import said

KINDS = ("call", "map", "validate", "branch", "parallel", "for_each", "wait", "approval", "flow", "emit", "stop")
BESIDE = {"else": "branch", "idempotency_key": "call", "policy": "call", "compensate": "call"}


@cache
def flow_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("ipaas.flows").joinpath("flow.schema.json").read_text())
    return schema


@cache
def form() -> CompiledValidator:
    return compile_schema(flow_schema(), mask=None)


def form_findings(content: dict[str, Any]) -> list[Finding]:
    """What the JSON Schema says; misspelt keys get a suggestion."""
    return [_suggest(finding) for finding in schema_findings(form().validator, content)]


@cache
def _known_keys() -> frozenset[str]:
    return frozenset(_keys(flow_schema()))


def _keys(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_keys, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own.union(*(_keys(part) for name, part in schema.items() if name not in ("examples", "enum")))


def _suggest(finding: Finding) -> Finding:
    if finding.code != "document.unknown_key":
        return finding
    hint = did_you_mean(finding.path.rsplit("/", 1)[-1], _known_keys())
    if not hint.startswith("; did"):
        return finding
    return replace(finding, message=said("{finding}{hint}", finding=finding.message, hint=hint))


def kind_of(step: dict[str, Any]) -> str:
    """The kind of a valid step."""
    return next(kind for kind in KINDS if kind in step)
