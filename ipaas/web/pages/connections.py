"""Connections: list, detail, form, and the deeds on them."""

import hashlib
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog import services
from ipaas.catalog.checks import scheme_of
from ipaas.catalog.insight import access_of
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_in, connector_of, has_other_version
from ipaas.catalog.resolution import effective_policy
from ipaas.catalog.stand_ins import address_of
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError, NotFound, PermissionDenied
from ipaas.flows.usage import connection_uses
from ipaas.sdk.tokens import CODE
from ipaas.vault.models import Secret
from ipaas.web.pages.categories import category_word, narrowed
from ipaas.web.pages.connection_forms import ASKED_AGAIN, ConnectionForm, connector_choices, field_of
from ipaas.web.pages.connection_policies import effective_rows
from ipaas.web.pages.connection_rows import (
    breaker_facts,
    can_resolve,
    connection_row,
    connection_rows,
    connection_url,
    revocations_of,
    states_of,
)
from ipaas.web.pages.credential_forms import scheme_label
from ipaas.web.pages.support import asked, environment_of, form_errors, posted, told, told_error
from ipaas.web.pages.traffic import OperationTraffic, Traffic, operations_of, parked_for_breaker, traffic_of
from ipaas.web.pages.users_of_documents import flow_rows
from ipaas.web.pages.wording import class_word, effect_word
from ipaas.web.readmodels import CursorPage, Link, Option
from ipaas.web.rendering import duration


@require_GET
@page("connections.view")
def connection_list(request: WorkspaceRequest) -> HttpResponse:
    environment = environment_of(request)
    search = asked(request, "q")
    found = Connection.objects.in_workspace(request.workspace.id).select_related("workspace").search(search)
    rows = connection_rows(list(found.in_environment(environment.id)) if environment else [])
    version = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    if request.htmx and request.GET.get("v") == version:
        return HttpResponse(status=204)
    url = reverse("catalog:connection_list", args=[request.workspace.slug])
    context = {
        "page": CursorPage(
            rows, ngettext("{count} connection", "{count} connections", len(rows)).format(count=len(rows))
        ),
        "environment": environment,
        "filters": {"q": search, "clear_url": url if search else ""},
        "new_url": _if_may(request, "connections.edit", "catalog:connection_choose") if environment else "",
        "version": version,
        "poll_url": url + (f"?{urlencode({'q': search})}" if search else ""),
    }
    template = "catalog/connection_list.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)


@require_GET
@page("connections.view")
def connection_detail(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    row = connection_at(request, environment, slug)
    state = states_of([row]).get(row)
    installed = can_resolve(row)
    traffic = traffic_of([row.id]).get(row.id, Traffic())
    shown = connection_row(row, state, traffic)
    uses = connection_uses(row.workspace_id, row.slug)
    parked = parked_for_breaker(row.workspace_id, row.slug)
    access = access_of(row) if installed else None
    context = {
        "connection": shown,
        "enabled": row.enabled,
        "crumbs": crumbs_of(request),
        "breaker": breaker_facts(row, state, parked),
        "facts": _facts(row),
        "limits": _limits(state),
        "secret": _secret_link(request, row),
        "needs_secret": installed and connector_of(row).manifest.auth[row.auth_scheme].type != "none",
        "policies": effective_rows(effective_policy(row)) if installed else [],
        "operations": _operations(row) if installed else [],
        "test": _test_of(row),
        "used_by": flow_rows(request, uses),
        "installed": installed,
        "access": access,
        "needs_consent": access is not None and scheme_of(row).type == CODE and not access.connected_at,
        "revocations": revocations_of(request, row),
        "owner": row.owner.email if row.owner is not None else "",
        "places": [
            Option(one.slug, one.name, False)
            for one in request.workspace.environments.all()
            if one.id != row.environment_id
        ],
        **_deeds(request, row),
    }
    return render(request, "catalog/connection_detail.html", context)


@require_GET
@page("connections.edit")
def connection_choose(request: WorkspaceRequest) -> HttpResponse:
    """Which connector the new connection is over."""
    environment_of(request)
    choices, filters = narrowed(request, [_choice(request, *one) for one in connector_choices(request.workspace.id)])
    context = {
        "choices": choices,
        "filters": filters,
        "crumbs": crumbs_of(request),
        "import_url": _if_may(request, "connectors.edit", "catalog:import_new"),
    }
    return render(request, "catalog/connection_choose.html", context)


def _choice(request: WorkspaceRequest, slug: str, title: str, category: str, summary: str) -> dict[str, str]:
    url = reverse("catalog:connection_new", args=[request.workspace.slug, slug])
    kind = category_word(category)
    return {"slug": slug, "title": title, "category": category, "kind": kind, "summary": summary, "url": url}


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.edit")
def connection_new(request: WorkspaceRequest, connector: str) -> HttpResponse:
    """``?to=stub`` proposes the address of the connector's stub."""
    environment = environment_of(request)
    if environment is None:
        raise NotFound(what="environment")
    form = ConnectionForm(
        request.POST if request.method == "POST" else None,
        manifest=connector_in(request.workspace.id, connector).manifest,
        environment=environment,
        address=address_of(request.workspace, connector) if asked(request, "to") == "stub" else "",
    )
    if request.method == "POST" and form.is_valid():
        with form_errors(form, field_of):
            arguments = {"slug": form.cleaned_data["slug"], "connector": connector, **form.values()}
            made = services.create_connection(environment=environment, actor=request.actor, **arguments)
            asks = scheme_of(made).type != "none" and (not made.secret or scheme_of(made).type == CODE)
            return redirect(connection_url(made, "connection_connect" if asks else "connection_detail"))
    title = _("New connection: {connector} in {environment}").format(
        connector=form.manifest.title, environment=environment.name
    )
    return _form_page(request, form, title, reverse("catalog:connection_choose", args=[request.workspace.slug]))


@require_http_methods(["GET", "HEAD", "POST"])
@page("connections.edit")
def connection_edit(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    row = connection_at(request, environment, slug)
    given: dict[str, Any] = {"manifest": connector_of(row).manifest, "environment": row.environment, "connection": row}
    form = ConnectionForm(request.POST if request.method == "POST" else None, **given)
    detaches = False
    if request.method == "POST" and form.is_valid():
        with form_errors(form, field_of):
            moved = form.moved_to()
            if moved and form.cleaned_data[ASKED_AGAIN] != moved:
                form, detaches = _ask_for_secret(request, moved, given), True
            else:
                values = form.values()
                if not moved and values["secret"] == row.secret:
                    del values["secret"]  # the token fetched with it stays good
                services.update_connection(connection=row, changes=values, actor=request.actor)
                return redirect(connection_url(row))
    title = _("Change {title}").format(title=row.title)
    return _form_page(request, form, title, connection_url(row), detaches=detaches)


@require_POST
@page("connections.test")
def connection_test(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    row = connection_at(request, environment, slug)
    if not request.htmx:
        with told(request, _("{title} was tested.").format(title=row.title)):
            services.test_connection(connection=row, actor=request.actor)
        return redirect(connection_url(row))
    try:
        outcome = services.test_connection(connection=row, actor=request.actor)
        row.refresh_from_db(fields=["tested_at", "test_ok", "test_message", "test_class"])
        test: dict[str, Any] | None = {**(_test_of(row) or {}), "duration_ms": outcome.duration_ms}
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        test = {"status": "failed", "message": told_error(error), "at": now(), "duration_ms": None}
    return render(request, "catalog/connection_detail.html#test", {"test": test})


@require_POST
@page("connections.edit")
def connection_switch(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Enable or disable: ``enabled`` is yes or no."""
    row = connection_at(request, environment, slug)
    enabled = request.POST.get("enabled") == "yes"
    done = _("{title} is enabled.") if enabled else _("{title} is disabled.")
    with told(request, done.format(title=row.title)):
        services.set_enabled(connection=row, enabled=enabled, actor=request.actor, reason=posted(request, "reason"))
    return redirect(connection_url(row))


@require_POST
@page("connections.force_breaker")
def connection_force(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    row = connection_at(request, environment, slug)
    state = posted(request, "state")
    done = {
        "auto": _("The breaker of {title} is left to itself."),
        "open": _("The breaker of {title} is forced open."),
    }.get(state, _("The breaker of {title} is forced closed."))
    with told(request, done.format(title=row.title)):
        services.force_breaker(
            connection=row,
            state="" if state == "auto" else state or "missing",
            actor=request.actor,
            reason=posted(request, "reason"),
        )
    return redirect(connection_url(row))


@require_POST
@page("connections.edit")
def connection_clone(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    """Copy to the environment ``to``, without the secret."""
    row = connection_at(request, environment, slug)
    place = request.workspace.environments.filter(slug=posted(request, "to")).first()
    if place is None:
        raise NotFound(what="environment")
    with told(request, _("{title} is copied to {place}; connect it next.").format(title=row.title, place=place.name)):
        made = services.clone_connection(connection=row, environment=place, actor=request.actor)
        return redirect(connection_url(made))
    return redirect(connection_url(row))


@require_POST
@page("connections.edit")
def connection_delete(request: WorkspaceRequest, environment: str, slug: str) -> HttpResponse:
    row = connection_at(request, environment, slug)
    with told(request, _("{title} is deleted.").format(title=row.title)):
        services.delete_connection(connection=row, actor=request.actor)
        return redirect("catalog:connection_list", request.workspace.slug)
    return redirect(connection_url(row))


def connection_at(request: WorkspaceRequest, environment: str, slug: str) -> Connection:
    found = (
        Connection.objects.in_workspace(request.workspace.id)
        .select_related("workspace")
        .filter(environment__slug=environment, slug=slug)
        .first()
    )
    if found is None:
        raise NotFound(what="connection")
    request.environment = found.environment  # type: ignore[attr-defined]  # the frame names it
    return found


def _ask_for_secret(request: HttpRequest, moved: str, given: dict[str, Any]) -> ConnectionForm:
    """The form again with the secret taken out: it goes to another address only when it is chosen for it."""
    data = request.POST.copy()
    data["secret"], data[ASKED_AGAIN] = "", moved
    return ConnectionForm(data, **given)


def _form_page(
    request: WorkspaceRequest, form: ConnectionForm, title: str, cancel_url: str, *, detaches: bool = False
) -> HttpResponse:
    new_secret = _if_may(request, "secrets.write", "vault:secret_new")
    context = {
        "title": title,
        "crumbs": crumbs_of(request),
        "form": form,
        "detaches_secret": detaches,
        "cancel_url": cancel_url,
        "new_secret_url": f"{new_secret}?for={form.manifest.slug}" if new_secret else "",
    }
    failed = form.is_bound and (form.errors or detaches)
    return render(request, "catalog/connection_form.html", context, status=422 if failed else 200)


def crumbs_of(request: WorkspaceRequest) -> list[Link]:
    return [Link(_("Connections"), reverse("catalog:connection_list", args=[request.workspace.slug]))]


def _if_may(request: WorkspaceRequest, permission: str, name: str) -> str:
    return reverse(name, args=[request.workspace.slug]) if request.actor.may(permission) else ""


def _deeds(request: WorkspaceRequest, row: Connection) -> dict[str, str]:
    """Addresses of what the actor may do now; empty for what not."""

    def url(permission: str, name: str) -> str:
        return connection_url(row, name) if request.actor.may(permission) else ""

    testable = row.enabled and can_resolve(row) and bool(connector_of(row).manifest.test_action)
    return {
        "edit_url": url("connections.edit", "connection_edit") if can_resolve(row) else "",
        "connect_url": url("connections.edit", "connection_connect") if can_resolve(row) else "",
        "test_url": url("connections.test", "connection_test") if testable else "",
        "try_url": url("connections.test", "connection_try") if row.enabled and can_resolve(row) else "",
        "move_url": url("connections.edit", "connection_move") if has_other_version(row) else "",
        "force_url": url("connections.force_breaker", "connection_force"),
        "switch_url": url("connections.edit", "connection_switch"),
        "delete_url": url("connections.edit", "connection_delete"),
        "clone_url": url("connections.edit", "connection_clone") if can_resolve(row) else "",
    }


def _facts(row: Connection) -> list[tuple[str, str]]:
    facts = [(_("Environment"), row.environment.name), (_("Connector"), f"{row.connector} {row.connector_version}")]
    if row.base_url:
        facts.append((_("Address"), row.base_url))
    if not can_resolve(row):
        gone = _("{connector} is not installed, or no longer knows this set-up").format(connector=row.connector)
        return [*facts, (_("State"), gone)]
    connector = connector_of(row)
    scheme = connector.manifest.auth[row.auth_scheme]
    facts.append((_("Authentication"), scheme_label(scheme)))
    if scheme.scopes:
        facts.append((_("Scopes asked for"), ", ".join(scheme.scopes)))
    nodes = connector.manifest.config_schema.get("properties", {})
    for name, value in connector.with_config_defaults(row.config).items():
        if value is None:
            continue
        node = nodes.get(name, {})
        said = str(value) if name in row.config else _("{value} (usual)").format(value=value)
        facts.append((str(node.get("title", name)), _("hidden") if node.get("x-sensitive") else said))
    return facts


def _limits(state: Any) -> list[tuple[str, str]]:
    if state is None:
        return []
    under_way = str(state.in_use)
    if state.concurrency:
        under_way = _("{part} of {whole}").format(part=state.in_use, whole=state.concurrency)
    shown = [(_("Calls under way"), under_way)]
    if state.tokens is not None:
        at_once = _("{part} of {whole}").format(part=f"{state.tokens:.0f}", whole=state.burst)
        shown.append((_("Calls that may go at once"), at_once))
        shown.append((_("Calls that flow in a second"), localize(state.per_second)))
    if state.paused_s:
        shown.append((_("The other side asked to wait"), duration(state.paused_s * 1000)))
    return shown


def _operations(row: Connection) -> list[dict[str, Any]]:
    traffic = operations_of(row.workspace_id, row.id)
    found = []
    for name, spec in connector_of(row).manifest.actions.items():
        one = traffic.get(name, OperationTraffic())
        found.append(
            {
                "name": name, "title": spec.title, "effect": effect_word(spec.effect), "calls": one.calls,
                "p95_ms": one.p95_ms if one.calls else None, "error_percent": one.error_percent,
            }
        )  # fmt: skip
    return found


def _test_of(row: Connection) -> dict[str, Any] | None:
    if row.tested_at is None:
        return None
    test = {"status": "ok" if row.test_ok else "failed", "at": row.tested_at, "duration_ms": None}
    if row.test_ok:
        return {**test, "message": _("The test call succeeded.")}
    failed = _("The test call failed: {cause}").format(cause=class_word(row.test_class))
    return {**test, "message": failed if row.test_class else _("The test call failed."), "reason": row.test_message}


def _secret_link(request: WorkspaceRequest, row: Connection) -> Link | None:
    if not row.secret:
        return None
    known = Secret.objects.in_workspace(row.workspace_id).filter(slug=row.secret).exists()
    may = known and request.actor.may("secrets.view")
    return Link(row.secret, reverse("vault:secret_detail", args=[request.workspace.slug, row.secret]) if may else "")
