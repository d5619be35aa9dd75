"""Mail to the people who may decide what waits."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ipaas.accounts.mail import SOURCE
from ipaas.accounts.models import Membership, User, Workspace
from ipaas.core.page_address import page_address
from ipaas.flows.models import Flow
from ipaas.outbox.emitting import send_mail
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.approvals import barred
from ipaas.runtime.models import Approval
from ipaas.runtime.showing import shown_text

_WHY: Mapping[str, str] = {
    "ipaas.approval.waiting": gettext_noop("A run waits for your decision."),
    "ipaas.approval.escalated": gettext_noop("Nobody has decided so far, so that you are asked too."),
    "ipaas.approval.delegated": gettext_noop("{by} has handed this decision to you."),
}


def mail_approvers(event: OutboxEvent) -> int:
    """Write to everybody whom an event about an approval asks; returns to how many. Settled ones need nobody."""
    approval_id = event.data.get("approval_id") or event.data.get("approval")
    approval = Approval.objects.filter(id=approval_id, workspace_id=event.workspace_id).first()
    workspace = Workspace.objects.filter(id=event.workspace_id).first()
    if approval is None or workspace is None or approval.state != Approval.State.PENDING:
        return 0
    people = _asked(event, approval)
    for person in people:
        with translation.override(person.language or SOURCE):
            subject = _("Decision needed: {title}").format(title=_title(approval))
            text = _text(event, approval, workspace)
        send_mail(to=person.email, subject=subject, text=text, workspace_id=workspace.id)
    return len(people)


def _asked(event: OutboxEvent, approval: Approval) -> list[User]:
    """Active people, without those who have no say."""
    members = Membership.objects.select_related("user").filter(workspace_id=event.workspace_id, user__is_active=True)
    if event.type == "ipaas.approval.delegated":
        handed = approval.delegations[-1]["to"] if approval.delegations else ""
        members = members.filter(user_id=handed.removeprefix("user:")) if handed else members.none()
    else:
        members = members.filter(roles__contains=[event.data["role"]])
    without_say = barred(approval)
    asked = [one.user for one in members if f"user:{one.user_id}" not in without_say]
    return sorted(asked, key=lambda person: person.email)


def _title(approval: Approval) -> str:
    return shown_text(approval.workspace_id, approval.title)


def _text(event: OutboxEvent, approval: Approval, workspace: Workspace) -> str:
    flow = Flow.objects.filter(id=approval.flow_id).values_list("title", flat=True).first() or _("a removed flow")
    expires = approval.expires_at.strftime("%Y-%m-%d %H:%M UTC") if approval.expires_at else _("never")
    url = page_address(reverse("runtime:approval_detail", args=[workspace.slug, approval.id]))
    why = _(_WHY[event.type]).format(by=event.data.get("by", ""))
    facts = [(_("Flow"), flow), (_("Workspace"), workspace.name), (_("Expires"), expires)]
    told = "\n".join(f"{name}: {value}" for name, value in facts)
    return f"{why}\n\n{_title(approval)}\n\n{told}\n\n{url}\n"
