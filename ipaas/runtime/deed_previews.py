"""What resuming, skipping, settling or cancelling a run does outside, said before anybody does it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name
from ipaas.flows.plan import CallBlock, EmitBlock, Plan, SubflowBlock
from ipaas.runtime.models import Effect, Run, StepRun

DeedOnRun = Literal["resume", "skip", "settle_happened", "settle_not_happened", "cancel"]
PERMISSIONS: dict[str, str] = {
    "resume": "runs.resume",
    "skip": "runs.skip",
    "settle_happened": "runs.resume",
    "settle_not_happened": "runs.resume",
    "cancel": "runs.cancel",
}
_UNDO = "~undo"
_ENDED = (StepRun.Status.SUCCEEDED, StepRun.Status.SKIPPED)


@dataclass(frozen=True, slots=True)
class DeedPreview:
    """Places are paths of steps, with ``#item`` inside a for-each.

    ``called``: sent, now or when the run gets there. ``recorded``: happened, is not sent again, its answer is used.
    ``looked_up``: nobody knows whether it happened; it is looked up where the vendor allows it, else the run stops.
    ``skipped``: left out. ``kept``: happened and stays as it is. ``under_way``: on its way now, waited for.
    """

    called: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    looked_up: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()


@dataclass(slots=True)
class Known:
    """What previews go by; several of one page share it."""

    run: Run
    effects: list[Effect]
    """Of the run and all its replays, by path and item."""
    values: Mapping[str, Any] | None = None
    """The run's values in clear, where they were read: never to be shown."""
    _ended: set[str] | None = None

    @property
    def ended(self) -> set[str]:
        """Paths that ended well in this run, outside of every for-each."""
        if self._ended is None:
            steps = StepRun.objects.filter(run_id=self.run.id, status__in=_ENDED, item="")
            self._ended = set(steps.values_list("path", flat=True))
        return self._ended


def known_of(run: Run, values: Mapping[str, Any] | None = None) -> Known:
    return Known(run, list(Effect.objects.filter(root_run_id=run.root_run_id).order_by("path", "item")), values)


def preview_deed(
    *, actor: Actor, run: Run, plan: Plan, deed: DeedOnRun, step: str = "", known: Known | None = None
) -> DeedPreview:
    """What a deed would do now; nothing is changed. ``step`` names the one to settle (``path#item``), else the one at
    which the run stopped. Raises ``Conflict`` where the deed makes no sense for the run."""
    require_permission(actor, PERMISSIONS[deed], run)
    known = known or known_of(run)
    effects = known.effects
    done = {_place(one) for one in effects if one.state == Effect.State.DONE}
    unsure = {_place(one) for one in effects if one.state in (Effect.State.OPEN, Effect.State.UNKNOWN)} - done
    if deed == "cancel":
        if run.ended and run.status != Run.Status.NEEDS_OPERATOR:
            raise Conflict(
                what=said("The run is {status}; only one under way can be cancelled.", status=state_name(run.status))
            )
        return DeedPreview(kept=_in_order(plan, done), under_way=_in_order(plan, unsure))
    if run.status not in (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR):
        raise Conflict(what=said("The run is {status}; this is for one that stopped.", status=state_name(run.status)))
    return _taken_up_again(known, plan, deed, step or run.error_step or "", done, unsure)


def _taken_up_again(
    known: Known, plan: Plan, deed: DeedOnRun, step: str, done: set[str], unsure: set[str]
) -> DeedPreview:
    stopped = {step} if "#" in step else {place for place in unsure if place.partition("#")[0] == step} | {step}
    undoing = (known.run.error_step or "").endswith(_UNDO)
    to_call = set(_still_to_undo(plan, done) if undoing else _ahead(known.ended, plan, done))
    skipped: set[str] = set()
    if deed == "skip":
        skipped, unsure = stopped, unsure - stopped
    elif deed == "settle_happened":
        done, unsure = done | stopped, unsure - stopped
    elif deed == "settle_not_happened":
        to_call, unsure = to_call | stopped, unsure - stopped
    to_call -= skipped | unsure | (done if deed == "settle_happened" else set())
    told = {place.partition("#")[0] for place in skipped | unsure}
    called = {place for place in to_call if place not in told}
    return DeedPreview(
        called=_in_order(plan, called),
        recorded=_in_order(plan, done - skipped),
        looked_up=_in_order(plan, unsure),
        skipped=_in_order(plan, skipped),
    )


def _ahead(ended: set[str], plan: Plan, done: set[str]) -> Iterator[str]:
    """The blocks that reach out and have not ended well in this run; undoings and failure branches are not ahead."""
    inside = {path for path in plan.blocks if any(path.startswith(f"{outer}/") for outer in ended)}
    for path in reaching_out(plan):
        if path not in ended and path not in done and path not in inside:
            yield path


def reaching_out(plan: Plan) -> list[str]:
    """The blocks of the way forward that touch something outside."""
    return [
        path
        for path, block in plan.blocks.items()
        if isinstance(block, CallBlock | EmitBlock | SubflowBlock)
        and not path.endswith(_UNDO)
        and "on_failure/" not in path
        and not block.disabled
    ]


def _still_to_undo(plan: Plan, done: set[str]) -> Iterator[str]:
    for place in done:
        path, mark, item = place.partition("#")
        undo = f"{path}{_UNDO}{mark}{item}"
        if f"{path}{_UNDO}" in plan.blocks and undo not in done:
            yield undo


def _place(effect: Effect) -> str:
    return f"{effect.path}#{effect.item}" if effect.item else effect.path


def _in_order(plan: Plan, places: set[str]) -> tuple[str, ...]:
    order = {path: number for number, path in enumerate(plan.blocks)}
    return tuple(sorted(places, key=lambda place: (order.get(place.partition("#")[0], len(order)), place)))
