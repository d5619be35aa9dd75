"""What flows received and what their steps gave in recent runs, with made-up values for everything sensitive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.flows.models import Flow
from ipaas.flows.plan import Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime.models import Run
from ipaas.runtime.reading import floor_of
from ipaas.runtime.samples import WINDOW
from ipaas.runtime.showing import ShownRun

MOST = 200


@dataclass(frozen=True, slots=True)
class Captured:
    """Values of the newest runs first; ``classes`` are the classes of places in them (``lines.*.note``)."""

    values: list[Any]
    classes: Mapping[str, str]


def captured_values(*, actor: Actor, workspace: Workspace, flow: str, step: str = "", limit: int = 50) -> Captured:
    """What a flow was started with, or what a step of it gave (its path, or its id), in its newest runs.

    Needs ``flows.view`` and ``runs.view``. Raises ``NotFound`` for a flow that is not there, ``InvalidInput`` where no
    run keeps such a value.
    """
    require_permission(actor, "flows.view", workspace)
    require_permission(actor, "runs.view", workspace)
    document = Flow.objects.named(workspace.id, flow)
    rows = Run.objects.visible_to(actor).filter(flow_id=document.id)
    floor = floor_of(rows, WINDOW)
    rows = rows if floor is None else rows.filter(id__gte=floor)
    values: list[Any] = []
    classes: dict[str, str] = {}
    for run in rows.order_by("-id")[: min(limit, MOST) * 2]:
        plan = _plan(run)
        path = None if plan is None else _path(plan, step)
        if plan is None or path is None:
            continue
        found = ShownRun(run).made_up_value(path)
        if found is not None and len(values) < min(limit, MOST):
            values.append(found)
            classes |= _classes(plan, path)
    if not values:
        raise InvalidInput([{"path": "flow", "code": "schema.no_runs", "message": _nothing(flow, step)}])
    return Captured(values, classes)


def _nothing(flow: str, step: str) -> str:
    if step:
        return said("no run of {flow} keeps what the step {step} gave", flow=flow, step=step[:200])
    return said("no run of {flow} keeps what it was started with", flow=flow)


def _plan(run: Run) -> Plan | None:
    try:
        return plan_for(run.version_id)
    except NotFound:
        return None


def _path(plan: Plan, step: str) -> str | None:
    """The path of a step by path or id; "" for the start, None where this version has no such step."""
    if not step or step in plan.blocks:
        return step
    return next((path for path, block in plan.blocks.items() if block.id == step), None)


def _classes(plan: Plan, path: str) -> dict[str, str]:
    start = f"steps.{plan.blocks[path].id}.output." if path else "trigger.body."
    return {place.removeprefix(start): label for place, label in plan.redaction.items() if place.startswith(start)}
