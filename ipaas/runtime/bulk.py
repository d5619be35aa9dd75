"""Deeds over many runs: chosen by a filter, done at a rate as due rows, with progress, pausable and stoppable."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, IpaasError, NotFound
from ipaas.core.ids import uuid7
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.runtime import writing
from ipaas.runtime.bulk_targets import count_targets, invalid, next_targets, read_wanted, targets
from ipaas.runtime.engine import Engine
from ipaas.runtime.models import BulkJob, DeadLetter, Run, Work
from ipaas.runtime.patches import Changes, correct_by_changes, open_changes, seal_changes
from ipaas.runtime.reading import Counted
from ipaas.runtime.replays import discard_dead_letter, replay_dead_letter, replay_run
from ipaas.runtime.rows import Suspension, Unit
from ipaas.runtime.services import cancel_run
from ipaas.runtime.store import Claimed

Deed = Literal["replay", "replay_runs", "cancel", "correct", "discard"]

MAX_RATE_PER_S = 200.0
SLICE = 25
PERMISSIONS: dict[str, str] = {
    "replay": "runs.replay",
    "replay_runs": "runs.replay",
    "cancel": "runs.cancel",
    "correct": "deadletters.correct",
    "discard": "deadletters.discard",
}
_OPTIONS = {"reason", "new_effects", "changes"}
_REPLAYING = ("replay", "replay_runs")


def preview_count(
    *,
    actor: Actor,
    workspace: Workspace,
    deed: Deed,
    filter: Mapping[str, Any],  # noqa: A002 - the word of the screens and the API
) -> Counted:
    """How many a bulk job with this filter would touch now, counted up to a bound."""
    require_permission(actor, _permission(deed), workspace.id)
    return count_targets(workspace.id, deed, read_wanted(deed, filter), actor.flows)


@transaction.atomic
def start_bulk_job(
    *,
    actor: Actor,
    workspace: Workspace,
    deed: Deed,
    filter: Mapping[str, Any],  # noqa: A002 - the word of the screens and the API
    rate_per_s: float,
    options: Mapping[str, Any],
) -> BulkJob:
    """Begin a deed over what the filter chooses now; what comes later is not touched.

    ``replay``, ``correct`` and ``discard`` work on open dead letters (filter keys ``flow_id environment_id cause
    error_class error_code step run_ids since until``), ``cancel`` on runs under way and ``replay_runs`` on ended runs
    that were not replayed yet (the keys of ``RunFilter``, and ``business_key run_ids``). ``options``: ``reason``, for a
    replay ``new_effects``, for a correction ``changes`` (a JSON Patch, see ``runtime.patches``).
    """
    require_permission(actor, _permission(deed), workspace.id)
    if options.get("new_effects") and deed in _REPLAYING:
        require_permission(actor, "runs.replay_new_effects", workspace.id)
    if not 0 < rate_per_s <= MAX_RATE_PER_S:
        raise invalid("rate_per_s", said("give a rate above 0 and up to {most:g} a second", most=MAX_RATE_PER_S))
    if not options.get("reason") or set(options) - _OPTIONS:
        raise invalid("options", said("a reason is needed; the options are reason, new_effects and changes"))
    kept = _kept_options(workspace, deed, options)
    total = targets(workspace.id, deed, read_wanted(deed, filter), actor.flows).count()
    job = BulkJob.objects.create(
        id=uuid7(),
        workspace_id=workspace.id,
        deed=deed,
        filter=dict(filter),
        options=kept,
        rate_per_s=rate_per_s,
        total=total,
        actor=_actor_json(actor),
    )
    _queue(job)
    _record("bulk.started", actor, job, {"deed": deed, "total": total, "reason": options["reason"]})
    return job


def _kept_options(workspace: Workspace, deed: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the job keeps them: what is written into inputs is sealed, as inputs are."""
    kept = dict(options)
    changes = kept.pop("changes", None)
    if (changes is not None) != (deed == "correct"):
        raise invalid("options", said("a correction needs changes, and nothing else takes them"))
    return kept if changes is None else {**kept, **seal_changes(workspace.id, Changes.read(changes))}


@transaction.atomic
def stop_bulk_job(*, actor: Actor, job: BulkJob, reason: str = "") -> BulkJob:
    """End a job early; what is done stays done."""
    job = _locked(actor, job, BulkJob.State.RUNNING, BulkJob.State.PAUSED)
    job.state, job.finished_at = BulkJob.State.STOPPED, now()
    job.save(update_fields=["state", "finished_at"])
    _dequeue(job)
    _record("bulk.stopped", actor, job, {"reason": reason, "done": job.done, "failed": job.failed})
    return job


@transaction.atomic
def pause_bulk_job(*, actor: Actor, job: BulkJob) -> BulkJob:
    """Do nothing more until the job is resumed."""
    job = _locked(actor, job, BulkJob.State.RUNNING)
    job.state = BulkJob.State.PAUSED
    job.save(update_fields=["state"])
    _dequeue(job)
    _record("bulk.paused", actor, job, {"done": job.done})
    return job


@transaction.atomic
def resume_bulk_job(*, actor: Actor, job: BulkJob) -> BulkJob:
    """Go on with a paused job where it stood."""
    job = _locked(actor, job, BulkJob.State.PAUSED)
    job.state = BulkJob.State.RUNNING
    job.save(update_fields=["state"])
    _queue(job)
    _record("bulk.resumed", actor, job, {"done": job.done})
    return job


def progress(job: BulkJob) -> dict[str, Any]:
    """How far a job is; ``left_s`` is how long the rest takes at its rate, None when it is not running."""
    handled = job.done + job.failed
    left = max(job.total - handled, 0)
    running = job.state == BulkJob.State.RUNNING
    return {
        "state": job.state,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "percent": 100 if not job.total else min(100, 100 * handled // job.total),
        "left_s": left / job.rate_per_s if running else None,
        "last_error": job.last_error,
    }


async def bulk_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Advance a claimed job by one slice and give it back until the next is due; never sleeps."""
    del unit  # everything is written in the slice's own transaction, fenced there
    await engine.in_thread(advance_bulk_job, claim)


def abandon_bulk_job(claim: Claimed, message: str) -> None:
    """A job that took its worker down again and again stops."""
    running = BulkJob.objects.filter(id=claim.id, state=BulkJob.State.RUNNING)
    running.update(state=BulkJob.State.STOPPED, last_error=message, finished_at=now())


@transaction.atomic
def advance_bulk_job(claim: Claimed) -> None:
    """Do the next slice under the claim; each target alone, so that one refusal does not stop the rest."""
    writing.own(claim)
    job = BulkJob.objects.select_for_update().filter(id=claim.id, state=BulkJob.State.RUNNING).first()
    if job is None:
        writing.write_rows({"done": [(claim.id,)]})
        return
    wanted = read_wanted(job.deed, job.filter)
    rows = targets(job.workspace_id, job.deed, wanted, _actor(job.actor).flows)
    size = max(1, min(SLICE, int(job.rate_per_s)))
    found = next_targets(rows, job.deed, job.workspace_id, job.cursor or UUID(int=0), job.id, size)
    for target in found.found:
        _do(job, target)
    if len(found.found) < size and found.go_on_at is None:
        job.state, job.finished_at = BulkJob.State.DONE, now()
        writing.write_rows({"done": [(claim.id,)]})
    else:
        job.cursor = found.go_on_at or job.cursor
        due_at = now() + timedelta(seconds=len(found.found) / job.rate_per_s)
        writing.write_rows({"suspend": [Suspension(claim.id, due_at, claim.wakes)]})
    job.save(update_fields=["state", "finished_at", "cursor", "done", "failed", "last_error"])


def _do(job: BulkJob, target: Any) -> None:
    job.cursor = target.id
    try:
        with transaction.atomic():
            _DEEDS[job.deed](_actor(job.actor), target, job.options)
    except IpaasError as error:
        job.failed += 1
        job.last_error = f"{error.code}: {error.detail}"[:500]
    else:
        job.done += 1


def _replay(actor: Actor, letter: DeadLetter, options: Mapping[str, Any]) -> None:
    fresh = bool(options.get("new_effects"))
    replay_dead_letter(actor=actor, letter=letter, reason=options["reason"], new_effects=fresh)


def _cancel(actor: Actor, run: Run, options: Mapping[str, Any]) -> None:
    cancel_run(actor=actor, run=run, reason=options["reason"])


def _replay_run(actor: Actor, run: Run, options: Mapping[str, Any]) -> None:
    fresh = bool(options.get("new_effects"))
    replay_run(actor=actor, run=run, reason=options["reason"], new_effects=fresh)


def _correct(actor: Actor, letter: DeadLetter, options: Mapping[str, Any]) -> None:
    changes = open_changes(letter.workspace_id, options)
    correct_by_changes(actor=actor, letter=letter, changes=changes, reason=options["reason"])


def _discard(actor: Actor, letter: DeadLetter, options: Mapping[str, Any]) -> None:
    discard_dead_letter(actor=actor, letter=letter, reason=options["reason"])


_DEEDS: dict[str, Callable[[Actor, Any, Mapping[str, Any]], None]] = {
    "replay": _replay,
    "replay_runs": _replay_run,
    "correct": _correct,
    "cancel": _cancel,
    "discard": _discard,
}


def jobs_visible_to(actor: Actor) -> QuerySet[BulkJob]:
    """The jobs of the actor's workspace; an actor that is bound to flows sees those it began."""
    jobs = BulkJob.objects.filter(workspace_id__in=[actor.workspace_id])
    return jobs if actor.flows is None else jobs.filter(actor__id=actor.id)


def _permission(deed: str) -> str:
    if deed not in PERMISSIONS:
        raise invalid("deed", said("the deeds are {deeds}", deeds=", ".join(PERMISSIONS)))
    return PERMISSIONS[deed]


# -- the job's row and its queue entry -----------------------------------------------------------------------------


def _locked(actor: Actor, job: BulkJob, *states: str) -> BulkJob:
    require_permission(actor, _permission(job.deed), job)
    if actor.flows is not None and job.actor["id"] != actor.id:
        raise NotFound(what="bulk job")
    # the queue entry first, as the worker does: the two never wait for one another
    writing.execute("SELECT 1 FROM runtime_work WHERE id = %s FOR NO KEY UPDATE", [job.id])
    found = BulkJob.objects.select_for_update().filter(id=job.id).first()
    if found is None:
        raise NotFound(what="bulk job")
    if found.state not in states:
        raise Conflict(what=said("This job is {state}.", state=state_name(found.state)))
    return found


def _queue(job: BulkJob) -> None:
    writing.queue_again(
        job.id, kind=Work.Kind.BULK, lane=Work.Lane.BULK, workspace_id=job.workspace_id, group_id=job.workspace_id
    )


def _dequeue(job: BulkJob) -> None:
    writing.write_rows({"done": [(job.id,)]})


def _actor_json(actor: Actor) -> dict[str, Any]:
    return {
        "kind": actor.kind,
        "id": actor.id,
        "label": actor.label,
        "workspace_id": str(actor.workspace_id) if actor.workspace_id else None,
        "permissions": sorted(actor.permissions),
        "flows": None if actor.flows is None else sorted(str(flow) for flow in actor.flows),
    }


def _actor(kept: Mapping[str, Any]) -> Actor:
    """Who began the job, with the permissions and the flows of that moment."""
    workspace_id = UUID(kept["workspace_id"]) if kept["workspace_id"] else None
    flows = kept.get("flows")
    return Actor(
        kept["kind"],
        kept["id"],
        kept["label"],
        workspace_id,
        frozenset(kept["permissions"]),
        flows=None if flows is None else frozenset(UUID(flow) for flow in flows),
    )


def _record(action: str, actor: Actor, job: BulkJob, details: dict[str, Any]) -> None:
    subject = ("bulk_job", job.id, str(job))
    audit.record(action, actor=actor, workspace_id=job.workspace_id, subject=subject, details=details)
