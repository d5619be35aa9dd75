"""Deeds on runs: start, cancel, resume, skip, settle. See ``runtime.replays`` and ``runtime.approvals`` for others."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Environment
from ipaas.core import context, jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.state_names import state_name
from ipaas.flows.models import Flow
from ipaas.flows.queries import deployed_flow, plan_for
from ipaas.runtime import writing
from ipaas.runtime.approvals import withdraw_questions
from ipaas.runtime.edges import BLOCKED_CODE
from ipaas.runtime.execution import effect_aad, value_key
from ipaas.runtime.models import DeadLetter, Effect, InboundKey, Run, StepRun, Work
from ipaas.runtime.rows import InboundKeyRow, Unit
from ipaas.runtime.starts import EnvironmentView, Origin, add_queued, prepare_start
from ipaas.runtime.unfinished import take_up_again
from ipaas.runtime.values import add_bundle
from ipaas.vault.payloads import sealer_for


class FlowNotRunnable(Conflict):
    """The flow {flow} is {state} in {environment}."""

    code = "flow_not_runnable"
    title = "Flow not runnable"
    remedy = "Deploy or resume the flow in this environment first."


class KeyConflict(Conflict):
    """The key {key} came before with another input; it started run {run_id}."""

    code = "idempotency_key_conflict"
    title = "Idempotency key reused"
    remedy = "Use a new key for a new start; repeat a key only with the same input."


class RunNoLongerKept(Conflict):
    """The key {key} started a run that is no longer kept; nothing is started again."""

    code = "run_no_longer_kept"
    title = "Run no longer kept"
    remedy = "Use a new key for a new start."


class RunState(Conflict):
    """The run is {status}; this needs one that is {wanted}."""

    code = "run_state"
    title = "Run in another state"
    remedy = "Load the run again; somebody may have acted before you."


@transaction.atomic
def trigger_flow(
    *, actor: Actor, flow: Flow, environment: Environment, body: Any, key: str = "", headers: Mapping[str, str] = {}
) -> Run:
    """Start a run by hand or by API; the same ``key`` and input give the run that was started first."""
    require_permission(actor, "flows.trigger", flow)
    if environment.workspace_id != flow.workspace_id:
        raise NotFound(what="environment")
    deployed = deployed_flow(flow.workspace_id, environment.id, flow.slug)
    if deployed is None or deployed.paused:
        state = "paused" if deployed else "not deployed"
        raise FlowNotRunnable(flow=flow.slug, state=state_name(state), environment=environment.slug)
    digest = hashlib.sha256(jsonio.canonical(body)).digest()
    if key and (known := _started_by(flow.id, environment.id, key, digest)) is not None:
        return known
    view = EnvironmentView(
        id=environment.id, workspace_id=flow.workspace_id, slug=environment.slug, variables=environment.variables
    )
    trigger = {"kind": "manual", "event": "", "id": key, "body": body, "headers": dict(headers)}
    trigger["received_at"] = now().isoformat()
    trace = context.trace.get()
    origin = Origin(trigger="manual", lane=Work.Lane.INTERACTIVE, trace_id=trace.trace_id if trace else None)
    start = prepare_start(plan_for(deployed.version_id), flow.id, view, trigger, origin, leased=False)
    if start.refused and start.breach is not None:
        breach = start.breach
        raise InvalidInput([{"path": f"/body{breach.place}", "code": BLOCKED_CODE, "message": breach.message}])
    unit = Unit((start.run.id, 0))
    add_queued(unit, start, trigger, sealer_for(flow.workspace_id))
    if key:
        unit.add("inbound_key", InboundKeyRow(flow.id, environment.id, key, digest, start.run.id))
    writing.write_unit(unit)
    writing.ring()
    _record("run.started", actor, flow.workspace_id, start.run.id, {"flow": flow.slug})
    return Run.objects.get(id=start.run.id)


def _started_by(flow_id: UUID, environment_id: UUID, key: str, digest: bytes) -> Run | None:
    writing.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{flow_id}/{environment_id}/{key}"])
    known = InboundKey.objects.filter(flow_id=flow_id, environment_id=environment_id, key=key).first()
    if known is None:
        return None
    if bytes(known.input_sha256) != digest:
        raise KeyConflict(key=key, run_id=known.run_id)
    run = Run.objects.filter(id=known.run_id).first()
    if run is None:
        raise RunNoLongerKept(key=key)
    return run


@transaction.atomic
def cancel_run(*, actor: Actor, run: Run, reason: str) -> Run:
    """Ask a run to stop before its next block; what is done stays done. Idempotent while the run goes on."""
    require_permission(actor, "runs.cancel", run)
    run = locked_run(run.id)
    if run.ended and run.status != Run.Status.NEEDS_OPERATOR:
        raise RunState(status=run.status, wanted="under way")
    if run.status == Run.Status.COMPENSATING:
        raise RunState(status=run.status, wanted="going forward")
    if run.status == Run.Status.NEEDS_OPERATOR:
        Run.objects.filter(id=run.id).update(
            status=Run.Status.CANCELLED, abnormal=Run.Status.CANCELLED, cancel_reason=reason, finished_at=now()
        )
        close_letters(run.id, DeadLetter.State.DISCARDED, actor, reason)
    else:
        Run.objects.filter(id=run.id).update(cancel_reason=reason)
        writing.wake_runs([run.id])
        _cancel_children(run, reason)
    withdraw_questions(run.id, actor, reason)
    _record("run.cancelled", actor, run.workspace_id, run.id, {"reason": reason})
    run.refresh_from_db()
    return run


def _cancel_children(run: Run, reason: str) -> None:
    """Sub-flows that a cancelled run waits for have nobody left who takes their result."""
    parents = [run.id]
    while parents:
        awaited = StepRun.objects.filter(run_id__in=parents, kind="flow", status=StepRun.Status.WAITING)
        children = [detail["run_id"] for detail in awaited.values_list("detail", flat=True) if detail]
        unended = Run.objects.filter(id__in=children, status__in=Run.UNENDED, cancel_reason=None)
        parents = list(unended.exclude(status=Run.Status.COMPENSATING).values_list("id", flat=True))
        if parents:
            Run.objects.filter(id__in=parents).update(cancel_reason=reason)
            writing.wake_runs(parents)


@transaction.atomic
def resume_run(*, actor: Actor, run: Run, reason: str = "") -> Run:
    """Take a stopped run up again at the step that failed; what succeeded is not done again."""
    require_permission(actor, "runs.resume", run)
    run = locked_run(run.id)
    _require_stopped(run)
    _reopen(run, run.error_step or "", StepRun.Status.RETRYING, None)
    close_letters(run.id, DeadLetter.State.RESUMED, actor, reason)
    _record("run.resumed", actor, run.workspace_id, run.id, {"reason": reason, "step": run.error_step or ""})
    run.refresh_from_db()
    return run


@transaction.atomic
def skip_step(*, actor: Actor, run: Run, reason: str) -> Run:
    """Leave out the step at which a run stopped, with a reason, and take the run up after it."""
    require_permission(actor, "runs.skip", run)
    run = locked_run(run.id)
    _require_stopped(run)
    if not run.error_step:
        raise RunState(status=run.status, wanted="stopped at a step")
    _reopen(run, run.error_step, StepRun.Status.SKIPPED, f"skipped by {actor.label}: {reason}"[:500])
    close_letters(run.id, DeadLetter.State.RESUMED, actor, reason)
    details = {"reason": reason, "step": run.error_step}
    _record("run.step_skipped", actor, run.workspace_id, run.id, details)
    run.refresh_from_db()
    return run


@transaction.atomic
def settle_effect(
    *, actor: Actor, run: Run, path: str, item: str, happened: bool, result: Any = None, reason: str = ""
) -> Run:
    """Say whether an effect of unknown outcome happened: then its ``result`` counts, else it is sent again."""
    require_permission(actor, "runs.resume", run)
    run = locked_run(run.id)
    _require_stopped(run)
    effect = (
        Effect.objects.filter(root_run_id=run.root_run_id, path=path, item=item)
        .exclude(state=Effect.State.DONE)
        .order_by("-generation")
        .first()
    )
    if effect is None:
        raise NotFound(what="effect of unknown outcome")
    key = (effect.root_run_id, effect.path, effect.item, effect.generation)
    sealed = sealer_for(run.workspace_id).seal(jsonio.dumps(result), effect_aad(key)) if happened else None
    Effect.objects.filter(root_run_id=key[0], path=key[1], item=key[2], generation=key[3]).update(
        state=Effect.State.DONE if happened else Effect.State.FAILED, result=sealed
    )
    step = StepRun.objects.filter(run_id=run.id, path=path, item=item).first()
    if happened and step is not None:
        add_bundle(run, {value_key(path, item, "output"): result})
    status = StepRun.Status.SUCCEEDED if happened else StepRun.Status.RETRYING
    _reopen(run, path, status, f"settled by {actor.label}: {reason}"[:500], item=item)
    close_letters(run.id, DeadLetter.State.RESUMED, actor, reason)
    details = {"step": path, "item": item, "happened": happened, "reason": reason}
    _record("run.effect_settled", actor, run.workspace_id, run.id, details)
    run.refresh_from_db()
    return run


def locked_run(run_id: UUID) -> Run:
    """The run for a deed of a person: one at a time for a run with its replays, whatever rows they lock then."""
    found: Run | None = Run.objects.filter(id=run_id).first()
    if found is None:
        raise NotFound(what="run")
    one_at_a_time(found)
    return Run.objects.select_for_update().get(id=run_id)


def one_at_a_time(run: Run) -> None:
    """Wait for those who act on a run of the same records now."""
    writing.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"replay/{run.root_run_id}"])


def close_letters(run_id: UUID, state: str, actor: Actor, reason: str, replay_run_id: UUID | None = None) -> int:
    """Close the open dead letters of a run."""
    return DeadLetter.objects.filter(run_id=run_id, state=DeadLetter.State.OPEN).update(
        state=state, closed_at=now(), closed_by=actor.label, close_reason=reason, replay_run_id=replay_run_id
    )


def _require_stopped(run: Run) -> None:
    if run.status not in (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR):
        raise RunState(status=run.status, wanted="dead-lettered or waiting for an operator")
    if Run.objects.filter(root_run_id=run.root_run_id, status__in=Run.UNENDED, replay_of=run.id).exists():
        raise RunState(status="being replayed", wanted="not being replayed")


def _reopen(run: Run, path: str, status: str, reason: str | None, *, item: str | None = None) -> None:
    """Put the stopping step into another state and the run back into the queue."""
    steps = StepRun.objects.filter(run_id=run.id, path=path)
    steps = steps.filter(status__in=(StepRun.Status.FAILED, StepRun.Status.UNKNOWN, StepRun.Status.RETRYING))
    if item is not None:
        steps = steps.filter(item=item)
    ended = status in (StepRun.Status.SKIPPED, StepRun.Status.SUCCEEDED)
    undoing = path.endswith("~undo")
    if not undoing:
        take_up_again(run, path)
    steps.update(
        status=status, due_at=None, reason=reason, finished_at=now() if ended else None, error_class=None,
        error_code=None, error_message=None,
    )  # fmt: skip
    Run.objects.filter(id=run.id).update(
        status=Run.Status.COMPENSATING if undoing else Run.Status.QUEUED, abnormal=None, finished_at=None
    )
    writing.queue_again(run.id, lane=Work.Lane.INTERACTIVE, workspace_id=run.workspace_id, group_id=run.flow_id)


def _record(action: str, actor: Actor, workspace_id: UUID, run_id: UUID, details: dict[str, Any]) -> None:
    audit.record(action, actor=actor, workspace_id=workspace_id, subject=("run", run_id, str(run_id)), details=details)
