"""The business ids of a run: what people search it by.

An id that reads a field of a sensitive class is kept, logged and shown as its mask; expressions see its value, and who
knows the value finds the run by it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ipaas.core import jsonio
from ipaas.core.redaction import Redactor, SecretValues, mask, scrub_text, texts_of
from ipaas.flows.plan import Plan
from ipaas.runtime.endings import storable
from ipaas.runtime.execution import Scope
from ipaas.runtime.models import BusinessId
from ipaas.runtime.rows import BusinessIdRow, RunRow
from ipaas.vault.payloads import fingerprint_key


def evaluate_business_ids(plan: Plan, scope: Scope) -> dict[str, str]:
    """The business ids of a run as text; names whose expression gives null are left out, the primary must be there."""
    found = {}
    for name, expression in plan.business_ids.items():
        value = expression.evaluate(scope)
        if value is not None:
            found[name] = storable(value) if isinstance(value, str) else jsonio.dumps(value).decode()
    return found


def shown_business_ids(plan: Plan, ids: Mapping[str, str], trigger: Any, key: bytes) -> Mapping[str, str]:
    """The ids as they may be stored readable: private ones masked, and copies of classified values in the others.

    ``key`` is the workspace's fingerprint key: equal values have equal masks.
    """
    private = {name: whole for name, whole in plan.private_ids.items() if ids.get(name)}
    if not private:
        return ids
    shown = {**ids, **{name: mask(ids[name], key) for name, whole in private.items() if whole}}
    if not all(private.values()):
        hidden = Redactor(fields=plan.redaction, fingerprint_key=key).hidden({"trigger": trigger})
        values = SecretValues(texts_of(hidden), fingerprint_key=key)
        shown |= {name: scrub_text(ids[name], values) for name, whole in private.items() if not whole}
    return shown


def found_by(workspace_id: UUID, text: str) -> QuerySet[BusinessId]:
    """The business ids with this value, be it kept readable or masked."""
    kept = [text, mask(text, fingerprint_key(workspace_id))]
    return BusinessId.objects.filter(workspace_id=workspace_id, value__in=kept)


def business_rows(run: RunRow, ids: Mapping[str, str]) -> list[BusinessIdRow]:
    return [BusinessIdRow(run.id, name, run.workspace_id, value[:500]) for name, value in ids.items()]
