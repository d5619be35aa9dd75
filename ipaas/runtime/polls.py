"""Flows started by what a connector's poll trigger finds: every item once, the cursor moved with its runs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas.catalog import gateway
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.core.durations import parse_duration
from ipaas.core.logging import get_logger
from ipaas.flows.queries import flow_slug, plan_for
from ipaas.runtime import triggers, writing
from ipaas.runtime.endings import storable
from ipaas.runtime.engine import Engine
from ipaas.runtime.models import InboundKey, TriggerState, Work
from ipaas.runtime.rows import InboundKeyRow, Suspension, Unit
from ipaas.runtime.starts import Origin, add_queued, environment_view, prepare_start
from ipaas.runtime.store import Claimed
from ipaas.vault.payloads import sealer_for

log = get_logger(__name__)

MAX_BACKOFF_S = 3600.0
_MAX_KEY = 200
_QUEUE = """
INSERT INTO runtime_work (id, kind, lane, workspace_id, group_id, due_at, fence)
SELECT id, %s, %s, workspace_id, flow_id, now(), 1024 + (random() * 1000000000)::integer
FROM runtime_triggerstate WHERE id = ANY(%s::uuid[]) ON CONFLICT (id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll about to be made."""

    call: GatewayCall
    cursor: Any


def queue_polls() -> int:
    """Queue every poll that is due and not queued yet; returns how many. Any number of schedulers may race."""
    due = list(triggers.due_triggers("poll", now()).values_list("id", flat=True))
    if not due:
        return 0
    queued = writing.execute(_QUEUE, [Work.Kind.POLL, Work.Lane.DEFAULT, due])
    if queued:
        writing.ring(Work.Lane.DEFAULT)
    return queued


async def poll_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Read one page and start its runs."""
    poll = await engine.in_thread(_begin, claim.id)
    if poll is None:
        unit.add("done", (claim.id,))
        await engine.journal.write(unit)
        return
    outcome = await gateway.poll(poll.call, poll.cursor)
    stored = False
    try:
        stored = await engine.in_thread(_end, claim, poll, outcome)
    finally:
        await _settle(outcome, stored=stored)


async def _settle(outcome: GatewayOutcome, *, stored: bool) -> None:
    """Tell a queue what became of its messages. One that is not told gives them again, under the same keys."""
    settle = outcome.data["settle"] if outcome.kind == "ok" else None
    if settle is None:
        return
    try:
        await settle(stored)
    except Exception:
        log.exception("a queue could not be told of what was stored", action="poll_unsettled", stored=stored)


def abandon_poll(claim: Claimed, message: str) -> None:
    """A poll that took its worker down again and again waits for the longest pause."""
    moment = now()
    state = TriggerState.objects.filter(id=claim.id)
    state.filter(failing_since=None).update(failing_since=moment)
    state.update(next_at=moment + timedelta(seconds=MAX_BACKOFF_S), last_error=message)


def _begin(trigger_id: UUID) -> Poll | None:
    state = triggers.due_triggers("poll", now()).filter(id=trigger_id).first()
    if state is None:
        return None
    call = GatewayCall(
        workspace_id=state.workspace_id,
        environment_id=state.environment_id,
        connection=state.spec["connection"],
        action=state.spec["trigger"],
        params=state.spec.get("params", {}),
        flow_label=flow_slug(state.flow_id),
        step_path="trigger",
        attempt=state.attempts + 1,
        first_started_at=state.tried_at or now(),
    )
    return Poll(call, state.cursor)


@transaction.atomic
def _end(claim: Claimed, poll: Poll, outcome: GatewayOutcome) -> bool:
    """Record what a poll gave, under its claim: runs, keys and cursor in one transaction. Whether it was recorded."""
    writing.own(claim)
    state = TriggerState.objects.select_for_update().get(id=claim.id)
    call = poll.call
    same = triggers.source_of(state.spec) == (call.connection, call.action, call.params)
    if not state.active or not same or state.cursor != poll.cursor:  # deployed anew meanwhile
        writing.write_rows({"done": [(claim.id,)]})
        return False
    moment = now()
    more = False
    if outcome.kind == "ok":
        more = _take_page(state, poll, outcome.data, moment)
    else:
        _put_off(state, poll, outcome, moment)
    state.save()
    if more:
        writing.write_rows({"suspend": [Suspension(claim.id, moment, claim.wakes)]})
    else:
        writing.write_rows({"done": [(claim.id,)]})
    return True


def _take_page(state: TriggerState, poll: Poll, page: Any, moment: datetime) -> bool:
    """Start a run for every item not seen before; whether there is more to read at once."""
    keys = [_key(state, item["key"]) for item in page["items"]]
    known = set(state.seen) | _known(state, keys)
    unit = Unit((state.id, 0))
    for key, item in zip(keys, page["items"], strict=True):
        if key not in known:
            known.add(key)
            _start(unit, state, key, item, moment)
    writing.write_unit(unit)
    stuck = bool(page["more"]) and page["cursor"] == poll.cursor
    if keys:
        state.seen = keys
    if page["cursor"] != state.cursor:
        state.cursor, state.moved_at = page["cursor"], moment
    state.attempts, state.failures, state.tried_at, state.failing_since = 0, 0, None, None
    state.succeeded_at = moment
    state.last_error = "poll_stuck: the source says that there is more, but its cursor stands still" if stuck else ""
    if page["more"] and not stuck:
        return True
    state.next_at = moment + timedelta(seconds=parse_duration(state.spec["every"]))
    return False


def _start(unit: Unit, state: TriggerState, key: str, item: Any, moment: datetime) -> None:
    trigger = {"kind": "poll", "event": item["type"], "id": item["key"], "body": item["data"], "headers": {}}
    trigger["received_at"] = moment.isoformat()
    environment = environment_view(state.environment_id)
    plan = plan_for(state.version_id)
    start = prepare_start(plan, state.flow_id, environment, trigger, Origin(trigger="poll"), leased=False)
    add_queued(unit, start, trigger, sealer_for(state.workspace_id))
    digest = hashlib.sha256(jsonio.canonical(item["data"])).digest()
    unit.add("inbound_key", InboundKeyRow(state.flow_id, state.environment_id, key, digest, start.run.id))


def _known(state: TriggerState, keys: Sequence[str]) -> set[str]:
    found = InboundKey.objects.filter(flow_id=state.flow_id, environment_id=state.environment_id, key__in=keys)
    return set(found.values_list("key", flat=True))


def _key(state: TriggerState, key: str) -> str:
    """The dedup key of an item; apart from the keys that callers of the API choose."""
    connection, trigger, params = triggers.source_of(state.spec)
    told = f"/{hashlib.sha256(jsonio.canonical(params)).hexdigest()[:16]}" if params else ""
    text = f"poll:{connection}/{trigger}{told}:{key}"
    if len(text) <= _MAX_KEY:
        return storable(text)
    return f"poll:{hashlib.sha256(text.encode()).hexdigest()}"


def _put_off(state: TriggerState, poll: Poll, outcome: GatewayOutcome, moment: datetime) -> None:
    """When to try again: as the policies say, and after a failure for good ever more rarely, up to an hour."""
    error = outcome.error
    told = f"{error.error_class.value} {error.code}: {error.message}" if error is not None else outcome.kind
    state.last_error = storable(told[:2000])
    if outcome.kind == "deferred":
        state.next_at = outcome.due_at or moment
        return
    state.failing_since = state.failing_since or moment
    if outcome.kind == "retry":
        state.attempts, state.tried_at = poll.call.attempt, poll.call.first_started_at
        state.next_at = outcome.due_at or moment
        return
    every = parse_duration(state.spec["every"])
    delay = min(every * 2 ** min(state.failures, 16), max(every, MAX_BACKOFF_S))
    state.attempts, state.tried_at, state.failures = 0, None, state.failures + 1
    state.next_at = moment + timedelta(seconds=delay)
    log.warning("poll failed", action="poll_failed", trigger_id=str(state.id), error=state.last_error[:200])
