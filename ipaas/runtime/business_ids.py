"""The business ids of a run: what people search it by."""

from collections.abc import Mapping

from ipaas.core import jsonio
from ipaas.flows.plan import Plan
from ipaas.runtime.execution import Scope, storable
from ipaas.runtime.rows import BusinessIdRow, RunRow


def evaluate_business_ids(plan: Plan, scope: Scope) -> dict[str, str]:
    """The business ids of a run as text; names whose expression gives null are left out, the primary must be there."""
    found = {}
    for name, expression in plan.business_ids.items():
        value = expression.evaluate(scope)
        if value is not None:
            found[name] = storable(value) if isinstance(value, str) else jsonio.dumps(value).decode()
    return found


def business_rows(run: RunRow, ids: Mapping[str, str]) -> list[BusinessIdRow]:
    return [BusinessIdRow(run.id, name, run.workspace_id, value[:500]) for name, value in ids.items()]
