"""The audit trail: filtered list, verification of the chain, exports and checkpoints to keep outside."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, cast
from urllib.parse import urlencode

from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from ipaas import audit
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.audit import services
from ipaas.audit.exports import CONTENT_TYPES
from ipaas.audit.models import AuditChain, AuditCheckpoint, AuditEntry
from ipaas.audit.querysets import AuditFilters
from ipaas.core import clock
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.web.operate_readmodels import AuditRow
from ipaas.web.pages.support import asked, newest_first, options, told_error
from ipaas.web.readmodels import CursorPage

FILTERS = ("who", "subject", "action", "outcome", "flow", "correlation_id", "since", "until")
OUTCOMES = {"": "Any outcome", "ok": "Done", "denied": "Denied", "refused": "Refused", "failed": "Failed"}
MOST_PROBLEMS = 5


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
    found, listed = newest_first(request, entries, "entries")
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
        "filtered": bool(filters),
    }
    return render(request, "audit/entry_list.html", context, status=422 if problem else 200)


@require_POST
@page("audit.view")
def verify(request: WorkspaceRequest) -> HttpResponse:
    """Recompute the whole chain; the result is shown until the next time."""
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


def _shown_filters(request: WorkspaceRequest, given: dict[str, str]) -> dict[str, Any]:
    known = audit.known_actions()
    families = dict.fromkeys(f"{name.partition('.')[0]}." for name in known)
    actions = {"": "Any action", **{name: f"{name}*" for name in families}, **{name: name for name in known}}
    return {
        **{name: given.get(name, "") for name in FILTERS},
        "action": options(actions, given.get("action", "")),
        "outcome": options(OUTCOMES, given.get("outcome", "")),
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


def _chain(request: WorkspaceRequest) -> dict[str, Any]:
    """How long the chain is, when it was last verified and by which result, and the last signed checkpoint."""
    head = AuditChain.objects.filter(workspace_id=request.workspace.id).first()
    last = AuditCheckpoint.objects.filter(chain_id=request.workspace.id).order_by("-seq").first()
    result: dict[str, Any] | None = cache.get(_kept(request))
    if result is None:
        status, message = "unchecked", "Not verified yet"
    elif result["ok"]:
        status, message = "verified", f"Intact up to entry {result['to_seq']}"
    else:
        status, message = "broken", "The chain is broken"
    return {
        "status": status,
        "message": message,
        "length": head.seq if head else 0,
        "checked_at": result["checked_at"] if result else None,
        "checkpoint_at": last.created_at if last else None,
        "problems": result["problems"] if result else [],
        "more": result["more"] if result else 0,
    }
