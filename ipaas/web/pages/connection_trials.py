"""What a connection's page leads to: an operation tried out, and another version of its connector."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.models import Connection, ImportedConnector, KeptRelease
from ipaas.catalog.registry import connector_in, connector_of, connectors
from ipaas.catalog.services import update_connection
from ipaas.catalog.trials import try_operation
from ipaas.core import jsonio
from ipaas.core.document_forms import unreadable
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.sdk.manifest import ActionSpec
from ipaas.sdk.manifest_changes import ManifestChange, changes_between
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.connections import connection_at, crumbs_of
from ipaas.web.pages.documents import refused, text_of
from ipaas.web.pages.support import asked, posted, told_error
from ipaas.web.readmodels import Link, Option

MOST_SHOWN = 60_000
"""Characters of a request or an answer on the page."""
MOST_CHANGES = 200


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.test")
def connection_try(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Call one operation, once: ``?operation=`` chooses it, POST sends ``params`` (JSON) and ``effects`` (yes)."""
    row = connection_at(request, environment, slug)
    actions = connector_of(row).manifest.actions
    chosen = posted(request, "operation") if request.method == "POST" else asked(request, "operation")
    spec = actions.get(chosen) if chosen or request.method == "POST" else _first(actions.values())
    if spec is None:
        raise NotFound(what="operation")
    context: dict[str, Any] = {
        "params": text_of(request, "params") or indented(dict(spec.params_example)),
        "findings": [],
        "problem": "",
        "trial": None,
    }
    if request.method == "POST":
        context |= _tried(request, row, spec, context["params"])
    options = [Option(name, f"{one.title} ({name})", name == spec.name) for name, one in actions.items()]
    context |= {
        "connection": row,
        "crumbs": [*crumbs_of(request), Link(row.title, connection_url(row))],
        "operation": spec,
        "safe": spec.effect == "safe",
        "may": spec.effect == "safe" or request.actor.may("connections.edit"),
        "operations": options,
        "cancel_url": connection_url(row),
    }
    failed = request.method == "POST" and context["trial"] is None
    return render(request, "catalog/connection_try.html", context, status=422 if failed else 200)


def _first(actions: Collection[ActionSpec]) -> ActionSpec | None:
    """One that changes nothing, where there is such a one."""
    return next((one for one in actions if one.effect == "safe"), next(iter(actions), None))


def _tried(request: WorkspaceRequest, row: Connection, spec: ActionSpec, text: str) -> dict[str, Any]:
    try:
        params = jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        return {"findings": refused(InvalidInput([unreadable(error, text)]))}
    try:
        trial = try_operation(
            connection=row,
            action=spec.name,
            params=params,
            actor=request.actor,
            effects=posted(request, "effects") == "yes",
        )
    except (NotFound, PermissionDenied):
        raise
    except InvalidInput as error:
        return {"findings": refused(error)}
    except IpaasError as error:
        return {"problem": told_error(error)}
    shown = {"sent": indented(trial.request), "answer": indented(trial.response)}
    return {"trial": trial, "ok": trial.outcome.kind == "ok", **shown}


def indented(value: Any) -> str:
    text = "" if value is None else json.dumps(json.loads(jsonio.dumps(value)), indent=2, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.edit")
def connection_move(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Move a connection to another version of its connector, what changes being shown before."""
    row = connection_at(request, environment, slug)
    versions = _versions(row)
    if not versions:
        raise NotFound(what="connector version")
    wanted = posted(request, "version") or asked(request, "version")
    chosen = next((one for one in versions if one.version == wanted), versions[0])
    present = next((one for one in versions if one.version == row.connector_version), None)
    problem = ""
    if request.method == "POST":
        try:
            update_connection(connection=row, changes={"connector_version": wanted}, actor=request.actor)
        except (NotFound, PermissionDenied):
            raise
        except IpaasError as error:
            problem = told_error(error)
        else:
            messages.success(request, _("{title} uses version {version}.").format(title=row.title, version=wanted))
            return redirect(connection_url(row))
    changes = _changes(row, present.version, chosen.version) if present is not None and present != chosen else ()
    context = {
        "connection": row,
        "crumbs": [*crumbs_of(request), Link(row.title, connection_url(row))],
        "versions": [Option(one.version, _label(one, row), one == chosen) for one in versions],
        "chosen": chosen,
        "stays": present == chosen,
        "changes": changes[:MOST_CHANGES],
        "left_out": max(len(changes) - MOST_CHANGES, 0),
        "breaking": sum(change.breaking for change in changes),
        "problem": problem,
        "cancel_url": connection_url(row),
    }
    return render(request, "catalog/connection_move.html", context, status=422 if problem else 200)


@dataclass(frozen=True, slots=True)
class Version:
    """One that a connection can be moved to."""

    version: str
    api_version: str


def _versions(row: Connection) -> list[Version]:
    """Of an installed connector the present version and those kept, else the imported ones; newest first."""
    present = connectors().get(row.connector)
    if present is None:
        found = ImportedConnector.objects.in_workspace(row.workspace_id).filter(slug=row.connector).usable().light()
        return [Version(one.version, one.api_version) for one in found]
    newest = Version(present.manifest.version, present.manifest.api_version)
    others = KeptRelease.objects.filter(slug=row.connector).exclude(version=newest.version).order_by("-kept_at")
    kept = [Version(version, "") for version in others.values_list("version", flat=True)]
    return [newest, *kept] if kept else []


def _changes(row: Connection, before: str, after: str) -> tuple[ManifestChange, ...]:
    old, new = (connector_in(row.workspace_id, row.connector, version).manifest for version in (before, after))
    return tuple(changes_between(old, new))


def _label(version: Version, row: Connection) -> str:
    api = f" (API {version.api_version})" if version.api_version else ""
    label = f"{version.version}{api}"
    return _("{version} – present").format(version=label) if version.version == row.connector_version else label
