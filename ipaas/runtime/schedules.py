"""Flows started by a clock: each slot once, however many schedulers there are."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.ids import uuid7
from ipaas.core.logging import get_logger
from ipaas.flows.queries import plan_for
from ipaas.runtime import triggers, writing
from ipaas.runtime.models import TriggerState, Work
from ipaas.runtime.rows import Unit
from ipaas.runtime.slots import latest_slot, local_time, next_slot
from ipaas.runtime.starts import Origin, add_queued, environment_view, prepare_start
from ipaas.vault.payloads import sealer_for

log = get_logger(__name__)

MISSED_AFTER = timedelta(minutes=1)
"""A slot this late counts as missed."""


def fire_schedules() -> int:
    """Start a run for every schedule whose slot has come; returns how many began."""
    moment, fired = now(), 0
    broken: set[UUID] = set()
    while True:
        try:
            with transaction.atomic():
                due = triggers.due_triggers("schedule", moment).exclude(id__in=broken)
                state = due.select_for_update(skip_locked=True, of=("self",)).first()
                if state is None:
                    return fired
                fired += _fire(state, moment)
        except IpaasError as error:  # of this flow alone: its slot is tried again, the others go on
            assert state is not None  # noqa: S101 - _fire alone raises it
            broken.add(state.id)
            TriggerState.objects.filter(id=state.id).update(last_error=f"{error.code}: {error.detail}"[:2000])
            log.warning("schedule not fired", action="schedule_failed", trigger_id=str(state.id), error=error.code)


def _fire(state: TriggerState, moment: datetime) -> int:
    slot = max(latest_slot(state.spec, moment), state.next_at)
    first, state.next_at = state.next_at, next_slot(state.spec, moment)
    state.last_error = ""
    state.save(update_fields=["next_at", "last_error", "updated_at"])
    if state.spec.get("missed") == "skip" and moment - slot > MISSED_AFTER:
        log.info("slot skipped", action="slot_skipped", trigger_id=str(state.id), slot=slot.isoformat())
        return 0
    return _start(state, slot, first, moment)


def _start(state: TriggerState, slot: datetime, first: datetime, moment: datetime) -> int:
    run_id = uuid7()
    taken = writing.execute(
        "INSERT INTO runtime_triggerslot (trigger_id, slot_at, run_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [state.id, slot, run_id],
    )
    if not taken:
        return 0
    body = {"scheduled_at": local_time(state.spec, slot).isoformat()}
    if first < slot:
        body["missed_since"] = local_time(state.spec, first).isoformat()
    trigger = {"kind": "schedule", "event": "", "id": slot.isoformat(), "body": body, "headers": {}}
    trigger["received_at"] = moment.isoformat()
    environment = environment_view(state.environment_id)
    origin = Origin(trigger="schedule", run_id=run_id)
    start = prepare_start(plan_for(state.version_id), state.flow_id, environment, trigger, origin, leased=False)
    unit = Unit((run_id, 0))
    add_queued(unit, start, trigger, sealer_for(state.workspace_id))
    writing.write_unit(unit)
    writing.ring(Work.Lane.DEFAULT)
    return 1
