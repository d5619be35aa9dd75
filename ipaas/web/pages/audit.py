"""The audit trail: filtered list, verification of the chain, exports and checkpoints to keep outside."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from ipaas import audit
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.audit import jobs, services
from ipaas.audit.exports import CONTENT_TYPES
from ipaas.audit.models import AuditChain, AuditCheckpoint, AuditEntry, AuditJob
from ipaas.audit.querysets import AuditFilters
from ipaas.config import settings
from ipaas.core import clock
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.web.operate_readmodels import AuditJobRow, AuditRow
from ipaas.web.pages.support import asked, newest_first, options, told, told_error
from ipaas.web.readmodels import CursorPage

FILTERS = (
    "who", "subject", "action", "outcome", "flow", "correlation_id", "since", "until", "subject_type", "subject_id",
)  # fmt: skip
AT_ONCE = 5_000
"""Chains of up to so many entries are verified while one waits, longer ones in the background."""
OUTCOMES = {
    "": gettext_noop("Any outcome"),
    "ok": gettext_noop("Done"),
    "denied": gettext_noop("Denied"),
    "refused": gettext_noop("Refused"),
    "failed": gettext_noop("Failed"),
}
MOST_PROBLEMS = 5
MOST_JOBS = 5
NOTHING_NEW = 204
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines"}


@require_GET
@page("audit.view")
def entry_list(request: WorkspaceRequest) -> HttpResponse:
    given = _given(request)
    problem = ""
    try:
        filters = _filters(given)
    except InvalidInput as error:
        filters, problem = AuditFilters(), told_error(error)
    entries = AuditEntry.objects.of_workspace(request.workspace.id).matching(filters)
    found, listed = newest_first(request, entries)
    may_export = request.actor.may("audit.export") and not problem
    place = [request.workspace.slug]
    context: dict[str, Any] = {
        "page": _with_items(listed, found),
        "problem": problem,
        "filters": _shown_filters(request, given),
        "chain": _chain(request),
        "verify_url": reverse("audit:verify", args=place),
        "export_csv_url": _export_url(place, "csv", given) if may_export else "",
        "export_jsonl_url": _export_url(place, "jsonl", given) if may_export else "",
        "checkpoints_url": reverse("audit:checkpoints", args=place) if request.actor.may("audit.export") else "",
        "background_url": _start_url(place, given) if may_export else "",
        "filtered": bool(filters),
        **jobs_context(request),
    }
    return render(request, "audit/entry_list.html", context, status=422 if problem else 200)


@require_POST
@page("audit.view")
def verify(request: WorkspaceRequest) -> HttpResponse:
    """Recompute the whole chain, a long one in the background; the result is shown until the next time."""
    if jobs.chain_length(request.workspace.id) > AT_ONCE:
        with told(request, _("The verification has begun; its progress shows here.")):
            jobs.start_verification(actor=request.actor, workspace_id=request.workspace.id)
        return _to_list(request)
    report = services.verify_chain(workspace_id=request.workspace.id, actor=request.actor)
    result = {
        "ok": report.ok,
        "to_seq": report.to_seq,
        "checked_at": clock.now(),
        "problems": [
            f"{f'Entry {one.seq}: ' if one.seq else ''}{one.message}" for one in report.problems[:MOST_PROBLEMS]
        ],
        "more": max(len(report.problems) - MOST_PROBLEMS, 0),
    }
    cache.set(_kept(request), result, None)
    if not request.htmx:
        return redirect("audit:entry_list", request.workspace.slug)
    return render(request, "audit/entry_list.html#chain", {"chain": _chain(request)})


def _to_list(request: WorkspaceRequest) -> HttpResponse:
    url = reverse("audit:entry_list", args=[request.workspace.slug])
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


@require_POST
@page("audit.export")
def export_start(request: WorkspaceRequest, fmt: str) -> HttpResponse:
    """Begin an export of what the filter of the address shows."""
    if fmt not in CONTENT_TYPES:
        raise NotFound(what="export format")
    with told(request, _("The export has begun; it can be downloaded here when it is done.")):
        filters = _filters(_given(request))
        jobs.start_export(actor=request.actor, workspace_id=request.workspace.id, filters=filters, fmt=fmt)
    return _to_list(request)


@require_GET
@page("audit.view")
def job_list(request: WorkspaceRequest) -> HttpResponse:
    """Exports and verifications as a fragment that renews itself while one is under way."""
    context = jobs_context(request)
    if request.GET.get("v") == context["jobs_version"]:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, "audit/partials/jobs.html", context)


@require_GET
@page("audit.export")
def job_file(request: WorkspaceRequest, job_id: UUID) -> HttpResponseBase:
    job, parts = jobs.job_parts(actor=request.actor, job_id=job_id)
    return _download(
        StreamingHttpResponse(parts, content_type=CONTENT_TYPES[job.format]), request, f"audit.{job.format}"
    )


def jobs_context(request: WorkspaceRequest) -> dict[str, Any]:
    """The newest jobs; ``jobs_version`` changes with them."""
    kinds = list(AuditJob.Kind) if request.actor.may("audit.export") else [AuditJob.Kind.VERIFY]
    rows = list(AuditJob.objects.filter(workspace_id=request.workspace.id, kind__in=kinds).order_by("-id")[:MOST_JOBS])
    shown = [_job_row(request, row) for row in rows]
    return {
        "jobs": shown,
        "jobs_version": hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
        "jobs_url": reverse("audit:job_list", args=[request.workspace.slug]),
        "jobs_live": any(row.state == AuditJob.State.RUNNING for row in rows),
    }


def _job_row(request: WorkspaceRequest, job: AuditJob) -> AuditJobRow:
    finished, export_ = job.state == AuditJob.State.DONE, job.kind == AuditJob.Kind.EXPORT
    title = _("Verification of the chain") if not export_ else _("Export as {fmt}").format(fmt=FORMATS[job.format])
    status: str = job.state
    if finished and not export_:
        status = "verified" if job.result.get("ok") else "broken"
    url = reverse("audit:job_file", args=[request.workspace.slug, job.id])
    expires = job.finished_at + timedelta(days=settings().export_days) if job.finished_at else None
    return AuditJobRow(
        id=str(job.id),
        title=title,
        status=status,
        done=min(job.done, job.total),
        total=job.total,
        started_by=job.started_by,
        created_at=job.created_at,
        note=_job_note(job),
        error=job.error,
        download_url=url if finished and export_ and request.actor.may("audit.export") else "",
        expires_at=expires,
    )


def _job_note(job: AuditJob) -> str:
    if job.state != AuditJob.State.DONE or job.kind != AuditJob.Kind.EXPORT:
        return ""
    found = job.result
    text = _("{entries} entries, {size} kB, signed up to entry {seq}; SHA-256 {digest}")
    return text.format(
        entries=f"{found['entries']:,}",
        size=f"{found['bytes'] / 1000:,.0f}",
        seq=found["checkpoint_seq"],
        digest=found["sha256"][:16],
    )


@require_GET
@page("audit.export")
def export(request: WorkspaceRequest, fmt: str) -> HttpResponseBase:
    """The entries that match, streamed; that they were exported is an entry itself."""
    if fmt not in CONTENT_TYPES:
        raise NotFound(what="export format")
    parts = services.export_entries(
        workspace_id=request.workspace.id,
        filters=_filters(_given(request)),
        fmt=cast("Literal['csv', 'jsonl']", fmt),
        actor=request.actor,
    )
    return _download(StreamingHttpResponse(parts, content_type=CONTENT_TYPES[fmt]), request, f"audit.{fmt}")


@require_GET
@page("audit.export")
def checkpoints(request: WorkspaceRequest) -> HttpResponseBase:
    lines = services.signed_checkpoints(workspace_id=request.workspace.id, actor=request.actor)
    answer = StreamingHttpResponse(lines, content_type=CONTENT_TYPES["jsonl"])
    return _download(answer, request, "audit-checkpoints.jsonl")


def _download(answer: StreamingHttpResponse, request: WorkspaceRequest, name: str) -> StreamingHttpResponse:
    stem = f"{request.workspace.slug}-{clock.now():%Y%m%d-%H%M}"
    answer["Content-Disposition"] = f'attachment; filename="{stem}-{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _given(request: WorkspaceRequest) -> dict[str, str]:
    return {name: text for name in FILTERS if (text := asked(request, name))}


def _filters(given: dict[str, str]) -> AuditFilters:
    """Times without a zone are UTC, as the page says; a day alone is its start."""
    moments: dict[str, str] = {name: _with_zone(given[name]) for name in ("since", "until") if name in given}
    return AuditFilters.from_query({**given, **moments})


def _with_zone(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _export_url(place: list[str], fmt: str, given: dict[str, str]) -> str:
    query = urlencode(given)
    return reverse("audit:export", args=[*place, fmt]) + (f"?{query}" if query else "")


def _start_url(place: list[str], given: dict[str, str]) -> dict[str, str]:
    query = urlencode(given)
    urls = {fmt: reverse("audit:export_start", args=[*place, fmt]) for fmt in CONTENT_TYPES}
    return {fmt: f"{url}?{query}" if query else url for fmt, url in urls.items()}


def _shown_filters(request: WorkspaceRequest, given: dict[str, str]) -> dict[str, Any]:
    known = audit.known_actions()
    families = dict.fromkeys(f"{name.partition('.')[0]}." for name in known)
    actions = {"": _("Any action"), **{name: f"{name}*" for name in families}, **{name: name for name in known}}
    return {
        **{name: given.get(name, "") for name in FILTERS},
        "action": options(actions, given.get("action", "")),
        "outcome": options({value: _(label) for value, label in OUTCOMES.items()}, given.get("outcome", "")),
        "clear_url": reverse("audit:entry_list", args=[request.workspace.slug]) if given else "",
    }


def _with_items(listed: CursorPage, found: list[AuditEntry]) -> CursorPage:
    meanings = audit.known_actions()
    rows = [
        AuditRow(
            seq=entry.seq,
            at=entry.created_at,
            actor=entry.actor_label or entry.actor_id,
            actor_kind=entry.actor_kind,
            action=entry.action,
            subject=" ".join(part for part in (entry.subject_type, entry.subject_label or entry.subject_id) if part),
            outcome=entry.outcome,
            ip=entry.actor_ip,
            details=entry.details,
            hash=bytes(entry.hash or b"").hex(),
            meaning=meanings.get(entry.action, ""),
        )
        for entry in found
    ]
    return replace(listed, items=rows)


def _kept(request: WorkspaceRequest) -> str:
    return f"audit-verified:{request.workspace.id}"


def _last_result(request: WorkspaceRequest) -> dict[str, Any] | None:
    """The newest verification, be it one that was waited for or one in the background."""
    found: dict[str, Any] | None = cache.get(_kept(request))
    rows = AuditJob.objects.filter(workspace_id=request.workspace.id, kind=AuditJob.Kind.VERIFY)
    job = rows.filter(state=AuditJob.State.DONE).order_by("-id").first()
    if job is None or (found is not None and found["checked_at"] > job.finished_at):
        return found
    return {"checked_at": job.finished_at, **job.result}


def _chain(request: WorkspaceRequest) -> dict[str, Any]:
    """How long the chain is, when it was last verified and by which result, and the last signed checkpoint."""
    head = AuditChain.objects.filter(workspace_id=request.workspace.id).first()
    last = AuditCheckpoint.objects.filter(chain_id=request.workspace.id).order_by("-seq").first()
    result = _last_result(request)
    if result is None:
        status, message = "unchecked", _("Not verified yet")
    elif result["ok"]:
        status, message = "verified", _("Intact up to entry {number}").format(number=result["to_seq"])
    else:
        status, message = "broken", _("The chain is broken")
    return {
        "status": status,
        "message": message,
        "length": head.seq if head else 0,
        "checked_at": result["checked_at"] if result else None,
        "checkpoint_at": last.created_at if last else None,
        "problems": result["problems"] if result else [],
        "more": result["more"] if result else 0,
    }
