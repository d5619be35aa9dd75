"""Approvals: the inbox, and one with its evidence, decided in two clicks."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.core.phrases import in_words
from ipaas.flows.plan import ApprovalBlock
from ipaas.runtime.approvals import Outcome, decide_approval, deciding_roles, delegate_approval, refusal
from ipaas.runtime.models import Approval, Run, StepRun
from ipaas.runtime.showing import ShownRun, shown_evidence, text_scrubber
from ipaas.web.i18n.errors import told as error_told
from ipaas.web.pages.support import asked, environment_of, newest_first, posted, told
from ipaas.web.pages.wording import flow_names, plan_or_none, plural, words
from ipaas.web.readmodels import ApprovalRow, CursorPage, Link, Tab

NOTHING_NEW = 204
MOST_FACTS = 8
_STATUS = {"pending": "open"}
_EXPIRY = {
    "reject": gettext_noop("it counts as rejected"),
    "approve": gettext_noop("it counts as approved"),
    "fail": gettext_noop("the step fails"),
}
_ROLES = {
    "builder": gettext_noop("builders"),
    "steward": gettext_noop("stewards"),
    "operator": gettext_noop("operators"),
    "approver": gettext_noop("approvers"),
    "auditor": gettext_noop("auditors"),
    "admin": gettext_noop("admins"),
}


@require_GET
@page("approvals.view")
def approval_list(request: WorkspaceRequest) -> HttpResponse:
    """The inbox, or with ``?tab=decided`` what was decided; ``?v=`` asks for the rows only when they changed."""
    environment_of(request)
    decided = asked(request, "tab") == "decided"
    rows = Approval.objects.visible_to(request.actor)
    pending = rows.filter(state=Approval.State.PENDING)
    found, listed = newest_first(request, rows.exclude(state=Approval.State.PENDING) if decided else pending)
    version = hashlib.sha256(repr([(row.id, _status(row)) for row in found]).encode()).hexdigest()[:16]
    if request.GET.get("v") == version:
        return HttpResponse(status=NOTHING_NEW)
    views = _rows(request, found)
    context: dict[str, Any] = {
        "page": CursorPage(views, listed.label, listed.next_url, listed.previous_url),
        "version": version,
        "poll_url": "" if decided or "before" in request.GET or "after" in request.GET else request.path,
        "decided": decided,
    }
    if request.htmx and "v" in request.GET:
        return render(request, "runtime/approval_list.html#rows", context)
    waiting = pending.values("id")[:1000].count()
    tabs = [
        Tab(_("Open"), request.path, not decided, waiting),
        Tab(_("Decided"), f"{request.path}?tab=decided", decided),
    ]
    return render(request, "runtime/approval_list.html", context | {"tabs": tabs})


def _status(approval: Approval) -> str:
    overdue = approval.expires_at is not None and approval.expires_at <= now()
    if approval.state == Approval.State.PENDING and overdue:
        return "expired"
    return _STATUS.get(approval.state, approval.state)


def _rows(request: WorkspaceRequest, approvals: Sequence[Approval]) -> list[ApprovalRow]:
    flows, scrub = flow_names(one.flow_id for one in approvals), text_scrubber(request.workspace.id)
    return [_row(request, one, flows[one.flow_id][1], scrub(one.title)) for one in approvals]


def _row(request: WorkspaceRequest, approval: Approval, flow: str, title: str) -> ApprovalRow:
    place, status = [request.workspace.slug, approval.id], _status(approval)
    may = status == _STATUS[Approval.State.PENDING] and request.actor.may("approvals.decide")
    return ApprovalRow(
        id=str(approval.id),
        url=reverse("runtime:approval_detail", args=place),
        title=title,
        flow=flow,
        asked_at=uuid7_time(approval.id),
        expires_at=approval.expires_at,
        status=status,
        approvers=_approvers(approval),
        decide_url=reverse("runtime:approval_decide", args=place) if may else "",
    )


def _approvers(approval: Approval) -> str:
    """``Approvers or admins, 2 of them``."""
    roles = _(" or ").join(_role_words(role) for role in deciding_roles(approval))
    roles = roles[:1].upper() + roles[1:]
    return _("{roles}, {count} of them").format(roles=roles, count=approval.quorum) if approval.quorum > 1 else roles


def _role_words(role: str) -> str:
    """All who have a role."""
    return _(_ROLES[role]) if role in _ROLES else words(plural(role)).lower()


def _approval_of(request: WorkspaceRequest, approval_id: UUID) -> Approval:
    found: Approval | None = Approval.objects.visible_to(request.actor).filter(id=approval_id).first()
    if found is None:
        raise NotFound(what="approval")
    return found


@require_GET
@page("approvals.view")
def approval_detail(request: WorkspaceRequest, approval_id: UUID) -> HttpResponse:
    environment_of(request)
    approval = _approval_of(request, approval_id)
    run = Run.objects.get(id=approval.run_id)
    evidence, problem = _evidence(approval, run)
    decision = None
    if approval.decided_at is not None:
        decision = {
            "by": approval.decided_by or _("nobody in time"),
            "at": approval.decided_at,
            "outcome": approval.state,
            "comment": approval.reason,
        }
    place = [request.workspace.slug]
    row = replace(_rows(request, [approval])[0], summary=_summary(evidence))
    refused = refusal(request.actor, approval) if row.decide_url else None
    context = {
        "approval": replace(row, decide_url="") if refused else row,
        "refused": in_words(refused.detail) if refused else "",
        "delegate_url": reverse("runtime:approval_delegate", args=[*place, approval.id])
        if row.decide_url and not refused
        else "",
        "given": approval.decisions.order_by("decided_at"),
        "delegations": approval.delegations,
        "four_eyes": approval.four_eyes,
        "quorum": approval.quorum,
        "escalate_to": _role_words(approval.escalate_to) if approval.escalate_to else "",
        "escalate_at": approval.escalate_at,
        "run": Link(_("the run"), reverse("runtime:run_detail", args=[*place, run.id])),
        "evidence": evidence,
        "problem": problem,
        "shown": approval.evidence_sha256,
        "checklist": approval.checklist,
        "decision": decision,
        "on_expiry": _on_expiry(approval, run),
        "crumbs": [Link(_("Approvals"), reverse("runtime:approval_list", args=place))],
    }
    return render(request, "runtime/approval_detail.html", context)


def _evidence(approval: Approval, run: Run) -> tuple[Any, str]:
    try:
        return shown_evidence(approval, ShownRun(run)), ""
    except IpaasError as error:
        text = _("The evidence can not be shown, so that this can not be decided.")
        return None, f"{text} {error_told(error)}"


def _summary(evidence: Any) -> list[tuple[str, str]]:
    """The plain facts of the evidence, for the first glance."""
    if not isinstance(evidence, dict):
        return []
    plain = [(name, value) for name, value in evidence.items() if isinstance(value, str | int | Decimal)]
    return [(words(name), str(value)) for name, value in plain[:MOST_FACTS]]


def _on_expiry(approval: Approval, run: Run) -> str:
    plan = plan_or_none(run.version_id)
    path = StepRun.objects.filter(run_id=run.id, seq=approval.seq).values_list("path", flat=True).first()
    block = plan.blocks.get(path) if plan is not None and path else None
    return _(_EXPIRY[block.on_expiry]) if isinstance(block, ApprovalBlock) else ""


@require_POST
@page("approvals.decide")
def approval_decide(request: WorkspaceRequest, approval_id: UUID) -> HttpResponse:
    """Approve (with every item of the checklist) or reject (with a comment); of two decisions the first wins."""
    approval = _approval_of(request, approval_id)
    outcome = posted(request, "outcome")
    with told(request, _said(approval, outcome)):
        decide_approval(
            actor=request.actor,
            approval=approval,
            decision=cast("Outcome", outcome),
            shown=posted(request, "shown"),
            checked=[int(text[:9]) for text in request.POST.getlist("checked") if text.isascii() and text.isdigit()],
            reason=posted(request, "comment", 500),
        )
    return redirect("runtime:approval_detail", request.workspace.slug, approval.id)


def _said(approval: Approval, outcome: str) -> str:
    if outcome != "approved":
        return _("Rejected; the run is told.")
    if approval.decisions.count() + 1 < approval.quorum:
        return _("Approved; others have to approve too before the run goes on.")
    return _("Approved; the run goes on.")


@require_POST
@page("approvals.decide")
def approval_delegate(request: WorkspaceRequest, approval_id: UUID) -> HttpResponse:
    """Hand one's say to another member."""
    approval, to = _approval_of(request, approval_id), posted(request, "to")
    with told(request, _("The decision is handed to {person}.").format(person=to)):
        delegate_approval(actor=request.actor, approval=approval, to=to, reason=posted(request, "reason", 500))
    return redirect("runtime:approval_detail", request.workspace.slug, approval.id)
