"""The whole import: document in, manifest and findings out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.sdk.manifest import Manifest
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.openapi.behaviour import stub_section
from ipaas.sdk.openapi.findings import Findings, ImportFinding, below
from ipaas.sdk.openapi.naming import identifier, sentence
from ipaas.sdk.openapi.operations import METHODS, OperationReader
from ipaas.sdk.openapi.reading import OpenApiUnreadable, Source, read_source
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.schemas import SchemaConverter
from ipaas.sdk.openapi.surroundings import auth_schemes, base_urls
from ipaas.sdk.openapi.webhooks import WebhookReader

MAX_OPERATIONS = 5000


@dataclass(frozen=True, slots=True)
class Imported:
    """``document`` is the manifest as it is stored, ``manifest`` the same read; ``groups``: actions by tag."""

    document: dict[str, Any]
    manifest: Manifest
    dialect: str
    groups: Mapping[str, list[str]]
    findings: tuple[ImportFinding, ...]


def import_openapi(data: bytes, *, slug: str, category: str = "generic", source_url: str = "") -> Imported:
    """Make a manifest of an OpenAPI 3.0 or 3.1 or Swagger 2.0 document, JSON or YAML.

    Raises OpenApiUnreadable where it is none, and ManifestInvalid where the outcome breaks the manifest's own rules.
    """
    findings = Findings()
    source = read_source(data, findings)
    references = References(source.content, findings)
    converter = SchemaConverter(references, findings, modern=source.dialect == "3.1")
    reader = OperationReader(references, converter, findings)
    actions, groups, statuses = _actions(source, reader, references, findings)
    triggers = WebhookReader(references, converter, findings).triggers(source.content)
    if not actions and not triggers:
        raise OpenApiUnreadable(reason="it describes neither an operation that can be called nor a webhook")
    info = source.content.get("info") if isinstance(source.content.get("info"), Mapping) else {}
    title = sentence(info.get("title"), 80, slug)  # type: ignore[union-attr]  # a mapping by the line above
    document = {
        "slug": slug,
        "title": title,
        "summary": sentence(info.get("description"), 300, f"{title}, from its OpenAPI document."),  # type: ignore[union-attr]
        "category": category,
        "vendor": title,
        "version": "1.0.0",
        "api_version": str(info.get("version", ""))[:40],  # type: ignore[union-attr]
        "base_urls": base_urls(source.content, source_url, findings),
        "auth": auth_schemes(source.content, references, findings),
        "definitions": converter.definitions,
        "actions": actions,
        "triggers": triggers,
        "stub": stub_section(actions, converter.definitions, statuses, reader.answers.replies),
    }
    return Imported(document, parse_manifest(document), source.dialect, groups, tuple(findings))


def _actions(
    source: Source, reader: OperationReader, references: References, findings: Findings
) -> tuple[dict[str, Any], dict[str, list[str]], dict[str, int]]:
    """Actions by name, their names by group, and their good statuses."""
    actions: dict[str, Any] = {}
    statuses: dict[str, int] = {}
    groups: dict[str, list[str]] = {}
    paths = source.content.get("paths")
    for path, given in paths.items() if isinstance(paths, Mapping) else ():
        if str(path).startswith("x-"):
            continue
        item = references.resolved(given, below("/paths", path))
        for method in METHODS:
            operation = item.get(method)
            if not isinstance(operation, Mapping):
                continue
            if len(actions) >= MAX_OPERATIONS:
                findings.dropped(
                    below("/paths", path, method), "too_many", f"operations beyond {MAX_OPERATIONS} are left out"
                )
                continue
            wanted = str(operation.get("operationId") or f"{method} {path}")
            name = identifier(wanted, actions, empty=method)
            actions[name] = reader.action(method, str(path), item, operation)
            statuses[name] = reader.good_status
            tags = operation.get("tags")
            group = str(tags[0]) if isinstance(tags, list) and tags else _first_segment(str(path))
            groups.setdefault(group, []).append(name)
        if "trace" in item:
            findings.dropped(below("/paths", path, "trace"), "method", "TRACE is not called")
    return actions, groups, statuses


def _first_segment(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return parts[0] if parts else "other"
