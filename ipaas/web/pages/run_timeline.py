"""A run's steps as the timeline shows them: in the order of the flow, on one time axis, with their masked data."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ipaas.core.clock import now
from ipaas.flows.plan import CallBlock, ForEachBlock, Plan
from ipaas.runtime.models import Attempt, Run, StepRun
from ipaas.runtime.showing import ShownRun
from ipaas.runtime.unfinished import STANDING
from ipaas.web.pages.run_waits import waits_of
from ipaas.web.pages.wording import remedy_of, step_title, verdict_view, with_item
from ipaas.web.readmodels import AttemptView, ErrorView, Impact, StepView

MOST_STEPS = 200
WITHOUT_FAULT = (StepRun.Status.SUCCEEDED, StepRun.Status.SKIPPED, StepRun.Status.CANCELLED)
_ATTEMPT_STATES = {
    "ok": "succeeded",
    "recorded": "recorded",
    "retry": "failed",
    "failed": "failed",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Deeds:
    """Addresses of what may be done at a step; empty where it may not."""

    replay: str = ""
    skip: str = ""
    settle: str = ""
    compare: str = ""
    if_happened: Sequence[Impact] = ()
    if_not: Sequence[Impact] = ()


@dataclass(frozen=True)
class Axis:
    """The run's time axis."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        return max((moment - self.start).total_seconds() * 1000, 0.0)

    @property
    def length_ms(self) -> float:
        return max(self.at(self.end), 1.0)


def step_key(path: str, item: str) -> str:
    """A step's key in forms: its path, with ``#item`` inside a for-each."""
    return f"{path}#{item}" if item else path


def read_steps(run: Run) -> tuple[list[StepRun], int]:
    """The steps worth showing and how many are left out: of a very long run the first ones and all that went wrong."""
    steps = list(StepRun.objects.filter(run_id=run.id).order_by("seq")[: MOST_STEPS + 1])
    if len(steps) <= MOST_STEPS:
        return steps, 0
    rest = StepRun.objects.filter(run_id=run.id, seq__gt=steps[MOST_STEPS - 1].seq)
    wrong = list(rest.exclude(status__in=WITHOUT_FAULT).order_by("seq")[:MOST_STEPS])
    return steps[:MOST_STEPS] + wrong, rest.count() - len(wrong)


def axis_of(run: Run, steps: Iterable[StepRun]) -> Axis:
    start = run.started_at or min((step.started_at for step in steps), default=now())
    return Axis(start, run.finished_at or now())


def attempts_of(run: Run, steps: Sequence[StepRun]) -> Mapping[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = defaultdict(list)
    numbers = [step.seq for step in steps]
    for attempt in Attempt.objects.filter(run_id=run.id, seq__in=numbers).order_by("seq", "number"):
        found[attempt.seq].append(attempt)
    return found


class Timeline:
    """Builds the step views of one run."""

    def __init__(self, run: Run, plan: Plan | None, shown: ShownRun | None, axis: Axis) -> None:
        self.run, self.plan, self.shown, self.axis = run, plan, shown, axis
        self._order = {} if plan is None else {path: place for place, path in enumerate(plan.blocks)}

    def views(self, steps: Sequence[StepRun], deeds: Mapping[str, Deeds]) -> list[StepView]:
        attempts = attempts_of(self.run, steps)
        views = [
            self.view(step, attempts.get(step.seq, []), deeds.get(step_key(step.path, step.item), Deeds()))
            for step in sorted(steps, key=self._place)
        ]
        return views + self._still_to_come(steps)

    def _place(self, step: StepRun) -> tuple[Any, ...]:
        """Forward steps in the order of the flow, items of a for-each together; what was undone after, as it came."""
        if step.compensates:
            return (1, step.seq)
        last = len(self._order)
        top = self._order.get(step.path.split("/")[0], last)
        items = tuple(int(number) for number in step.item.split(".")) if step.item else ()
        return (0, top, items, self._order.get(step.path, last), step.seq)

    def view(self, step: StepRun, attempts: Sequence[Attempt], deeds: Deeds) -> StepView:
        block = self.plan.blocks.get(step.path) if self.plan is not None else None
        data = self.shown.step(step.path, step.item) if self.shown is not None else None
        recorded = (step.reason or "").startswith("recorded")
        return StepView(
            key=step_key(step.path, step.item),
            title=step_title(self.plan, step.path),
            kind=step.kind,
            status=self._under_way(step) or step.status,
            offset_ms=self.axis.at(step.started_at),
            duration_ms=self._duration(step),
            depth=min(step.path.count("/"), 4),
            item=_("item {number}").format(number=step.item) if step.item else "",
            connection=block.connection if isinstance(block, CallBlock) else "",
            attempts=[self._attempt(step, attempt) for attempt in attempts],
            waits=waits_of(step, attempts, self.axis.at, self.axis.end),
            input=data.input if data is not None else None,
            output=data.output if data is not None else None,
            error=self._error(step),
            skipped_reason=step.reason or "" if step.status == StepRun.Status.SKIPPED else "",
            note=self._note(step),
            recorded=recorded,
            compare_url=deeds.compare if len(attempts) > 1 else "",
            replay_url=deeds.replay,
            skip_url=deeds.skip,
            settle_url=deeds.settle,
            if_happened=deeds.if_happened,
            if_not=deeds.if_not,
        )

    def _under_way(self, step: StepRun) -> str:
        """A call is written down as in doubt before it leaves; while its run is worked on, it is simply under way."""
        doubt = step.status == StepRun.Status.UNKNOWN and self.run.status == Run.Status.RUNNING
        return "running" if doubt else ""

    def _duration(self, step: StepRun) -> float | None:
        if (step.reason or "").startswith("recorded in run"):
            return None
        end = step.finished_at or (now() if step.status in STANDING else None)
        return None if end is None else max((end - step.started_at).total_seconds() * 1000, 0.0)

    def text(self, text: str | None) -> str:
        """A message without anything sensitive; left out where that can not be checked."""
        return self.shown.text(text) if self.shown is not None else ""

    def _note(self, step: StepRun) -> str:
        if step.status == StepRun.Status.CANCELLED:
            return _("Not finished: the run, or the block around this step, ended first.")
        cause = (step.detail or {}).get("cause")
        if not cause:
            return ""
        title = with_item(f"“{step_title(self.plan, cause['step'])}”", cause["item"])
        return _("It ended because of {step}, a step inside of it.").format(step=title)

    def _error(self, step: StepRun) -> ErrorView | None:
        if not step.error_class:
            return None
        message = self.text(step.error_message)
        return ErrorView(step.error_class, step.error_code or "", message, remedy=remedy_of(step.error_class))

    def _attempt(self, step: StepRun, attempt: Attempt) -> AttemptView:
        data = self.shown.attempt(step.path, step.item, attempt.number) if self.shown is not None else None
        return AttemptView(
            number=attempt.number,
            status=(attempt.outcome == "unknown" and self._under_way(step))
            or _ATTEMPT_STATES.get(attempt.outcome, attempt.outcome),
            offset_ms=self.axis.at(attempt.started_at),
            duration_ms=attempt.duration_ms,
            http_status=attempt.http_status,
            message=self.text(attempt.error_message),
            verdicts=[verdict_view(verdict) for verdict in attempt.verdicts or ()],
            request=data.request if data is not None else None,
            response=data.response if data is not None else None,
        )

    def _still_to_come(self, steps: Sequence[StepRun]) -> list[StepView]:
        """The outermost blocks that a run under way has not reached."""
        if self.run.ended or self.plan is None or self.run.status == Run.Status.COMPENSATING:
            return []
        begun = {step.path for step in steps}
        return [
            StepView(block.path, step_title(self.plan, block.path), block.kind, "pending", 0.0, None)
            for block in self.plan.steps
            if block.path not in begun and not block.disabled
        ]


def outer_item(plan: Plan | None, step: StepRun) -> str:
    """The key ``for-each#number`` of the outermost for-each a step stands in; empty outside of one."""
    if plan is None or not step.item:
        return ""
    parts = step.path.split("/")
    paths = ("/".join(parts[:count]) for count in range(1, len(parts)))
    path = next((one for one in paths if isinstance(plan.blocks.get(one), ForEachBlock)), "")
    return f"{path}#{step.item.partition('.')[0]}" if path else ""
