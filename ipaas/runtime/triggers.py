"""The clocks of deployed flows, and how they follow deployments."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from ipaas.core.clock import now
from ipaas.flows.models import Deployment, Flow
from ipaas.runtime.models import TriggerState
from ipaas.runtime.slots import next_slot


def follow_deployment(deployment: Deployment) -> None:
    """Set the clock of what is deployed now; called in the transaction of the change.

    A poll of the same trigger goes on at its cursor, also after a time without a deployment: nothing is lost.
    """
    state = (
        TriggerState.objects.select_for_update()
        .filter(flow_id=deployment.flow_id, environment_id=deployment.environment_id)
        .first()
    )
    if not deployment.active or deployment.trigger_kind not in ("schedule", "poll"):
        if state is not None and state.active:
            state.active = False
            state.save(update_fields=["active", "updated_at"])
        return
    state = state or TriggerState(flow_id=deployment.flow_id, environment_id=deployment.environment_id, active=False)
    kind, spec, moment = deployment.trigger_kind, deployment.trigger_spec, now()
    if kind == "poll" and (state.kind != kind or source_of(state.spec) != source_of(spec)):
        state.cursor, state.seen, state.moved_at, state.succeeded_at = None, [], None, None
    if kind == "poll":
        state.next_at = moment
    elif not state.active or _clock(state.spec) != _clock(spec):
        state.next_at = next_slot(spec, moment)
    state.workspace_id, state.version_id = deployment.workspace_id, deployment.version_id
    state.kind, state.spec, state.active = kind, spec, True
    state.attempts, state.failures, state.last_error = 0, 0, ""
    state.tried_at = state.failing_since = None
    state.save()


def due_triggers(kind: str, moment: datetime) -> QuerySet[TriggerState]:
    """Clocks that have struck; those of paused flows wait until the flow is resumed."""
    running = Flow.objects.filter(state=Flow.State.ACTIVE, archived=False)
    return TriggerState.objects.filter(
        kind=kind, active=True, next_at__lte=moment, flow_id__in=running.values("id")
    ).order_by("next_at")


def source_of(spec: dict[str, Any]) -> tuple[Any, Any, Any]:
    """What a poll reads: another connection, trigger or parameters are another poll."""
    return spec.get("connection"), spec.get("trigger"), spec.get("params", {})


def _clock(spec: dict[str, Any]) -> tuple[Any, Any]:
    return spec.get("cron"), spec.get("timezone", "UTC")
