"""What a step was given, worked out again from the records: the journal keeps results, not inputs."""

from collections.abc import Mapping
from typing import Any

from ipaas.core.errors import IpaasError
from ipaas.expressions import Expression, ValueTemplate
from ipaas.flows.plan import (
    ApprovalBlock,
    Block,
    CallBlock,
    EmitBlock,
    ForEachBlock,
    MapBlock,
    Plan,
    SubflowBlock,
    ValidateBlock,
)
from ipaas.runtime.execution import value_key
from ipaas.runtime.models import BusinessId, Run

Facts = Mapping[str, Any]


def facts_of(run: Run, plan: Plan) -> Facts:
    """What expressions see beside the trigger and the steps; the environment's variables of that time are not kept."""
    return {
        "run": {"id": str(run.id), "flow": plan.flow_slug},
        "business_ids": dict(BusinessId.objects.filter(run_id=run.id).values_list("name", "value")),
        "now": run.started_at.isoformat() if run.started_at else "",
    }


def step_input(plan: Plan, block: Block, item: str, values: Mapping[str, Any], facts: Facts) -> Any:
    """The value in clear, for the redactor; None when the step has none or it can not be worked out any more."""
    kept = values.get(value_key(block.path, item, "params"))
    template = _template(block)
    if kept is not None or "trigger" not in values:
        return kept
    if template is None:
        return (values["trigger"] or {}).get("body") if isinstance(block, MapBlock) else None
    try:
        return template.evaluate(_scope(plan, block, item, values, facts))
    except IpaasError:
        return None


def step_scope(plan: Plan, block: Block, item: str, values: Mapping[str, Any], facts: Facts) -> dict[str, Any] | None:
    """The names that expressions of a step saw, in clear; None when they can not be worked out any more."""
    try:
        return _scope(plan, block, item, values, facts)
    except IpaasError:
        return None


def _template(block: Block) -> ValueTemplate | Expression | None:
    if isinstance(block, CallBlock | SubflowBlock):
        return block.params
    if isinstance(block, ValidateBlock):
        return block.value
    if isinstance(block, MapBlock):
        return block.input
    if isinstance(block, EmitBlock):
        return block.data
    return block.evidence if isinstance(block, ApprovalBlock) else None


def _scope(plan: Plan, block: Block, item: str, values: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    scope: dict[str, Any] = {**facts, "trigger": values["trigger"], "steps": {}}
    for name, value in values.items():
        path, _, rest = name.partition("#")
        where, _, what = rest.rpartition(".")
        found = plan.blocks.get(path)
        if what == "output" and found is not None and (not where or item == where or item.startswith(f"{where}.")):
            scope["steps"][found.id] = {"output": value, "status": "succeeded", "error": None}
    _enter_items(plan, block, item, scope)
    return scope


def _enter_items(plan: Plan, block: Block, item: str, scope: dict[str, Any]) -> None:
    """The element of every for-each around the block, outermost first."""
    numbers = [int(number) for number in item.split(".")] if item else []
    parts = block.path.split("/")
    around = (plan.blocks.get("/".join(parts[:count])) for count in range(1, len(parts)))
    each = [outer for outer in around if isinstance(outer, ForEachBlock)]
    for outer, number in zip(each, numbers, strict=False):
        elements = outer.items.evaluate(scope)
        if not isinstance(elements, list) or number >= len(elements):
            return
        scope[outer.as_name], scope["loop"] = elements[number], {"index": number}
