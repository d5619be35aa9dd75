"""The list of runs: one search for any business id, filters in the address, deeds over all that match, exports."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import clock
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow, FlowVersion
from ipaas.runtime import saved_filters
from ipaas.runtime.bulk import PERMISSIONS, preview_count
from ipaas.runtime.models import Run, SavedFilter
from ipaas.runtime.reading import (
    Counted,
    FoundRuns,
    RunFilter,
    business_ids_of,
    find_runs,
    list_version,
    standing_steps,
)
from ipaas.runtime.run_exports import CONTENT_TYPES, Format, export_runs
from ipaas.runtime.run_queries import PARAMETERS, run_filter
from ipaas.web.operate_readmodels import SavedFilterRow
from ipaas.web.pages import bulk
from ipaas.web.pages.support import (
    asked,
    environment_asked,
    environments_of,
    options,
    posted,
    read_id,
    told,
    with_query,
)
from ipaas.web.pages.wording import error_class_options, failure_in_lists, inside, plan_or_none, step_title, wait_words
from ipaas.web.readmodels import CursorPage, Option, RunRow
from ipaas.web.rendering import MASK_START, number, state_look

NOTHING_NEW = 204
DEEDS = ("replay_runs", "cancel")
_SPANS = ("1h", "24h", "7d", "30d")
_PLAIN = ("q", "version", "step", "longer", "shorter", "until")


@require_GET
@page("runs.view")
def run_list(request: WorkspaceRequest) -> HttpResponse:
    """Newest first; ``?v=`` asks for the rows only when they changed since that version."""
    query = _query(request)
    wanted, errors = run_filter(request.actor, query)
    before = read_id(request.GET.get("before", ""))
    version = ""
    if before is None:
        version = hashlib.sha256(list_version(request.actor, wanted).encode()).hexdigest()[:16]
        if request.GET.get("v") == version:
            return HttpResponse(status=NOTHING_NEW)
    found = find_runs(request.actor, wanted, before=before)
    rows = run_rows(found.runs, request.workspace.slug)
    context: dict[str, Any] = {
        "page": _cursor_page(request, rows, found, before),
        "version": version,
        "poll_url": with_query(request) if before is None else "",
    }
    if request.htmx and "v" in request.GET:
        return render(request, "runtime/run_list.html#rows", context)
    context |= {
        "problems": [f"{error['path']}: {error['message']}" for error in errors],
        "filters": _filters(request, query),
        "bulk": {} if errors else _bulk(request, query, wanted),
        "saved": _saved(request, query),
        **_list_urls(request, query),
    }
    return render(request, "runtime/run_list.html", context | bulk.jobs_context(request))


def _query(request: WorkspaceRequest) -> dict[str, str]:
    """The filter of the address; without an environment that of the session, where there are several.

    A search by business id looks in every environment, and so does ``environment=any``.
    """
    environment = environment_asked(request)
    query = {name: text for name in PARAMETERS if name != "environment" and (text := asked(request, name))}
    if environment and ("q" not in query or asked(request, "environment")):
        query["environment"] = environment
    return query


def _filters(request: WorkspaceRequest, query: Mapping[str, str]) -> dict[str, Any]:
    states = {"": _("Any state")} | {state: state_look(state).word for state in Run.Status.values}
    given = {name for name in PARAMETERS if asked(request, name)}
    return {
        **{name: asked(request, name) for name in _PLAIN},
        "status": options(states, asked(request, "status")),
        "flow": flow_options(request, asked(request, "flow")),
        "environment": environment_options(request, query.get("environment", "")),
        "version_options": _versions(request, query),
        "error_class": error_class_options(asked(request, "error_class")),
        "since": _since_options(asked(request, "since")),
        "more": bool(given & {"version", "step", "longer", "shorter", "until", "error_class"}),
        "clear_url": reverse("runtime:run_list", args=[request.workspace.slug]) if given else "",
    }


def _since_options(chosen: str) -> list[Option]:
    words = (_("Last hour"), _("Last 24 hours"), _("Last 7 days"), _("Last 30 days"))
    choices = {"": _("Any time"), **dict(zip(_SPANS, words, strict=True))}
    return options(choices if chosen in choices else {**choices, chosen: chosen}, chosen)


def environment_options(request: WorkspaceRequest, chosen: str) -> list[Option]:
    """Empty where there is one environment only, so that no field is shown."""
    places = [(one.slug, one.name) for one in environments_of(request)]
    if len(places) < 2:
        return []
    return options({"any": _("Any environment"), **dict(places)}, chosen or "any")


def _versions(request: WorkspaceRequest, query: Mapping[str, str]) -> list[Option]:
    flow = Flow.objects.visible_to(request.actor).filter(slug=query.get("flow", ""))
    found = FlowVersion.objects.filter(document__in=flow).order_by("-number").values_list("number", flat=True)
    numbers = [str(one) for one in found[:100]]
    return options({"": _("Any version"), **{one: one for one in numbers}}, query.get("version", ""))


def flow_options(request: WorkspaceRequest, chosen: str) -> list[Option]:
    flows = Flow.objects.visible_to(request.actor).order_by("title").values_list("slug", "title")
    return options({"": _("Any flow"), **dict(flows)}, chosen)


def _cursor_page(request: WorkspaceRequest, rows: list[RunRow], found: FoundRuns, before: UUID | None) -> CursorPage:
    label = ngettext("{count} run, newest first", "{count} runs, newest first", len(rows)).format(count=len(rows))
    if found.looked_to is not None:
        time = f"{uuid7_time(found.looked_to):%Y-%m-%d %H:%M} UTC"
        label += _("; looked back to {time} so far").format(time=time)
    return CursorPage(
        rows,
        label,
        next_url=with_query(request, before=found.before) if found.before else "",
        previous_url=with_query(request) if before is not None else "",
    )


def run_rows(runs: Any, slug: str) -> list[RunRow]:
    flows = dict(Flow.objects.filter(id__in={run.flow_id for run in runs}).values_list("id", "title"))
    names, standing = business_ids_of(runs), standing_steps(runs)
    return [_run_row(run, slug, flows.get(run.flow_id, _("removed flow")), names, standing.get(run.id)) for run in runs]


def _run_row(run: Run, slug: str, flow: str, names: Mapping[UUID, Any], step: Any) -> RunRow:
    plan = plan_or_none(run.version_id) if step is not None or run.error_class else None
    began: datetime = run.started_at or uuid7_time(run.id)
    stands = ""
    if step is not None:
        waits = f": {inside(wait_words(step))}" if step.due_at is not None else ""
        stands = f"{step_title(plan, step.path)}{waits}"
    return RunRow(
        id=str(run.id),
        url=reverse("runtime:run_detail", args=[slug, run.id]),
        flow=flow,
        status=run.status,
        business_ids=_telling(names.get(run.id, [])),
        started_at=began,
        duration_ms=(run.finished_at - began).total_seconds() * 1000 if run.finished_at else None,
        step=stands,
        error=failure_in_lists(run, plan, run.error_step) if run.ended else None,
    )


def _telling(ids: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first id, and of the others those that are not masked."""
    return [pair for place, pair in enumerate(ids) if not place or not pair[1].startswith(MASK_START)]


# -- all that match ------------------------------------------------------------------------------------------------


def counted_words(counted: Counted) -> str:
    """ "12", "at least 300", "more than 10,000"."""
    if not counted.more:
        return number(counted.number)
    text = _("more than {number}") if counted.number >= 10_000 else _("at least {number}")
    return text.format(number=number(counted.number))


def _bulk(request: WorkspaceRequest, query: Mapping[str, str], wanted: RunFilter) -> dict[str, Any]:
    """Deeds over everything that matches: their addresses; how many is counted when the dialog is opened."""
    offered = [deed for deed in DEEDS if request.actor.may(PERMISSIONS[deed])]
    if wanted.status in Run.UNENDED:
        offered = [deed for deed in offered if deed == "cancel"]
    elif wanted.status:
        offered = [deed for deed in offered if deed != "cancel"]
    place = [request.workspace.slug]
    return {
        deed: {
            "count": _counted(request, deed, wanted) if asked(request, "dialog") == f"bulk-{deed}" else None,
            "url": f"{reverse(f'runtime:bulk_{deed}', args=place)}?{urlencode(query)}",
            "count_url": f"{reverse('runtime:bulk_count', args=[*place, deed])}?{urlencode(query)}",
        }
        for deed in offered
    }


@require_GET
@page("runs.view")
def bulk_count(request: WorkspaceRequest, deed: str) -> HttpResponse:
    """How many runs a deed over all that match would touch, as the fragment of its dialog."""
    if deed not in DEEDS:
        raise NotFound(what="deed")
    context = {"deed": deed, "count": _counted(request, deed, _wanted_of(request))}
    return render(request, "runtime/partials/bulk_count.html", context)


def _counted(request: WorkspaceRequest, deed: Any, wanted: RunFilter) -> str:
    counted = preview_count(actor=request.actor, workspace=request.workspace, deed=deed, filter=wanted.as_json())
    return counted_words(counted)


def _wanted_of(request: WorkspaceRequest) -> RunFilter:
    """The filter of the address as the list shows it; a filter at fault is refused, not widened."""
    wanted, errors = run_filter(request.actor, _query(request))
    if errors:
        raise InvalidInput(errors)
    return wanted


@require_POST
@page("runs.cancel")
def bulk_cancel(request: WorkspaceRequest) -> HttpResponse:
    """Cancel every run under way that the filter of the address matches."""
    return _start(request, "cancel")


@require_POST
@page("runs.replay")
def bulk_replay_runs(request: WorkspaceRequest) -> HttpResponse:
    """Replay every ended run that the filter of the address matches and that was not replayed yet."""
    return _start(request, "replay_runs")


def _start(request: WorkspaceRequest, deed: Any) -> HttpResponse:
    with told(request, _(bulk.STARTED)):
        wanted = _wanted_of(request)
        bulk.start(request, deed, wanted.as_json(), rate_per_s=bulk.asked_rate(request))
    return redirect(_back(request))


def _back(request: WorkspaceRequest) -> str:
    """The list as the address filtered it."""
    query = {name: text for name in PARAMETERS if (text := asked(request, name))}
    url = reverse("runtime:run_list", args=[request.workspace.slug])
    return f"{url}?{urlencode(query)}" if query else url


# -- saved filters and exports -------------------------------------------------------------------------------------


def _list_urls(request: WorkspaceRequest, query: Mapping[str, str]) -> dict[str, str]:
    place, text = [request.workspace.slug], urlencode(query)
    exports = {fmt: reverse("runtime:run_export", args=[*place, fmt]) for fmt in CONTENT_TYPES}
    save = f"{reverse('runtime:filter_save', args=place)}?{urlencode(_given(request))}"
    return {
        **{f"export_{fmt}_url": f"{url}?{text}" if text else url for fmt, url in exports.items()},
        "save_url": save if _given(request) else "",
    }


def _given(request: WorkspaceRequest) -> dict[str, str]:
    return {name: text for name in PARAMETERS if (text := asked(request, name))}


def _saved(request: WorkspaceRequest, query: Mapping[str, str]) -> list[SavedFilterRow]:
    owner, url = saved_filters.owner_of(request.actor), reverse("runtime:run_list", args=[request.workspace.slug])
    rows = list(saved_filters.filters_of(request.actor)[:100])
    return [_saved_row(request, row, owner, url, dict(query)) for row in rows]


def _saved_row(
    request: WorkspaceRequest, row: SavedFilter, owner: str, url: str, query: Mapping[str, str]
) -> SavedFilterRow:
    deletable = row.owner_id == owner or (row.shared and request.actor.may("settings.edit"))
    return SavedFilterRow(
        name=row.name,
        url=f"{url}?{row.query}",
        shared=row.shared,
        owner="" if row.owner_id == owner else row.owner_label,
        active=row.parameters.items() <= query.items() and row.parameters.items() == _given(request).items(),
        delete_url=reverse("runtime:filter_delete", args=[request.workspace.slug, row.id]) if deletable else "",
    )


@require_POST
@page("runs.view")
def filter_save(request: WorkspaceRequest) -> HttpResponse:
    """Keep the filter of the address under a name, for oneself or for everybody."""
    with told(request, _("The filter is saved.")):
        saved_filters.save_filter(
            actor=request.actor,
            name=posted(request, "name"),
            query=_given(request),
            shared=posted(request, "shared") == "yes",
        )
    return redirect(_back(request))


@require_POST
@page("runs.view")
def filter_delete(request: WorkspaceRequest, filter_id: UUID) -> HttpResponse:
    with told(request, _("The saved filter is gone.")):
        saved_filters.delete_filter(actor=request.actor, filter_id=filter_id)
    return redirect("runtime:run_list", request.workspace.slug)


@require_GET
@page("runs.view")
def run_export(request: WorkspaceRequest, fmt: str) -> HttpResponseBase:
    """The runs that match as a file; that they were exported is on record."""
    if fmt not in CONTENT_TYPES:
        raise NotFound(what="export format")
    query = _query(request)
    lines = export_runs(
        actor=request.actor, workspace_id=request.workspace.id, wanted=_wanted_of(request),
        fmt=cast("Format", fmt), query=query,
    )  # fmt: skip
    answer = StreamingHttpResponse(lines, content_type=CONTENT_TYPES[fmt])
    name = f"{request.workspace.slug}-{clock.now():%Y%m%d-%H%M}-runs.{fmt}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
