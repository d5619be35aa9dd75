"""Runs: the list with one search for any business id, and one run with everything that may be done to it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow
from ipaas.runtime import services
from ipaas.runtime.bulk import preview_count
from ipaas.runtime.models import Run
from ipaas.runtime.reading import FoundRuns, RunFilter, business_ids_of, find_runs, standing_steps
from ipaas.runtime.replays import replay_run
from ipaas.web.pages.bulk import jobs_context
from ipaas.web.pages.impacts import replay_impacts
from ipaas.web.pages.run_view import RunView, run_version
from ipaas.web.pages.support import asked, environment_of, options, posted, read_id, told, with_query
from ipaas.web.pages.wording import (
    error_class_options,
    failure_in_lists,
    plan_or_none,
    step_title,
    wait_words,
)
from ipaas.web.readmodels import CursorPage, Link, Option, RunRow
from ipaas.web.rendering import MASK_START, state_look

MOST_REASON = 500
NOTHING_NEW = 204
SINCE = {"": "Any time", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
_HOURS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}


def reason_of(request: WorkspaceRequest) -> str:
    """The reason of a deed; raises ``InvalidInput`` without one, because it goes into the audit trail."""
    reason = posted(request, "reason", MOST_REASON)
    if not reason:
        raise InvalidInput(
            [{"path": "reason", "code": "reason.missing", "message": "say why; it goes into the audit trail"}]
        )
    return reason


# -- the list ------------------------------------------------------------------------------------------------------


@require_GET
@page("runs.view")
def run_list(request: WorkspaceRequest) -> HttpResponse:
    """Newest first; ``?v=`` asks for the rows only when they changed since that version."""
    environment = environment_of(request)
    wanted, flow = _wanted(request), asked(request, "flow")
    several = request.workspace.environments.count() > 1
    flow_id = Flow.objects.visible_to(request.actor).filter(slug=flow).values_list("id", flat=True).first()
    conditions = RunFilter(
        text=wanted["q"],
        status=wanted["status"],
        error_class=wanted["error_class"],
        flow_id=flow_id if flow_id is not None or not flow else UUID(int=0),
        environment_id=environment.id if environment is not None and several and not wanted["q"] else None,
        since=now() - timedelta(hours=_HOURS[wanted["since"]]) if wanted["since"] else None,
    )
    before = read_id(request.GET.get("before", ""))
    found = find_runs(request.actor, conditions, before=before)
    rows = run_rows(found.runs, request.workspace.slug)
    version = hashlib.sha256(repr([(row.id, row.status, row.step, row.error) for row in rows]).encode()).hexdigest()[
        :16
    ]
    if request.GET.get("v") == version:
        return HttpResponse(status=NOTHING_NEW)
    context: dict[str, Any] = {
        "page": _cursor_page(request, rows, found, before),
        "version": version,
        "poll_url": with_query(request) if before is None else "",
    }
    if request.htmx and "v" in request.GET:
        return render(request, "runtime/run_list.html#rows", context)
    context |= {"filters": _filters(request, wanted, flow), "bulk": _bulk(request, wanted, flow_id)}
    return render(request, "runtime/run_list.html", context | jobs_context(request))


def _wanted(request: WorkspaceRequest) -> dict[str, str]:
    """The filter of the address; what is not known there counts as not given."""
    status, error_class, since = asked(request, "status"), asked(request, "error_class"), asked(request, "since")
    classes = {option.value for option in error_class_options("")}
    return {
        "q": asked(request, "q"),
        "status": status if status in Run.Status.values else "",
        "error_class": error_class if error_class in classes else "",
        "since": since if since in SINCE else "",
    }


def _filters(request: WorkspaceRequest, wanted: Mapping[str, str], flow: str) -> dict[str, Any]:
    states = {"": "Any state"} | {state: state_look(state).word for state in Run.Status.values}
    return {
        "q": wanted["q"],
        "status": options(states, wanted["status"]),
        "flow": flow_options(request, flow),
        "error_class": error_class_options(wanted["error_class"]),
        "since": options(SINCE, wanted["since"]),
        "clear_url": reverse("runtime:run_list", args=[request.workspace.slug]) if flow or any(wanted.values()) else "",
    }


def flow_options(request: WorkspaceRequest, chosen: str) -> list[Option]:
    flows = Flow.objects.visible_to(request.actor).order_by("title").values_list("slug", "title")
    return options({"": "Any flow", **dict(flows)}, chosen)


def _cursor_page(request: WorkspaceRequest, rows: list[RunRow], found: FoundRuns, before: UUID | None) -> CursorPage:
    label = f"{len(rows)} run{'s' * (len(rows) != 1)}, newest first"
    if found.looked_to is not None:
        label += f"; looked back to {uuid7_time(found.looked_to):%Y-%m-%d %H:%M} UTC so far"
    return CursorPage(
        rows,
        label,
        next_url=with_query(request, before=found.before) if found.before else "",
        previous_url=with_query(request) if before is not None else "",
    )


def run_rows(runs: Any, slug: str) -> list[RunRow]:
    flows = dict(Flow.objects.filter(id__in={run.flow_id for run in runs}).values_list("id", "title"))
    names, standing = business_ids_of(runs), standing_steps(runs)
    return [_run_row(run, slug, flows.get(run.flow_id, "removed flow"), names, standing.get(run.id)) for run in runs]


def _run_row(run: Run, slug: str, flow: str, names: Mapping[UUID, Any], step: Any) -> RunRow:
    plan = plan_or_none(run.version_id) if step is not None or run.error_class else None
    began = run.started_at or uuid7_time(run.id)
    stands = ""
    if step is not None:
        waits = f": {wait_words(step).lower()}" if step.due_at is not None else ""
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


def _bulk(request: WorkspaceRequest, wanted: Mapping[str, str], flow_id: UUID | None) -> dict[str, Any]:
    """Cancel many: offered once the list shows one state of runs under way."""
    hidden = {"match_count": 0, "replay_url": "", "cancel_url": ""}
    narrow = wanted["q"] or wanted["error_class"] or wanted["since"]
    if wanted["status"] not in Run.UNENDED or narrow or not request.actor.may("runs.cancel"):
        return hidden
    conditions = {"status": wanted["status"]} | ({"flow_id": str(flow_id)} if flow_id is not None else {})
    count = preview_count(actor=request.actor, workspace=request.workspace, deed="cancel", filter=conditions)
    url = reverse("runtime:bulk_cancel", args=[request.workspace.slug])
    return hidden | {"match_count": count, "cancel_url": f"{url}?{request.GET.urlencode()}" if count else ""}


# -- one run -------------------------------------------------------------------------------------------------------


def run_of(request: WorkspaceRequest, run_id: UUID) -> Run:
    """The run, or ``NotFound``, exactly alike for one of another workspace."""
    found: Run | None = Run.objects.visible_to(request.actor).filter(id=run_id).first()
    if found is None:
        raise NotFound(what="run")
    return found


@require_GET
@page("runs.view")
def run_detail(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """The timeline; ``?v=`` asks for it only when it changed since that version."""
    environment_of(request)
    run = run_of(request, run_id)
    version = run_version(run)
    if request.GET.get("v") == version:
        return HttpResponse(status=NOTHING_NEW)
    view = RunView(run, request.actor, request.workspace.slug)
    detail = view.detail(version)
    context: dict[str, Any] = {
        "run": detail,
        "problem": view.problem,
        "crumbs": [Link("Runs", reverse("runtime:run_list", args=[request.workspace.slug]))],
        "replay_from": asked(request, "from"),
    }
    if request.htmx and "v" in request.GET:
        return render(request, "runtime/run_detail.html#live", context)
    if detail.replay_url:
        context |= replay_impacts(request.actor, run, view.plan, from_key=context["replay_from"], new_effects=False)
    return render(request, "runtime/run_detail.html", context)


@require_GET
@page("runs.view")
def run_data(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """The run as a JSON file, masked as on the page."""
    view = RunView(run_of(request, run_id), request.actor, request.workspace.slug)
    answer = JsonResponse(view.data(), json_dumps_params={"ensure_ascii": False, "indent": 2, "default": str})
    answer["Content-Disposition"] = f'attachment; filename="run-{run_id}.json"'
    return answer


@require_GET
@page("runs.replay")
def run_replay_preview(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """What a replay with the dialog's choices would do."""
    run = run_of(request, run_id)
    fresh = asked(request, "effects") == "new"
    impacts = replay_impacts(
        request.actor, run, plan_or_none(run.version_id), from_key=asked(request, "from_step"), new_effects=fresh
    )
    return render(request, "runtime/run_detail.html#impacts", impacts)


@require_POST
@page("runs.replay")
def run_replay(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """Replay from the start, from a step, or one item of a for-each (``path#number``)."""
    run = run_of(request, run_id)
    path, item = split_key(posted(request, "from_step", 500))
    fresh = posted(request, "effects") == "new"
    again = None
    with told(request, "The replay has begun."):
        if fresh and posted(request, "confirm") != "yes":
            message = "confirm that everything outside is to happen a second time"
            raise InvalidInput([{"path": "effects", "code": "replay.confirm", "message": message}])
        again = replay_run(
            actor=request.actor, run=run, reason=reason_of(request), from_step=path, item=item, new_effects=fresh
        )
    return redirect("runtime:run_detail", request.workspace.slug, run.id if again is None else again.id)


def split_key(key: str) -> tuple[str | None, int | None]:
    """Path and item of a place to start from; an item that is no number is refused by the service as a path."""
    path, mark, number = key.partition("#")
    if mark and number.isascii() and number.isdigit() and len(number) < 9:
        return path, int(number)
    return key or None, None


@require_POST
@page("runs.resume")
def run_resume(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    with told(request, "The run goes on."):
        services.resume_run(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.skip")
def run_skip(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    with told(request, "The step is skipped and the run goes on."):
        services.skip_step(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.cancel")
def run_cancel(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    with told(request, "The run stops before its next step."):
        services.cancel_run(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.resume")
def run_settle(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """Say whether an effect of unknown outcome happened; its result, if given, is JSON."""
    run = run_of(request, run_id)
    path, _, item = posted(request, "step", 500).partition("#")
    with told(request, "Noted. The run goes on."):
        happened = {"yes": True, "no": False}.get(posted(request, "happened"))
        if happened is None:
            message = "say whether it happened"
            raise InvalidInput([{"path": "happened", "code": "settle.happened", "message": message}])
        services.settle_effect(
            actor=request.actor, run=run, path=path, item=item, happened=happened,
            result=_settled_result(request) if happened else None, reason=reason_of(request),
        )  # fmt: skip
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


def _settled_result(request: WorkspaceRequest) -> Any:
    text = request.POST.get("result", "").strip()
    return jsonio.loads(text) if text else None
