"""Mappings and schemas written inside a flow: checked there, published as documents of their own."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from ipaas.contracts.models import ContractVersion, SchemaVersion
from ipaas.contracts.queries import bundle_of
from ipaas.contracts.validators import schema_problems
from ipaas.core.document_forms import Finding, errors_of
from ipaas.core.document_types import PublishDerived
from ipaas.core.documents import DocumentVersion
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, split_reference
from ipaas.flows.scope import Scope
from ipaas.flows.walk import Step
from ipaas.mapping.checking import Checker, tree_findings
from ipaas.mapping.models import MappingVersion
from ipaas.mapping.naming import library_findings, pinned

MAX_SLUG = 80
LIBRARY = frozenset({"lookups", "functions"})
"""What fields that are written inside of a flow may name; formats and tests are for mappings of their own."""


def schema_findings_of(schema: Any, path: str, workspace_id: UUID | None) -> Iterator[Finding]:
    """Problems of a schema reference or of a schema written inline."""
    if not isinstance(schema, str):
        yield from _inline_problems(schema, path, workspace_id)
    elif workspace_id is not None and not SchemaVersion.objects.pinnable(workspace_id, *split_reference(schema)):
        message = said("there is no published schema {schema!r}, or it is retired", schema=schema)
        yield Finding(path, "flow.unknown_schema", message)


def _inline_problems(schema: Any, path: str, workspace_id: UUID | None) -> Iterator[Finding]:
    made = bundle_of({"schema": schema}, workspace_id)
    for finding in made.findings:
        yield replace(finding, path=path + finding.path.removeprefix("/schema"))
    if not errors_of(made.findings):
        yield from schema_problems(made.schema, path)


def contract_findings_of(content: Step, workspace_id: UUID | None) -> Iterator[Finding]:
    """Problems of the contract that a flow names."""
    reference = content["contract"]
    if "input" in content:
        message = said("the contract says what comes in; leave input away")
        yield Finding("/input", "flow.contract_and_input", message)
    if workspace_id is None:
        return
    version = ContractVersion.objects.of(workspace_id, *split_reference(reference))
    if version is None or version.state == ContractVersion.State.RETIRED:
        message = said("there is no published contract {contract!r}, or it is retired", contract=reference)
        yield Finding("/contract", "flow.unknown_contract", message)
    elif version.state != ContractVersion.State.PUBLISHED:
        message = said("the contract {contract} is deprecated", contract=reference)
        yield Finding("/contract", "flow.deprecated_contract", message, "warning")


def mapping_findings_of(spec: Step, path: str, scope: Scope, workspace_id: UUID | None) -> Iterator[Finding]:
    """Problems of a map step's reference or of its inline fields."""
    if ("mapping" in spec) == ("fields" in spec):
        yield Finding(path, "flow.map", said("name a mapping or write fields, one of the two"))
    elif "fields" in spec:
        yield from _inline_fields(spec, path, scope, workspace_id)
    elif LIBRARY & spec.keys():
        words = said("lookups and functions belong to fields that are written here; a mapping names its own")
        yield Finding(path, "flow.map", words)
    elif workspace_id is not None and not _published(spec["mapping"], workspace_id):
        yield Finding(
            f"{path}/mapping",
            "flow.unknown_mapping",
            said("there is no published mapping {mapping!r}, or it is retired", mapping=spec["mapping"]),
        )


def _published(reference: str, workspace_id: UUID) -> bool:
    return MappingVersion.objects.pinnable(workspace_id, *split_reference(reference))


def _inline_fields(spec: Step, path: str, scope: Scope, workspace_id: UUID | None) -> Iterator[Finding]:
    malformed = list(tree_findings({"fields": spec["fields"]}, path))
    if malformed:
        yield from malformed
        return
    found, library = library_findings(spec, workspace_id)
    yield from (replace(one, path=f"{path}{one.path}") for one in found)
    for finding, paths in Checker(library).fields(spec["fields"], f"{path}/fields", scope.names | {"source"}):
        if finding is not None:
            yield finding
        yield from scope.references(paths, f"{path}/fields")


class Settler:
    """Turns a valid flow into what is published: references pinned, inline parts published and referred to."""

    def __init__(self, flow: str, workspace_id: UUID, publish: PublishDerived) -> None:
        self.flow = flow
        self.workspace_id = workspace_id
        self.publish = publish

    def settle(self, content: dict[str, Any]) -> dict[str, Any]:
        settled = dict(content)
        if "input" in content:
            settled["input"] = {"schema": self._schema(content["input"]["schema"], "input", content["title"])}
        if "contract" in content:
            version = ContractVersion.objects.of(self.workspace_id, *split_reference(content["contract"]))
            settled["contract"] = _pin(version, content["contract"])
        for key in ("steps", "on_failure"):
            if key in content:
                settled[key] = [self._step(step, ()) for step in content[key]]
        return settled

    def _step(self, step: Step, loops: tuple[str, ...]) -> Step:
        settled = dict(step)
        if "map" in step:
            settled["map"] = self._map(step, loops)
        if "validate" in step:
            schema = self._schema(step["validate"]["schema"], step["id"], _title(step))
            settled["validate"] = {**step["validate"], "schema": schema}
        if "for_each" in step:
            inside = (*loops, step["for_each"]["as"])
            settled["for_each"] = {**step["for_each"], "steps": self._list(step["for_each"]["steps"], inside)}
        for key in ("else", "on_failure"):
            if "steps" in step.get(key, ()):
                settled[key] = {**step[key], "steps": self._list(step[key]["steps"], loops)}
        if "branch" in step:
            settled["branch"] = [{**case, "steps": self._list(case["steps"], loops)} for case in step["branch"]]
        if "parallel" in step:
            strands = step["parallel"]["branches"]
            settled["parallel"] = {"branches": [{**one, "steps": self._list(one["steps"], loops)} for one in strands]}
        return settled

    def _list(self, steps: list[Step], loops: tuple[str, ...]) -> list[Step]:
        return [self._step(step, loops) for step in steps]

    def _map(self, step: Step, loops: tuple[str, ...]) -> Step:
        spec = dict(step["map"])
        if "fields" not in spec:
            version = MappingVersion.objects.of(self.workspace_id, *split_reference(spec["mapping"]))
            return {**spec, "mapping": _pin(version, spec["mapping"])}
        document = {
            "kind": "mapping",
            "slug": derived_slug(self.flow, step["id"]),
            "title": _title(step),
            "scope": "flow",
            **{key: spec.pop(key) for key in (*sorted(LIBRARY), "fields") if key in spec},
        }
        if loops:
            document["loop_names"] = list(loops)
        return {"mapping": _pin(self.publish("mapping", pinned(document, self.workspace_id)), ""), **spec}

    def _schema(self, schema: Any, step_id: str, title: str) -> str:
        if isinstance(schema, str):
            return _pin(SchemaVersion.objects.of(self.workspace_id, *split_reference(schema)), schema)
        document = {"kind": "schema", "slug": derived_slug(self.flow, step_id), "title": title, "schema": schema}
        return _pin(self.publish("schema", document), "")


def _pin(version: DocumentVersion | None, reference: str) -> str:
    return reference if version is None else reference_to(version.document.slug, version.number)


def _title(step: Step) -> str:
    title: str = step.get("title") or step["id"].replace("_", " ").capitalize()
    return title


def derived_slug(flow: str, step_id: str) -> str:
    """``<flow>--<step>``, shortened with a digest where that is too long for a slug."""
    slug = f"{flow}--{step_id.replace('_', '-')}"
    if len(slug) <= MAX_SLUG:
        return slug
    digest = hashlib.sha256(slug.encode()).hexdigest()[:10]
    return f"{slug[: MAX_SLUG - 11].rstrip('-')}-{digest}"


def written_out(content: dict[str, Any], workspace_id: UUID) -> dict[str, Any]:
    """The other way round: a settled flow with its own parts inline again, as its draft has them."""
    flow = str(content["slug"])
    found: dict[str, Any] = _written_out(content, f"{flow[: MAX_SLUG - 11]}--", workspace_id)
    return found


def _written_out(value: Any, start: str, workspace_id: UUID) -> Any:
    if isinstance(value, list):
        return [_written_out(item, start, workspace_id) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _written_out(item, start, workspace_id) for key, item in value.items()}
    for key, model, part in (("mapping", MappingVersion, "fields"), ("schema", SchemaVersion, "schema")):
        reference = value.get(key)
        if isinstance(reference, str) and reference.startswith(start):
            version = model.objects.of(workspace_id, *split_reference(reference))
            if version is not None and version.document.derived_from:
                del shown[key]
                shown |= {one: version.content[one] for one in (part, *sorted(LIBRARY)) if one in version.content}
    return shown


def settle(content: dict[str, Any], workspace_id: UUID, publish: PublishDerived) -> dict[str, Any]:
    return Settler(content["slug"], workspace_id, publish).settle(content)
