"""The sealed values of a run, for synchronous code: reading all of them, adding to them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ipaas.core import jsonio
from ipaas.events.models import Receipt
from ipaas.runtime.execution import effect_aad, payload_aad, value_key
from ipaas.runtime.models import Effect, Payload, Run
from ipaas.runtime.receipts import read_receipt
from ipaas.runtime.rows import PayloadRow, Unit
from ipaas.vault.payloads import PayloadSealer, sealer_for


def add_trigger(unit: Unit, run_id: UUID, trigger: Mapping[str, Any], sealer: Any) -> None:
    """Keep the input of a run that no receipt holds, as the first payload bundle."""
    sealed = sealer.seal(jsonio.dumps({"trigger": trigger}), payload_aad(run_id, 1))
    unit.add("payload", PayloadRow(run_id, 1, sealed))


def add_bundle(run: Run, values: Mapping[str, Any]) -> None:
    """Add values to a stopped run; later bundles win over earlier ones."""
    last = Payload.objects.filter(run_id=run.id).order_by("-seq").values_list("seq", flat=True).first() or 0
    sealed = sealer_for(run.workspace_id).seal(jsonio.dumps(values), payload_aad(run.id, last + 1))
    Payload.objects.create(run_id=run.id, seq=last + 1, sealed=sealed)


def read_values(run: Run) -> dict[str, Any]:
    """Every value of a run in clear, by ``<path>#<item>.<what>``, with ``trigger``: for the redactor, not to show."""
    sealer = sealer_for(run.workspace_id)
    values: dict[str, Any] = {}
    for payload in Payload.objects.filter(run_id=run.id).order_by("seq"):
        values.update(jsonio.loads(sealer.open(bytes(payload.sealed), payload_aad(run.id, payload.seq))))
    if "trigger" not in values and run.receipt_id is not None:
        receipt = Receipt.objects.filter(id=run.receipt_id).first()
        if receipt is not None:
            values["trigger"] = read_receipt(receipt, sealer)
    for name, output in _effect_outputs(run, sealer).items():
        values.setdefault(name, output)
    return values


def _effect_outputs(run: Run, sealer: PayloadSealer) -> dict[str, Any]:
    found = {}
    for effect in Effect.objects.filter(root_run_id=run.root_run_id, state=Effect.State.DONE).order_by("generation"):
        if effect.result is not None:
            key = (effect.root_run_id, effect.path, effect.item, effect.generation)
            output = jsonio.loads(sealer.open(bytes(effect.result), effect_aad(key)))
            found[value_key(effect.path, effect.item, "output")] = output
    return found
