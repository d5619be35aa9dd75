"""Deeds over many runs: begun with a preview count, watched, paused, stopped."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.flows.models import Flow
from ipaas.runtime import bulk
from ipaas.runtime.models import BulkJob as Job
from ipaas.web.pages.support import posted, told
from ipaas.web.readmodels import BulkJob
from ipaas.web.rendering import number

NOTHING_NEW = 204
MOST_JOBS = 5
SHOWN_AFTER = timedelta(minutes=10)
CANCEL_RATE_PER_S = 100.0
STARTED = gettext_noop("It has begun; its progress shows here.")
_OF_RUNS = ("cancel", "replay_runs")
_LIVE = (Job.State.RUNNING, Job.State.PAUSED)


def jobs_context(request: WorkspaceRequest) -> dict[str, Any]:
    """``jobs``, ``jobs_version`` and ``jobs_url`` of the fragment: jobs under way and those that ended just now."""
    recent = bulk.jobs_visible_to(request.actor).order_by("-id")[:MOST_JOBS]
    jobs = [job for job in recent if job.state in _LIVE or (job.finished_at and job.finished_at > now() - SHOWN_AFTER)]
    views = [_job_view(request, job) for job in jobs]
    return {
        "jobs": views,
        "jobs_version": hashlib.sha256(repr(views).encode()).hexdigest()[:16],
        "jobs_url": reverse("runtime:bulk_jobs", args=[request.workspace.slug]),
        "jobs_live": any(job.state in _LIVE for job in jobs),
    }


def _title(job: Job) -> str:
    total = job.total
    text = {
        "replay": ngettext("Replay of {total} dead letter", "Replay of {total} dead letters", total),
        "replay_runs": ngettext("Replay of {total} run", "Replay of {total} runs", total),
        "correct": ngettext("Correcting {total} dead letter", "Correcting {total} dead letters", total),
        "discard": ngettext("Discarding {total} dead letter", "Discarding {total} dead letters", total),
        "cancel": ngettext("Cancelling {total} run", "Cancelling {total} runs", total),
    }[job.deed]
    return text.format(total=number(total))


def _job_view(request: WorkspaceRequest, job: Job) -> BulkJob:
    args, may = [request.workspace.slug, job.id], request.actor.may(bulk.PERMISSIONS[job.deed])
    running, paused = job.state == Job.State.RUNNING, job.state == Job.State.PAUSED
    return BulkJob(
        id=str(job.id),
        title=_title(job),
        status=job.state,
        done=job.done,
        failed=job.failed,
        total=job.total,
        rate_per_minute=round(job.rate_per_s * 60),
        stop_url=reverse("runtime:bulk_stop", args=args) if may and (running or paused) else "",
        pause_url=reverse("runtime:bulk_pause", args=args) if may and running else "",
        resume_url=reverse("runtime:bulk_resume", args=args) if may and paused else "",
        note=job.last_error.partition(":")[0],
    )


@require_GET
@page("runs.view")
def bulk_jobs(request: WorkspaceRequest) -> HttpResponse:
    """The jobs as a fragment that renews itself while one is under way."""
    context = jobs_context(request)
    if request.GET.get("v") == context["jobs_version"]:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, "runtime/partials/bulk_jobs.html", context)


def _job_of(request: WorkspaceRequest, job_id: UUID) -> Job:
    found = bulk.jobs_visible_to(request.actor).filter(id=job_id).first()
    if found is None:
        raise NotFound(what="bulk job")
    return found


def _change(request: WorkspaceRequest, job_id: UUID, deed: Callable[..., Any], done: str) -> HttpResponse:
    job = _job_of(request, job_id)
    with told(request, done):
        deed(actor=request.actor, job=job)
    place = "runtime:run_list" if job.deed in _OF_RUNS else "runtime:dead_letter_list"
    return redirect(place, request.workspace.slug)


@require_POST
@page("runs.view")
def bulk_stop(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    return _change(request, job_id, bulk.stop_bulk_job, _("Stopped; what is done stays done."))


@require_POST
@page("runs.view")
def bulk_pause(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    return _change(request, job_id, bulk.pause_bulk_job, _("Paused; resume it when you like."))


@require_POST
@page("runs.view")
def bulk_resume(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    return _change(request, job_id, bulk.resume_bulk_job, _("The job goes on."))


def start(
    request: WorkspaceRequest, deed: bulk.Deed, chosen: Mapping[str, Any], *, rate_per_s: float, **options: Any
) -> None:
    """Begin a job over what the filter chooses, with the reason of the form."""
    bulk.start_bulk_job(
        actor=request.actor, workspace=request.workspace, deed=deed, filter=dict(chosen), rate_per_s=rate_per_s,
        options={"reason": posted(request, "reason", 500), **options},
    )  # fmt: skip


def flow_named(request: WorkspaceRequest, slug: str) -> Flow:
    """A flow that exists for the actor, or ``NotFound``."""
    found: Flow | None = Flow.objects.visible_to(request.actor).filter(slug=slug).first()
    if found is None:
        raise NotFound(what="flow")
    return found


def asked_rate(request: WorkspaceRequest) -> float:
    """Runs per minute of the form as runs per second."""
    text = posted(request, "rate_per_minute")
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 5 and int(text)):
        message = _("give a whole number of runs per minute")
        raise InvalidInput([{"path": "rate_per_minute", "code": "bulk.rate", "message": message}])
    return int(text) / 60
