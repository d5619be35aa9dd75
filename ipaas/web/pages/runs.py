"""One run with everything that may be done to it."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.runtime import services
from ipaas.runtime.models import Run
from ipaas.runtime.replays import replay_run
from ipaas.web.pages.impacts import replay_impacts
from ipaas.web.pages.run_view import RunView, run_version
from ipaas.web.pages.support import asked, environment_of, posted, told
from ipaas.web.pages.wording import plan_or_none
from ipaas.web.readmodels import Link

MOST_REASON = 500
NOTHING_NEW = 204


def reason_of(request: WorkspaceRequest) -> str:
    """The reason of a deed; raises ``InvalidInput`` without one, because it goes into the audit trail."""
    reason = posted(request, "reason", MOST_REASON)
    if not reason:
        raise InvalidInput(
            [{"path": "reason", "code": "reason.missing", "message": _("say why; it goes into the audit trail")}]
        )
    return reason


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
    run = run_of(request, run_id)
    version = run_version(run)
    if request.GET.get("v") == version:
        return HttpResponse(status=NOTHING_NEW)
    environment_of(request)
    view = RunView(run, request.actor, request.workspace.slug)
    detail = view.detail(version)
    context: dict[str, Any] = {
        "run": detail,
        "problem": view.problem,
        "crumbs": [Link(_("Runs"), reverse("runtime:run_list", args=[request.workspace.slug]))],
        "replay_from": asked(request, "from"),
    }
    if request.htmx and "v" in request.GET:
        return render(request, "runtime/run_detail.html#live", context)
    context |= {
        "printing": asked(request, "view") == "print",
        "resume_impacts": view.impacts("resume") if detail.resume_url else [],
        "skip_impacts": view.impacts("skip") if any(step.skip_url for step in detail.steps) else [],
        "cancel_impacts": view.impacts("cancel") if detail.cancel_url else [],
    }
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
    with told(request, _("The replay has begun.")):
        if fresh and posted(request, "confirm") != "yes":
            message = _("confirm that everything outside is to happen a second time")
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
    with told(request, _("The run goes on.")):
        services.resume_run(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.skip")
def run_skip(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    with told(request, _("The step is skipped and the run goes on.")):
        services.skip_step(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.cancel")
def run_cancel(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    with told(request, _("The run stops before its next step.")):
        services.cancel_run(actor=request.actor, run=run, reason=reason_of(request))
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


@require_POST
@page("runs.resume")
def run_settle(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """Say whether an effect of unknown outcome happened; its result, if given, is JSON."""
    run = run_of(request, run_id)
    path, _mark, item = posted(request, "step", 500).partition("#")
    with told(request, _("Noted. The run goes on.")):
        happened = {"yes": True, "no": False}.get(posted(request, "happened"))
        if happened is None:
            message = _("say whether it happened")
            raise InvalidInput([{"path": "happened", "code": "settle.happened", "message": message}])
        services.settle_effect(
            actor=request.actor, run=run, path=path, item=item, happened=happened,
            result=_settled_result(request) if happened else None, reason=reason_of(request),
        )  # fmt: skip
    return redirect("runtime:run_detail", request.workspace.slug, run.id)


def _settled_result(request: WorkspaceRequest) -> Any:
    text = request.POST.get("result", "").strip()
    return jsonio.loads(text) if text else None
