"""Steps that had begun when the block around them or their run ended, and how they are taken up again.

A closed step keeps its reason and its due time, so that a run taken up again finds it as it stood.
"""

from collections.abc import Iterable

from ipaas.runtime.models import Run, StepRun
from ipaas.runtime.rows import StepRow

STANDING = (StepRun.Status.RUNNING, StepRun.Status.WAITING, StepRun.Status.RETRYING)
_GIVEN_UP = (StepRun.Status.FAILED, StepRun.Status.UNKNOWN, StepRun.Status.CANCELLED)
_HANDLER = "/on_failure/"
_FRESH = {"finished_at": None, "error_class": None, "error_code": None, "error_message": None, "detail": None}

Step = StepRow | StepRun


def is_inside(path: str, item: str, outer: Step) -> bool:
    """Whether a step belongs to a container; the steps that handle the container's failure do not."""
    within = path.startswith(f"{outer.path}/") and not path.startswith(outer.path + _HANDLER)
    return within and (not outer.item or item == outer.item or item.startswith(f"{outer.item}."))


def take_up_again(run: Run, path: str) -> None:
    """Let the containers around a step run again, and all that was cut short but for what a handled failure left."""
    steps = list(StepRun.objects.filter(run_id=run.id, status__in=_GIVEN_UP))
    targets = [step for step in steps if step.path == path]
    around = {step.seq for step in steps for target in targets if is_inside(target.path, target.item, step)}
    StepRun.objects.filter(run_id=run.id, seq__in=around).update(status=StepRun.Status.RUNNING, **_FRESH)
    left = [step for step in steps if step.seq not in around and step.status == StepRun.Status.FAILED]
    cut = [step for step in steps if step.seq not in around and step.status == StepRun.Status.CANCELLED]
    for status, found in _as_they_stood(step for step in cut if not _is_given_up(step, left)):
        StepRun.objects.filter(run_id=run.id, seq__in=found).update(status=status, finished_at=None)


def _is_given_up(step: StepRun, failed: list[StepRun]) -> bool:
    return any(is_inside(step.path, step.item, outer) for outer in failed)


def _as_they_stood(steps: Iterable[StepRun]) -> list[tuple[StepRun.Status, list[int]]]:
    found: dict[StepRun.Status, list[int]] = {status: [] for status in STANDING}
    for step in steps:
        if step.reason == "retry":
            found[StepRun.Status.RETRYING].append(step.seq)
        elif step.due_at is not None:
            found[StepRun.Status.WAITING].append(step.seq)
        else:
            found[StepRun.Status.RUNNING].append(step.seq)
    return [(status, seqs) for status, seqs in found.items() if seqs]
