"""The lookups and functions that a document names: whether they are there, and their pins."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from ipaas.core.document_forms import Finding, pointer
from ipaas.core.documents import DocumentVersion
from ipaas.core.phrases import said
from ipaas.core.references import reference_to, split_reference
from ipaas.expressions import ExpressionError, Library
from ipaas.mapping.library import library_of, shadowed, stand_in
from ipaas.mapping.models import FunctionVersion, LookupVersion
from ipaas.mapping.resolving import resolver_of

NAMED: Mapping[str, Any] = {"lookups": LookupVersion, "functions": FunctionVersion}


def library_findings(content: Mapping[str, Any], workspace_id: UUID | None) -> tuple[list[Finding], Library]:
    """Problems of the names, and a library for checking expressions: without a workspace only by the names."""
    found = list(_name_findings(content))
    if workspace_id is None or found:
        return found, stand_in(content)
    found = list(_unknown(content, workspace_id))
    if found:
        return found, stand_in(content)
    try:
        return [], library_of(content, resolver_of(workspace_id))
    except ExpressionError as error:
        return [Finding("/functions", error.code, error.detail)], stand_in(content)


def _name_findings(content: Mapping[str, Any]) -> Iterator[Finding]:
    for name in shadowed(content.get("functions", {})):
        words = said("{name} is a function of the language; choose another name", name=name)
        yield Finding(f"/functions{pointer(name)}", "mapping.shadowed", words)


def _unknown(content: Mapping[str, Any], workspace_id: UUID) -> Iterator[Finding]:
    for key, model in NAMED.items():
        for name, reference in content.get(key, {}).items():
            if not model.objects.pinnable(workspace_id, *split_reference(reference)):
                kind = key.removesuffix("s")
                words = {
                    "lookup": said("there is no published lookup {name!r}", name=reference),
                    "function": said("there is no published function {name!r}", name=reference),
                }[kind]
                yield Finding(f"/{key}{pointer(name)}", f"{kind}.unknown", words)


def circle(slug: str, content: Mapping[str, Any], workspace_id: UUID) -> str:
    """The way on which a function comes back to itself, by any version; empty where it does not."""
    pending = [(f"{slug} → {split_reference(ref)[0]}", ref) for ref in content.get("functions", {}).values()]
    seen: set[str] = set()
    while pending:
        way, reference = pending.pop()
        if split_reference(reference)[0] == slug:
            return way
        version = None if reference in seen else FunctionVersion.objects.of(workspace_id, *split_reference(reference))
        seen.add(reference)
        named = (version.content if version else {}).get("functions", {})
        pending += [(f"{way} → {split_reference(inner)[0]}", inner) for inner in named.values()]
    return ""


def pinned(content: Mapping[str, Any], workspace_id: UUID) -> dict[str, Any]:
    """The content with each lookup and function at the version it has now, where it names none."""
    settled = dict(content)
    for key, model in NAMED.items():
        if key in content:
            settled[key] = {name: _pin(model, workspace_id, reference) for name, reference in content[key].items()}
    return settled


def _pin(model: Any, workspace_id: UUID, reference: str) -> str:
    version: DocumentVersion | None = model.objects.of(workspace_id, *split_reference(reference))
    return reference if version is None else reference_to(version.document.slug, version.number)
