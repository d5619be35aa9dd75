"""Running again what has run: from its records, with the same effect keys unless somebody asks for new ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.flows.plan import Block, BranchBlock, ForEachBlock, Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime import writing
from ipaas.runtime.approvals import withdraw_questions
from ipaas.runtime.deed_previews import Known, known_of
from ipaas.runtime.execution import payload_aad, value_key
from ipaas.runtime.models import TEST, DeadLetter, Effect, Run, StepRun, Work
from ipaas.runtime.rows import PayloadRow, StepRow, Unit
from ipaas.runtime.services import RunState, close_letters, locked_run, one_at_a_time
from ipaas.runtime.starts import Origin, Start, add_queued, environment_view, prepare_start
from ipaas.runtime.values import read_values
from ipaas.vault.payloads import sealer_for

_KEPT = ("output", "case")
_DONE = (StepRun.Status.SUCCEEDED, StepRun.Status.SKIPPED)


class ReplayUnderWay(Conflict):
    """Run {run_id} of the same records is under way."""

    code = "replay_under_way"
    title = "Replay under way"
    remedy = "Wait for its end, or cancel it first."


class EffectsUndone(Conflict):
    """Effects of this run were undone, so that their recorded results no longer hold."""

    code = "effects_undone"
    title = "Effects were undone"
    remedy = "Replay the whole run with new effect keys, if it is to happen again."


class InputGone(Conflict):
    """The input of this run is no longer kept."""

    code = "input_gone"
    title = "Input no longer kept"
    remedy = "Start the flow anew with its input."


@transaction.atomic
def replay_run(
    *,
    actor: Actor,
    run: Run,
    reason: str,
    from_step: str | None = None,
    item: int | None = None,
    new_effects: bool = False,
    input: Any = None,  # noqa: A002 - the word of the screens and the API
) -> Run:
    """Run an ended run again, pinned to the same version.

    Effects that are done give their recorded results, whatever replay did them; ``new_effects`` makes them happen
    again under new keys. ``from_step`` (a path) takes the results of all blocks before it from the records. With
    ``item`` that step is an outermost for-each of which one item runs; the run goes on behind it only if its other
    items were finished. ``input`` corrects the trigger's body. The run's open dead letters are closed.
    """
    require_permission(actor, "runs.replay", run)
    if new_effects:
        require_permission(actor, "runs.replay_new_effects", run)
    if input is not None:
        require_permission(actor, "deadletters.correct", run)
    return _replay(actor, run, reason, Wish(from_step, item, new_effects, input))


@transaction.atomic
def replay_dead_letter(*, actor: Actor, letter: DeadLetter, reason: str, **wish: Any) -> Run:
    """Replay a dead letter's run, as ``replay_run`` does; a letter that somebody has closed is not replayed."""
    require_permission(actor, "runs.replay", letter)
    return replay_run(actor=actor, run=_run_of(_open_letter(letter)), reason=reason, **wish)


@transaction.atomic
def correct_and_replay(*, actor: Actor, letter: DeadLetter, input: Any, reason: str) -> Run:  # noqa: A002 - as above
    """Replay a dead letter's run with a corrected body; what is done already is not done again."""
    require_permission(actor, "deadletters.correct", letter)
    letter = _open_letter(letter)
    return _replay(actor, _run_of(letter), reason, Wish(input=input))


@transaction.atomic
def discard_dead_letter(*, actor: Actor, letter: DeadLetter, reason: str) -> DeadLetter:
    """Close a dead letter for good, without another try."""
    require_permission(actor, "deadletters.discard", letter)
    letter = _open_letter(letter)
    run = locked_run(letter.run_id)
    if run.status in (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR):
        Run.objects.filter(id=run.id).update(status=Run.Status.DISCARDED, abnormal=Run.Status.DISCARDED)
    close_letters(run.id, DeadLetter.State.DISCARDED, actor, reason)
    withdraw_questions(run.id, actor, reason)
    _record("run.discarded", actor, run, {"reason": reason, "cause": letter.cause})
    letter.refresh_from_db()
    return letter


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks of a replay."""

    from_step: str | None = None
    item: int | None = None
    new_effects: bool = False
    input: Any = None

    def as_json(self, reason: str) -> str:
        """What the new run keeps of it; the for-each and its item are read by the engine."""
        spec = {"reason": reason, "new_effects": self.new_effects, "corrected": self.input is not None}
        if self.from_step is not None:
            spec["from_step"] = self.from_step
        if self.item is not None:
            spec |= {"for_each": self.from_step, "item": self.item}
        return json.dumps(spec)


@dataclass(frozen=True, slots=True)
class ReplayPreview:
    """What a replay would do. Places are paths of steps, with ``#item`` inside a for-each.

    ``taken``: results that stand and are not worked out again. ``recorded``: effects that happened and are not sent
    again. ``repeated``: effects that happened and, under new keys, would happen again. ``unknown``: effects of which
    nobody knows; they are looked up, or stop the run.
    """

    taken: tuple[str, ...]
    recorded: tuple[str, ...]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]


def preview_replay(
    *,
    actor: Actor,
    run: Run,
    from_step: str | None = None,
    item: int | None = None,
    new_effects: bool = False,
    known: Known | None = None,
) -> ReplayPreview:
    """What ``replay_run`` with the same wish would do now; raises what it would raise. Nothing is changed."""
    require_permission(actor, "runs.replay", run)
    wish = Wish(from_step, item, new_effects)
    _check_state(run, wish)
    known = known or known_of(run)
    values = read_values(run) if known.values is None else known.values
    if "trigger" not in values:
        raise InputGone
    taken = [str(step) for step in _copied(plan_for(run.version_id), run, wish, values)]
    done = [_place(effect) for effect in known.effects if effect.state == Effect.State.DONE]
    unsure = [_place(effect) for effect in known.effects if effect.state in (Effect.State.OPEN, Effect.State.UNKNOWN)]
    kept = [place for place in done if not new_effects or place in taken]
    repeated = [place for place in done if place not in kept]
    return ReplayPreview(tuple(taken), tuple(kept), tuple(repeated), () if new_effects else tuple(unsure))


def _place(effect: Effect) -> str:
    return f"{effect.path}#{effect.item}" if effect.item else effect.path


def _run_of(letter: DeadLetter) -> Run:
    return Run.objects.get(id=letter.run_id)


def _open_letter(letter: DeadLetter) -> DeadLetter:
    one_at_a_time(_run_of(letter))
    found: DeadLetter | None = DeadLetter.objects.select_for_update().filter(id=letter.id).first()
    if found is None:
        raise NotFound(what="dead letter")
    if found.state != DeadLetter.State.OPEN:
        raise Conflict(what=said("This dead letter is {state} already.", state=state_name(found.state)))
    return found


def _replay(actor: Actor, run: Run, reason: str, wish: Wish) -> Run:
    run = locked_run(run.id)
    _check_state(run, wish)
    plan = plan_for(run.version_id)
    values = read_values(run)
    if "trigger" not in values:
        raise InputGone
    trigger = values["trigger"] if wish.input is None else {**values["trigger"], "body": wish.input}
    copied = _copied(plan, run, wish, values)
    start = _start(plan, run, trigger, reason, wish)
    _write(start, run, trigger, copied, _carried(plan, copied, values))
    close_letters(run.id, DeadLetter.State.REPLAYED, actor, reason, start.run.id)
    withdraw_questions(run.id, actor, reason)
    details = {"reason": reason, "replay_run": start.run.id, "from_step": wish.from_step or "", "item": wish.item}
    details |= {"new_effects": wish.new_effects, "corrected": wish.input is not None}
    _record("run.replayed", actor, run, details)
    return Run.objects.get(id=start.run.id)


def _check_state(run: Run, wish: Wish) -> None:
    if not run.ended:
        raise RunState(status=run.status, wanted="ended")
    if run.trigger == TEST:
        raise RunState(status="a test of a step", wanted="not a test; start another test instead")
    family = Run.objects.filter(root_run_id=run.root_run_id)
    other = family.filter(status__in=Run.UNENDED).first()
    if other is not None:
        raise ReplayUnderWay(run_id=other.id)
    undone = StepRun.objects.filter(
        run_id__in=family.values("id"), compensates=True, status=StepRun.Status.SUCCEEDED
    ).exists()
    if undone and (not wish.new_effects or wish.from_step is not None):
        raise EffectsUndone


def _start(plan: Plan, run: Run, trigger: Mapping[str, Any], reason: str, wish: Wish) -> Start:
    environment = environment_view(run.environment_id)
    origin = Origin(
        trigger=run.trigger,
        lane=Work.Lane.BULK if run.lane == Work.Lane.BULK else Work.Lane.INTERACTIVE,
        root_run_id=None if wish.new_effects else run.root_run_id,
        replay_of=run.id,
        replay=wish.as_json(reason),
    )
    start = prepare_start(plan, run.flow_id, environment, trigger, origin, leased=False)
    if start.violation is not None:
        raise InvalidInput([{"path": "input", "code": start.violation.code, "message": start.violation.message}])
    return start


def _write(
    start: Start, run: Run, trigger: Mapping[str, Any], copied: Sequence[StepRun], values: Mapping[str, Any]
) -> None:
    unit, sealer, run_id = Unit((start.run.id, 0)), sealer_for(run.workspace_id), start.run.id
    add_queued(unit, start, trigger, sealer)
    if values:
        unit.add("payload", PayloadRow(run_id, 2, sealer.seal(jsonio.dumps(values), payload_aad(run_id, 2))))
    for step in copied:
        given = {name: getattr(step, name) for name in StepRow._fields}
        detail = None if step.detail is None else json.dumps(step.detail)
        reason = step.reason or f"recorded in run {run.id}"
        unit.add("step", StepRow(**{**given, "run_id": run_id, "detail": detail, "reason": reason}))
    writing.write_unit(unit)
    writing.ring(start.run.lane)


# -- what is taken from the records --------------------------------------------------------------------------------


def _copied(plan: Plan, run: Run, wish: Wish, values: Mapping[str, Any]) -> list[StepRun]:
    """The steps whose results the replay takes as they are."""
    if wish.from_step is None:
        if wish.item is not None:
            raise _refused("item", said("name the for-each of this item with from_step"))
        return []
    before = _Before(run, values)
    if not before.collect(plan.steps, wish.from_step):
        raise _refused("from_step", said("this flow has no step {from_step!r} to begin from", from_step=wish.from_step))
    paths = before.paths
    steps = [step for step in before.steps if step.path in paths or _below(step.path, paths)]
    if wish.item is not None:
        steps += _other_items(plan, before.steps, wish.from_step, wish.item)
    return steps


def _other_items(plan: Plan, steps: Sequence[StepRun], path: str, item: int) -> list[StepRun]:
    block = plan.blocks[path]
    if not isinstance(block, ForEachBlock) or not block.steps:
        raise _refused("item", said("{path} is not a for-each", path=path))
    outermost = not any(isinstance(plan.blocks.get(parent), ForEachBlock) for parent in _parents(path))
    seen = {step.item for step in steps if step.path.startswith(path + "/")}
    if not outermost or str(item) not in seen:
        raise _refused("item", said("item {item} of {path} has not run", item=item, path=path))
    last = block.steps[-1].path
    finished = {step.item for step in steps if step.path == last and step.status in _DONE} - {str(item)}
    return [step for step in steps if step.path.startswith(path + "/") and step.item.partition(".")[0] in finished]


class _Before:
    """Walks a plan up to a step and gathers the blocks before it, all of which must have a result."""

    def __init__(self, run: Run, values: Mapping[str, Any]) -> None:
        self.steps = list(StepRun.objects.filter(run_id=run.id, compensates=False).order_by("seq"))
        self.paths: set[str] = set()
        self._status = {step.path: step.status for step in self.steps if not step.item}
        self._values = values

    def collect(self, blocks: Sequence[Block], target: str, *, each: bool = False) -> bool:
        """Whether ``target`` is among the blocks or inside of one; ``each``: inside a for-each."""
        for block in blocks:
            if block.path == target:
                return True
            if target.startswith(block.path + "/") and self._inside(block, target, each):
                return True
            if not each:
                self._check(block)
            self.paths.add(block.path)
        return False

    def _inside(self, block: Block, target: str, each: bool) -> bool:
        if isinstance(block, BranchBlock):
            return self._taken_case(block, target, each)
        return self.collect(block.children, target, each=each or isinstance(block, ForEachBlock))

    def _taken_case(self, block: BranchBlock, target: str, each: bool) -> bool:
        cases = [*(case.steps for case in block.cases), block.otherwise]
        for number, steps in enumerate(cases):
            if not any(target == step.path or target.startswith(step.path + "/") for step in steps):
                continue
            taken = self._values.get(value_key(block.path, "", "case"))
            wanted = number if number < len(block.cases) else -1
            if not each and taken is not None and taken != wanted:
                raise _refused(
                    "from_step", said("the run did not go by {target}; begin at {path}", target=target, path=block.path)
                )
            return self.collect(steps, target, each=each)
        return False

    def _check(self, block: Block) -> None:
        status = self._status.get(block.path)
        handled = block.on_failure is not None and block.on_failure.then == "continue"
        if status in _DONE or (status == StepRun.Status.FAILED and handled):
            return
        raise _refused("from_step", said("{path} has no result in this run; begin there or before", path=block.path))


def _carried(plan: Plan, copied: Sequence[StepRun], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the copied steps: outputs, decisions taken, and what their compensations would send."""
    found: dict[str, Any] = {}
    for step in copied:
        for what in _KEPT:
            _take(found, values, value_key(step.path, step.item, what))
        undo = getattr(plan.blocks.get(step.path), "compensate", None)
        if undo is not None:
            _take(found, values, value_key(undo.path, step.item, "params"))
    return found


def _take(found: dict[str, Any], values: Mapping[str, Any], key: str) -> None:
    if key in values:
        found[key] = values[key]


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _below(path: str, paths: set[str]) -> bool:
    return any(parent in paths for parent in _parents(path))


def _refused(where: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": where, "code": f"replay.{where}", "message": message}])


def _record(action: str, actor: Actor, run: Run, details: dict[str, Any]) -> None:
    subject = ("run", run.id, str(run.id))
    audit.record(action, actor=actor, workspace_id=run.workspace_id, subject=subject, details=details)


def replays_of(run_id: UUID) -> list[Run]:
    """The replays made of a run, oldest first."""
    return list(Run.objects.filter(replay_of=run_id).order_by("id"))
