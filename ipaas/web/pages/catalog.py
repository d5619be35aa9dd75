"""The catalog: connectors by shelf, each with its operations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.connector_models import ConnectorProposal
from ipaas.catalog.endings import near_sunset
from ipaas.catalog.models import Connection, ImportDraft, ImportedConnector
from ipaas.catalog.registry import connectors, installed, known_connector
from ipaas.catalog.releases import release_changes
from ipaas.catalog.stand_in_place import StandIns
from ipaas.core.errors import NotFound
from ipaas.governance.models import Review
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest import ActionSpec, Manifest
from ipaas.web.pages.categories import category_word, narrowed
from ipaas.web.pages.connector_versions import (
    DRAFT,
    document_context,
    proposed_connector,
    version_rows,
    versions_of,
)
from ipaas.web.pages.credential_forms import scheme_label
from ipaas.web.pages.endings import ends_of_connector
from ipaas.web.pages.schema_members import described
from ipaas.web.pages.support import asked
from ipaas.web.pages.wording import effect_word
from ipaas.web.readmodels import Link

MOST_OPERATIONS = 200
MOST_FINDINGS = 200


@dataclass(frozen=True)
class Shelf:
    """Connectors of one category."""

    category: str
    rows: Sequence[Mapping[str, Any]]


@require_GET
@page("connections.view")
def connector_list(request: WorkspaceRequest) -> HttpResponse:
    """Every connector that the workspace can use, by category."""
    wanted, filters = narrowed(request, [*_installed(request), *_imported(request)])
    known = sorted({row["category"] for row in wanted}, key=category_word)
    context = {
        "shelves": [Shelf(category_word(one), [row for row in wanted if row["category"] == one]) for one in known],
        "filters": filters,
        "drafts": _drafts(request),
        "in_review": _in_review(request),
        "import_url": _import_url(request),
        "unloaded": installed().unloaded if request.actor.may("connections.edit") else (),
    }
    return render(request, "catalog/connector_list.html", context)


def _installed(request: WorkspaceRequest) -> Iterable[dict[str, Any]]:
    for slug, connector in connectors().items():
        manifest = connector.manifest
        row = _row(request, slug, manifest, version=manifest.version, operations=len(manifest.actions), imported=False)
        yield {**row, "quality": connector.quality.level, "sunset": near_sunset(manifest.api_sunset)}


def _imported(request: WorkspaceRequest) -> Iterable[dict[str, Any]]:
    for one in ImportedConnector.objects.in_workspace(request.workspace.id).light().newest():
        yield _row(request, one.slug, one, version=one.version, operations=one.action_count, imported=True)


def _row(
    request: WorkspaceRequest,
    slug: str,
    told_by: Manifest | ImportedConnector,
    *,
    version: str,
    operations: int,
    imported: bool,
) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": told_by.title,
        "summary": told_by.summary,
        "category": told_by.category,
        "api_version": told_by.api_version,
        "version": version,
        "operations": operations,
        "imported": imported,
        "url": reverse("catalog:connector_detail", args=[request.workspace.slug, slug]),
    }


def _in_review(request: WorkspaceRequest) -> list[Link]:
    """Versions of connectors that wait for a decision."""
    if not request.actor.may("reviews.view"):
        return []
    rows = Review.objects.visible_to(request.actor).open().filter(kind="connector").order_by("slug")
    return [
        Link(one.title, reverse("governance:review_detail", args=[request.workspace.slug, one.id]))
        for one in rows.defer("settled", "content", "text")[:20]
    ]


def _drafts(request: WorkspaceRequest) -> list[Link]:
    if not request.actor.may("connectors.edit"):
        return []
    rows = ImportDraft.objects.filter(workspace=request.workspace).defer("packed", "result").order_by("slug")[:20]
    return [Link(one.slug, reverse("catalog:import_draft", args=[request.workspace.slug, one.id])) for one in rows]


def _import_url(request: WorkspaceRequest) -> str:
    return reverse("catalog:import_new", args=[request.workspace.slug]) if request.actor.may("connectors.edit") else ""


# -- one connector -------------------------------------------------------------------------------------------------


@require_GET
@page("connections.view")
def connector_detail(request: WorkspaceRequest, connector: str) -> HttpResponse:
    """Operations, ways to authenticate, versions and who uses which; ``?operation=`` opens one."""
    versions = versions_of(request, connector)
    found, row = _shown(request, connector, versions)
    manifest = found.manifest
    operations, left_out = operations_of(manifest, row.groups if row is not None else {}, asked(request, "find"))
    end, usable = near_sunset(manifest.api_sunset), not isinstance(row, ConnectorProposal)
    may_connect = request.actor.may("connections.edit") and usable
    context = {
        "manifest": manifest,
        "imported": row,
        "proposed": not usable,
        "quality": found.quality,
        "category": category_word(manifest.category),
        "ways": [scheme_label(one) for one in manifest.auth.values()],
        "crumbs": crumbs_of(request),
        "groups": operations,
        "left_out": left_out,
        "query": asked(request, "find"),
        "versions": version_rows(versions, request.path, manifest.version),
        "used_by": users_of_connector(request, connector),
        "endings": ends_of_connector(request, connector),
        "sunsets": [(f"{manifest.title} {manifest.api_version}".strip(), end)] if end is not None else [],
        "connect_url": reverse("catalog:connection_new", args=[request.workspace.slug, connector])
        if may_connect
        else "",
        "import_url": f"{_import_url(request)}?slug={connector}" if _import_url(request) and row is not None else "",
        "stub_url": _stub_url(request, connector) if row is not None and usable else "",
        "findings": row.findings[:MOST_FINDINGS] if row is not None else [],
        **document_context(request, connector, versions),
    }
    return render(request, "catalog/connector_detail.html", context)


def _shown(
    request: WorkspaceRequest, slug: str, versions: Sequence[ImportedConnector]
) -> tuple[Connector, ImportedConnector | ConnectorProposal | None]:
    """The connector in the version that is asked for, else the newest, else what waits to be published."""
    version = asked(request, "version")
    usable = slug in connectors() or any(one.state != "retired" for one in versions)
    proposed = proposed_connector(request, slug) if version == DRAFT or not usable else None
    if proposed is not None:
        return proposed
    newest = versions[0].version if versions and not usable else ""
    found = known_connector(request.workspace.id, slug, version or newest)
    return found, next((one for one in versions if one.version == found.manifest.version), None)


def _stub_url(request: WorkspaceRequest, connector: str) -> str:
    """Where the stand-in of an imported connector is started; empty where this instance has no stand-ins."""
    may = request.actor.may("stubs.script") and StandIns.chosen()
    return reverse("catalog:stub_start", args=[request.workspace.slug, connector]) if may else ""


@require_GET
@page("connections.view")
def connector_operation(request: WorkspaceRequest, connector: str, action: str) -> HttpResponse:
    """One operation in detail: parameters, answer, what a repetition does."""
    manifest = known_connector(request.workspace.id, connector, asked(request, "version")).manifest
    spec = manifest.actions.get(action)
    if spec is None:
        raise NotFound(what="operation")
    back = reverse("catalog:connector_detail", args=[request.workspace.slug, connector])
    context = {
        "crumbs": [*crumbs_of(request), Link(manifest.title, back)],
        "manifest": manifest,
        "operation": _operation(spec),
        "spec": spec,
        "example": dict(spec.params_example),
        "params": described(spec.params_schema),
        "answer": described(spec.response.schema) if spec.response.schema is not None else [],
    }
    return render(request, "catalog/connector_operation.html", context)


def operations_of(
    manifest: Manifest, groups: Mapping[str, Sequence[str]], text: str
) -> tuple[list[tuple[str, list[dict[str, Any]]]], int]:
    """Operations by group that match a search, and how many more there are."""
    named = groups or {"": list(manifest.actions)}
    found: list[tuple[str, list[dict[str, Any]]]] = []
    shown = total = 0
    for group, names in named.items():
        rows = [_operation(manifest.actions[name]) for name in names if name in manifest.actions]
        rows = [row for row in rows if _matches(row, group, text.lower())]
        total += len(rows)
        rows = rows[: max(MOST_OPERATIONS - shown, 0)]
        shown += len(rows)
        if rows:
            found.append((group, rows))
    return found, total - shown


def _matches(row: Mapping[str, Any], group: str, text: str) -> bool:
    return not text or text in f"{row['name']} {row['title']} {row['path']} {group}".lower()


def _operation(spec: ActionSpec) -> dict[str, Any]:
    effect = effect_word(spec.effect)
    path = spec.path.replace("{{ params.", "{").replace(" }}", "}")
    return {"name": spec.name, "title": spec.title, "method": spec.method, "path": path, "effect": effect}


def users_of_connector(request: WorkspaceRequest, slug: str) -> list[dict[str, Any]]:
    rows = Connection.objects.in_workspace(request.workspace.id).filter(connector=slug).select_related("environment")
    return [
        {
            "title": row.title,
            "environment": row.environment.name,
            "version": row.connector_version,
            **_behind(row),
            "url": reverse("catalog:connection_detail", args=[request.workspace.slug, row.environment.slug, row.slug]),
        }
        for row in rows[:100]
    ]


def _behind(row: Connection) -> dict[str, Any]:
    """What a connection over an earlier version of an installed connector meets when it is moved to the present one."""
    present = connectors().get(row.connector)
    if present is None or present.manifest.version == row.connector_version:
        return {}
    changes = release_changes(present, row.connector_version)
    return {
        "newest": present.manifest.version,
        "told": [change for change in changes if change.told][:MOST_FINDINGS],
        "move_url": reverse("catalog:connection_move", args=[row.workspace.slug, row.environment.slug, row.slug]),
        "breaking": sum(change.breaking for change in changes),
    }


def crumbs_of(request: WorkspaceRequest) -> list[Link]:
    return [Link(_("Catalog"), reverse("catalog:connector_list", args=[request.workspace.slug]))]
