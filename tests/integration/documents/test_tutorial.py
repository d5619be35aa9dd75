"""The flow of the tutorial can be published as printed, and its input fits what the connectors take."""

import json
from pathlib import Path

from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor
from ipaas.flows.plan import CallBlock
from ipaas.flows.queries import plan_for
from ipaas.governance.services import apply_document
from ipaas.sdk.loader import load_folder

ROOT = Path(__file__).parents[3]
TUTORIAL = ROOT / "docs" / "tutorial"
OUTPUTS = {"label": {"shipment_id": "shp_1", "tracking_number": "LP1"}}
CONNECTORS = {"shipping": "shipping", "mail": "smtp"}


def test_the_flow_of_the_tutorial_fits_its_connectors(workspace: Workspace, alice: Actor) -> None:
    text = (TUTORIAL / "return-label.yaml").read_text()
    applied = apply_document(actor=alice, workspace=workspace, text=text)
    assert applied.version is not None
    assert not applied.findings
    plan = plan_for(applied.version.id)
    scope = {"trigger": {"body": json.loads((TUTORIAL / "return.json").read_text())}, "steps": {}}
    for block in plan.steps:
        assert isinstance(block, CallBlock)
        scope["steps"][block.id] = {"output": OUTPUTS.get(block.id)}
        for call in filter(None, (block, block.compensate)):
            action = load_folder(ROOT / "connectors" / CONNECTORS[call.connection]).action(call.action)
            action.checked_params(call.params.evaluate(scope))
    assert [block.id for block in plan.steps] == ["label", "tell"]
