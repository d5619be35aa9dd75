"""The whole import: document in, manifest and findings out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ipaas.sdk.manifest import Manifest
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.openapi.behaviour import stub_section
from ipaas.sdk.openapi.findings import Findings, ImportFinding, below
from ipaas.sdk.openapi.graphql import AUTH, ERRORS, is_schema, read_graphql, reply
from ipaas.sdk.openapi.naming import identifier, sentence
from ipaas.sdk.openapi.operations import METHODS, OperationReader
from ipaas.sdk.openapi.reading import OpenApiUnreadable, Source, read_source
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.schemas import SchemaConverter
from ipaas.sdk.openapi.surroundings import auth_schemes, base_urls, path_below, scopes_of
from ipaas.sdk.openapi.webhooks import WebhookReader

MAX_OPERATIONS = 5000
_OF_A_PATH = frozenset({*METHODS, "summary", "description", "servers", "parameters", "$ref"})
PROGRESS_EVERY = 50
"""Paths between two words of how far it is."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``document`` is the manifest as it is stored, ``manifest`` the same read; ``groups``: actions by tag."""

    document: dict[str, Any]
    manifest: Manifest
    dialect: str
    groups: Mapping[str, list[str]]
    findings: tuple[ImportFinding, ...]


Progress = Callable[[str, int, int], None]
"""Told the phase (reading, operations, checking, packing), how much is done, and of how much."""


def no_progress(phase: str, done: int, total: int) -> None:
    """For those who do not want to know."""


def import_openapi(
    data: bytes, *, slug: str, category: str = "generic", source_url: str = "", progress: Progress = no_progress
) -> Imported:
    """Make a manifest of an OpenAPI 3.0 or 3.1 or Swagger 2.0 document, JSON or YAML, or of a GraphQL schema.

    Raises OpenApiUnreadable where it is none, and ManifestInvalid where the outcome breaks the manifest's own rules.
    """
    progress("reading", 0, 0)
    findings = Findings()
    if is_schema(data):
        return _import_graphql(data, slug, category, source_url, findings)
    source = read_source(data, findings)
    references = References(source.content, findings)
    converter = SchemaConverter(references, findings, modern=source.dialect == "3.1")
    reader = OperationReader(references, converter, findings)
    addresses = base_urls(source.content, source_url, findings)
    base = addresses.get("production") or next(iter(addresses.values()), "")

    def place_of(item: Mapping[str, Any], operation: Mapping[str, Any], place: str) -> str:
        return path_below((operation, item), base, source_url, place, findings)

    actions, groups, statuses = _actions(source, reader, references, place_of, findings, progress)
    triggers = WebhookReader(references, converter, findings).triggers(source.content)
    if not actions and not triggers:
        raise OpenApiUnreadable(reason="it describes neither an operation that can be called nor a webhook")
    info = source.content.get("info") if isinstance(source.content.get("info"), Mapping) else {}
    title = sentence(info.get("title"), 80, slug)  # type: ignore[union-attr]  # a mapping by the line above
    document = {
        "slug": slug,
        "title": title,
        "summary": sentence(info.get("description"), 300, f"{title}, from its description."),  # type: ignore[union-attr]
        "category": category,
        "vendor": title,
        "version": "1.0.0",
        "api_version": str(info.get("version", ""))[:40],  # type: ignore[union-attr]
        "base_urls": addresses,
        "auth": auth_schemes(source.content, references, findings, source_url, base),
        "definitions": converter.definitions,
        "actions": actions,
        "triggers": triggers,
        "stub": stub_section(actions, converter.definitions, statuses, reader.answers.replies),
    }
    progress("checking", 0, 0)
    return Imported(document, parse_manifest(document), source.notation or source.dialect, groups, tuple(findings))


def _import_graphql(data: bytes, slug: str, category: str, source_url: str, findings: Findings) -> Imported:
    """``source_url`` is the endpoint where the schema was asked for by introspection."""
    schema = read_graphql(data, findings)
    endpoint = urlsplit(source_url) if data.lstrip()[:1] == b"{" else urlsplit("")
    base = f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else ""
    if not base:
        findings.note("", "no_server", "the schema names no address; give that of the endpoint on the connection")
    actions, groups = schema.actions(endpoint.path or "/graphql")
    if not actions:
        raise OpenApiUnreadable(reason="it has neither queries nor mutations")
    section = stub_section(actions, schema.definitions)
    document = {
        "slug": slug,
        "title": slug.replace("-", " ").title()[:80],
        "summary": "A GraphQL API, from its schema.",
        "category": category,
        "vendor": endpoint.hostname or slug,
        "version": "1.0.0",
        "base_urls": {"production": base} if base else {},
        "auth": AUTH,
        "errors": ERRORS,
        "definitions": schema.definitions,
        "actions": actions,
        "stub": {
            **section,
            "invalid": reply("BAD_USER_INPUT"),
            "missing": reply("NOT_FOUND"),
            "unauthorized": reply("UNAUTHENTICATED"),
            "rejection": reply("REJECTED"),
        },
    }
    return Imported(document, parse_manifest(document), "graphql", groups, tuple(findings))


def _actions(
    source: Source,
    reader: OperationReader,
    references: References,
    place_of: Callable[[Mapping[str, Any], Mapping[str, Any], str], str],
    findings: Findings,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, list[str]], dict[str, int]]:
    """Actions by name, their names by group, and their good statuses."""
    actions: dict[str, Any] = {}
    statuses: dict[str, int] = {}
    groups: dict[str, list[str]] = {}
    paths = source.content.get("paths") if isinstance(source.content.get("paths"), Mapping) else {}
    for number, (path, given) in enumerate(paths.items()):  # type: ignore[union-attr]  # a mapping by the line above
        if number % PROGRESS_EVERY == 0:
            progress("operations", number, len(paths))  # type: ignore[arg-type]  # likewise
        if str(path).startswith("x-"):
            continue
        if any(unquote(part) in {".", ".."} for part in str(path).split("/")):
            findings.dropped(below("/paths", path), "path", "a part of the path is . or ..")
            continue
        item = references.resolved(given, below("/paths", path))
        for method in METHODS:
            operation = item.get(method)
            if not isinstance(operation, Mapping):
                if operation is not None:
                    findings.dropped(below("/paths", path, method), "not_an_object", "an object was expected here")
                continue
            if len(actions) >= MAX_OPERATIONS:
                findings.dropped(
                    below("/paths", path, method), "too_many", f"operations beyond {MAX_OPERATIONS} are left out"
                )
                continue
            wanted = str(operation.get("operationId") or f"{method} {path}")
            name = identifier(wanted, actions, empty=method)
            actions[name] = reader.action(method, str(path), item, operation)
            place = below("/paths", path, method)
            actions[name]["path"] = place_of(item, operation, place) + actions[name]["path"]
            statuses[name] = reader.good_status
            scopes = scopes_of(operation, source.content, place, findings)
            if scopes:
                actions[name]["scopes"] = scopes
            tags = operation.get("tags")
            group = str(tags[0]) if isinstance(tags, list) and tags else _first_segment(str(path))
            groups.setdefault(group, []).append(name)
        for key in item:
            if str(key) not in _OF_A_PATH and not str(key).startswith("x-"):
                findings.dropped(below("/paths", path, key), "method", f"{str(key)[:40].upper()} is not called")
    return actions, groups, statuses


def _first_segment(path: str) -> str:
    parts = [part for part in path.partition("#")[0].split("/") if part and not part.startswith("{")]
    return parts[0] if parts else "other"
