"""Deeds on questions to people: decide, delegate. Everything that a decision needs is asked for here."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ipaas import audit
from ipaas.accounts.actors import identity_of, roles_of
from ipaas.accounts.models import Membership
from ipaas.accounts.roles import permissions_of
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.flows.models import FlowVersion
from ipaas.runtime import writing
from ipaas.runtime.models import Approval, Run

Outcome = Literal["approved", "rejected"]
MOST_ANCESTORS = 32


class NotTheApprover(IpaasError):
    """This decision is for {who}."""

    status = 403
    code = "not_the_approver"
    title = "Another person decides"
    remedy = "Ask one of them, have the decision delegated to you, or have the role given to you in Settings, Members."


class FourEyes(IpaasError):
    """You {deed}; somebody else has to decide."""

    status = 403
    code = "four_eyes"
    title = "Another pair of eyes decides"
    remedy = "Ask another person who may decide this."


class DecidedBefore(Conflict):
    """You have approved this already; it needs {quorum} different people."""

    code = "decided_before"
    title = "Decided before"
    remedy = "Ask another person who may decide this."


@transaction.atomic
def decide_approval(
    *,
    actor: Actor,
    approval: Approval,
    decision: Outcome,
    shown: str,
    checked: Sequence[int] = (),
    reason: str = "",
) -> Approval:
    """Approve or reject; of two decisions at once the first wins.

    ``shown`` is the hash of the evidence that the person saw. To approve, ``checked`` has the number (from 0) of every
    point of the checklist; to reject, a reason is needed. A rejection settles the question at once, an approval when
    as many different people as the flow asks for have approved.
    """
    require_permission(actor, "approvals.decide", approval)
    row = _locked(approval)
    _require_decider(actor, row)
    _check(row, decision, checked, reason)
    if shown != row.evidence_sha256:
        raise Conflict(what=said("The evidence shown is not the evidence of this approval; load it again."))
    _require_open(row)
    person = identity_of(actor.kind, actor.id)
    if row.decisions.filter(person=person).exists():
        raise DecidedBefore(quorum=row.quorum)
    row.decisions.create(person=person, label=actor.label, decision=decision, reason=reason, decided_at=now())
    _settle(row, decision)
    details = {
        "decision": decision,
        "state": row.state,
        "reason": reason,
        "evidence_sha256": shown,
        "approval": str(row.id),
    }
    _record("approval.decided", actor, row, details)
    return row


@transaction.atomic
def delegate_approval(*, actor: Actor, approval: Approval, to: str, reason: str) -> Approval:
    """Hand one's say in a question to another member (``to``: an e-mail address); one's own is gone with it."""
    require_permission(actor, "approvals.decide", approval)
    row = _locked(approval)
    _require_decider(actor, row)
    _require_open(row)
    person = identity_of(actor.kind, actor.id)
    if row.decisions.filter(person=person).exists():
        raise DecidedBefore(quorum=row.quorum)
    if not reason.strip():
        raise _invalid("reason", "reason.missing", said("say why"))
    delegate = _delegate(row, to)
    found = identity_of("user", str(delegate.user_id))
    if found == person:
        raise _invalid("to", "delegate.self", said("name another person"))
    if deed := barred(row).get(found):
        raise _invalid("to", "delegate.four_eyes", said("this person {deed} and may not decide", deed=deed))
    handed = {"from": person, "from_label": actor.label, "to": found, "to_label": delegate.user.email}
    row.delegations = [*row.delegations, {**handed, "at": now().isoformat(), "reason": reason}]
    row.save(update_fields=["delegations"])
    _record("approval.delegated", actor, row, {"approval": str(row.id), "to": delegate.user.email, "reason": reason})
    return row


def refusal(actor: Actor, approval: Approval) -> IpaasError | None:
    """Why an actor may not decide this question; None when the flow leaves the decision to it.

    The role that the flow names decides; when it has escalated, the second role too; an admin has every role. Who
    was delegated to has a say, who delegated has none any more. Under four eyes a program is nobody: whoever makes
    service accounts would be two.
    """
    if actor.is_system:
        return None
    person = identity_of(actor.kind, actor.id)
    if not _has_say(approval, person, roles_of(actor)):
        return NotTheApprover(who=said("people with the role {roles}", roles=" / ".join(deciding_roles(approval))))
    deed = barred(approval).get(person)
    if approval.four_eyes and not person.startswith("user:"):
        deed = "act as a program"
    return FourEyes(deed=deed) if deed else None


def asked_of(actor: Actor, approvals: Iterable[Approval]) -> list[Approval]:
    """Those of the questions in which an actor has a say; four eyes may still refuse the decision."""
    person, roles = identity_of(actor.kind, actor.id), roles_of(actor)
    return [one for one in approvals if actor.is_system or _has_say(one, person, roles)]


def _has_say(approval: Approval, person: str, roles: frozenset[str]) -> bool:
    found = not roles.isdisjoint({*deciding_roles(approval), "admin"})
    for handed in approval.delegations:
        found = (found or handed["to"] == person) and handed["from"] != person
    return found


def deciding_roles(approval: Approval) -> list[str]:
    """The role that decides, and the one that the question was escalated to when its time has come."""
    escalated = approval.escalate_at is not None and approval.escalate_at <= now()
    return [approval.role, approval.escalate_to] if escalated else [approval.role]


def barred(approval: Approval) -> dict[str, str]:
    """Who may not decide under four eyes, each with why: who started or replayed the run, who published its flow."""
    if not approval.four_eyes:
        return {}
    run = Run.objects.filter(id=approval.run_id).first()
    if run is None:
        return {}
    version = FlowVersion.objects.filter(id=run.version_id).values_list("number", flat=True).first()
    started = Q(
        subject_type="run",
        subject_id__in=[str(one) for one in _line_of(run)],
        action__in=("run.started", "run.replayed"),
    )
    published = Q(subject_type="flow", subject_id=str(run.flow_id), action="flow.published", details__version=version)
    entries = AuditEntry.objects.filter(started | published, workspace_id=approval.workspace_id)
    return {
        identity_of(entry.actor_kind, entry.actor_id): (
            said("published this version of the flow") if entry.action == "flow.published" else said("started this run")
        )
        for entry in entries
    }


def withdraw_questions(run_id: UUID, actor: Actor, reason: str) -> None:
    """Nobody needs to decide any more what a run has asked."""
    Approval.objects.filter(run_id=run_id, state=Approval.State.PENDING).update(
        state=Approval.State.CANCELLED, decided_at=now(), decided_by=actor.label, reason=reason
    )


def _line_of(run: Run) -> list[UUID]:
    """The run, those it replays and those it is a sub-flow of."""
    line, following = [run.id], [run]
    while following and len(line) < MOST_ANCESTORS:
        wanted = {found for one in following for found in (one.parent_run_id, one.replay_of) if found} - set(line)
        line += wanted
        following = list(Run.objects.filter(id__in=wanted))
    return line


def _locked(approval: Approval) -> Approval:
    """The question, locked after the run's work: in the order in which the engine locks them."""
    writing.execute("SELECT 1 FROM runtime_work WHERE id = %s FOR UPDATE", [approval.run_id])
    found: Approval | None = Approval.objects.select_for_update().filter(id=approval.id).first()
    if found is None:
        raise NotFound(what="approval")
    return found


def _require_decider(actor: Actor, approval: Approval) -> None:
    refused = refusal(actor, approval)
    if refused is not None:
        raise refused


def _require_open(approval: Approval) -> None:
    expired = approval.expires_at is not None and approval.expires_at <= now()
    if approval.state != Approval.State.PENDING or expired:
        raise Conflict(what=said("This approval is {state} already or has expired.", state=state_name(approval.state)))


def _check(approval: Approval, decision: str, checked: Sequence[int], reason: str) -> None:
    if decision not in ("approved", "rejected"):
        raise _invalid("decision", "decision.unknown", said("approve or reject"))
    if decision == "rejected" and not reason.strip():
        raise _invalid("reason", "reason.missing", said("say why you reject it"))
    if decision == "approved" and set(checked) != set(range(len(approval.checklist))):
        raise _invalid("checked", "checklist.open", said("check every item of the list before you approve"))


def _settle(approval: Approval, decision: str) -> None:
    given = list(approval.decisions.filter(decision=decision).order_by("decided_at", "id"))
    if decision == "approved" and len(given) < approval.quorum:
        return
    approval.state, approval.decided_at = decision, now()
    approval.decided_by = ", ".join(one.label for one in given)
    approval.reason = "; ".join(one.reason for one in given if one.reason)
    approval.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    writing.wake_runs([approval.run_id])


def _delegate(approval: Approval, to: str) -> Membership:
    found = (
        Membership.objects.select_related("user")
        .filter(workspace_id=approval.workspace_id, user__email__iexact=to.strip(), user__is_active=True)
        .first()
    )
    if found is None or "approvals.decide" not in permissions_of(found.roles):
        raise _invalid("to", "delegate.unknown", said("there is no member with this address who may decide approvals"))
    return found


def _invalid(path: str, code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": code, "message": message}])


def _record(action: str, actor: Actor, approval: Approval, details: dict[str, Any]) -> None:
    subject = ("run", approval.run_id, str(approval.run_id))
    audit.record(action, actor=actor, workspace_id=approval.workspace_id, subject=subject, details=details)
