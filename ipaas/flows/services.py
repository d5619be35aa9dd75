"""Changing flow drafts, pausing and resuming; publishing and deploying are in governance."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.drafts import write_draft
from ipaas.core.errors import Conflict, NotFound
from ipaas.flows.document import FLOW_TYPE
from ipaas.flows.models import Flow


class FlowNotActive(Conflict):
    """The flow {flow} is paused already."""

    code: ClassVar[str] = "flow.not_active"


class FlowNotPaused(Conflict):
    """The flow {flow} is not paused."""

    code: ClassVar[str] = "flow.not_paused"


@transaction.atomic
def save_draft(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str | bytes | None = None,
    content: Any = None,
    expected_revision: int | None = None,
) -> tuple[Flow, list[Finding]]:
    """Store a draft, finished or not, and say what would stop it from being published."""
    source = read_document(text=text, content=content)
    require_editable_flow(actor, workspace.id, source.content)
    document = write_draft(FLOW_TYPE, workspace_id=workspace.id, source=source, expected_revision=expected_revision)
    _record("flow.draft_saved", actor, document, {"revision": document.draft_revision})
    return document, source.locate(FLOW_TYPE.findings(source.content, workspace.id))  # type: ignore[return-value]  # written as a Flow


@transaction.atomic
def pause_flow(*, flow: Flow, actor: Actor, reason: str) -> Flow:
    """Stop new runs of a flow; runs under way go on. Deliveries are kept until it is resumed."""
    require_permission(actor, "flows.pause", flow)
    flow = Flow.objects.select_for_update().get(id=flow.id)
    if flow.paused:
        raise FlowNotActive(flow=flow.slug)
    flow.state, flow.pause_reason = Flow.State.PAUSED, reason
    flow.save(update_fields=["state", "pause_reason", "updated_at"])
    _record("flow.paused", actor, flow, {"reason": reason})
    return flow


@transaction.atomic
def resume_flow(*, flow: Flow, actor: Actor, reason: str = "") -> Flow:
    """Let a paused flow start runs again."""
    require_permission(actor, "flows.pause", flow)
    flow = Flow.objects.select_for_update().get(id=flow.id)
    if not flow.paused:
        raise FlowNotPaused(flow=flow.slug)
    flow.state, flow.pause_reason = Flow.State.ACTIVE, ""
    flow.save(update_fields=["state", "pause_reason", "updated_at"])
    _record("flow.resumed", actor, flow, {"reason": reason})
    return flow


def require_editable_flow(actor: Actor, workspace_id: UUID, content: Mapping[str, Any]) -> None:
    """Ask for ``flows.edit`` on the flow that a document names, in the workspace where it is still to be made.

    An actor that is bound to flows changes those flows alone, and makes none: else ``NotFound``.
    """
    slug = content.get("slug")
    found = Flow.objects.in_workspace(workspace_id).filter(slug=slug).first() if isinstance(slug, str) else None
    require_permission(actor, "flows.edit", found or workspace_id)
    if not actor.may_touch(found.id if found else None):
        raise NotFound(what="flow")


def _record(action: str, actor: Actor, flow: Any, details: dict[str, Any]) -> None:
    audit.record(
        action,
        actor=actor,
        workspace_id=flow.workspace_id,
        subject=("flow", str(flow.id), flow.slug),
        details=details,
    )
