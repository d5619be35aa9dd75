"""What later steps of flows need of a mapping's target, as a JSON Schema: the fields they read, typed by their use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from ipaas.flows.catalogue import Catalogue, catalogue_of
from ipaas.flows.form import form_findings
from ipaas.flows.models import Flow
from ipaas.flows.walk import walk

_READ = re.compile(r"\bsteps\.(\w+)\.output((?:\.[A-Za-z_]\w*)+)")
_WHOLE = re.compile(r"\{\{\s*steps\.(\w+)\.output((?:\.[A-Za-z_]\w*)*)\s*\}\}")
Json = Any
Use = tuple[tuple[str, ...], Mapping[str, Any], str]
"""The path below the target, the schema of what it is given to, and the place that reads it."""


def wanted_of(workspace_id: UUID, mapping: str) -> dict[str, Any]:
    """The schema of what the drafts of all flows read of a mapping's target; {} where no flow does."""
    catalogue = catalogue_of(workspace_id) or Catalogue()
    flows = Flow.objects.in_workspace(workspace_id).live().filter(draft__isnull=False)
    uses = [use for flow in flows for use in uses_in(flow.slug, flow.draft, mapping, catalogue)]
    return _schema_of(uses)


def uses_in(flow: str, content: Json, mapping: str, catalogue: Catalogue) -> Iterator[Use]:
    """Every reading of a target that a step makes by a mapping, in order of the steps; none of a broken document."""
    if not isinstance(content, dict) or form_findings(content):
        return
    steps = [step for step, _path in walk(content)]
    made = {step["id"] for step in steps if str(step.get("map", {}).get("mapping", "")).partition("@")[0] == mapping}
    for step in steps if made else ():
        typed = set()
        for spec in (step.get("call"), step.get("compensate", {}).get("call")):
            facts = catalogue.action(spec["connection"], spec["action"]) if spec and "connection" in spec else None
            for path, schema in _given(spec.get("with") if spec else None, facts.params_schema if facts else {}, made):
                typed.add(path)
                yield path, schema, f"{flow}: {step['id']}"
        for path in _read({key: part for key, part in step.items() if key not in _LISTS}, made):
            if path not in typed:
                yield path, {}, f"{flow}: {step['id']}"


_LISTS = ("branch", "else", "parallel", "for_each", "on_failure")


def _given(value: Json, schema: Json, made: set[str]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """What parameters are given whole, with the schema of each."""
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value.strip())
        if found and found[1] in made:
            yield tuple(found[2].split(".")[1:]), schema
    elif isinstance(value, dict):
        properties = schema.get("properties")
        for key, part in value.items():
            yield from _given(part, properties.get(key) if isinstance(properties, Mapping) else {}, made)
    elif isinstance(value, list):
        for part in value:
            yield from _given(part, schema.get("items"), made)


def _read(value: Json, made: set[str]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, str):
        yield from (tuple(path.split(".")[1:]) for step, path in _READ.findall(value) if step in made)
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _read(part, made)


def _schema_of(uses: list[Use]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, schema, reader in uses:
        node = root
        for key in path:
            node.setdefault("type", "object")
            needed = node.setdefault("required", [])
            if key not in needed:
                needed.append(key)
            node = node.setdefault("properties", {}).setdefault(key, {})
        for key, part in schema.items():
            node.setdefault(key, part)
        told = node.get("description", "")
        node["description"] = reader if not told else told if reader in told else f"{told}; {reader}"
    return root
