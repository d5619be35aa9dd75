"""The flow of the demo fits the connectors that it calls, for every order that the storefront sends."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.document_forms import read_document
from ipaas.core.ids import uuid7
from ipaas.core.references import split_reference
from ipaas.flows import plan as plans
from ipaas.flows.examples import example_text
from ipaas.flows.plan import CallBlock, ForEachBlock, Identity, MapBlock, Plan, ValidateBlock
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import load_folder
from ipaas.sdk.stubs.orders import deliveries

CONNECTORS = Path(__file__).parents[3] / "connectors"
OUTPUTS = {
    "charge": {"id": "ch_1", "amount_minor": 4290, "currency": "EUR", "reference": "o", "status": "captured"},
    "reserve_line": {"reservation_id": "r-0", "status": "held"},
    "ship": {"shipment_id": "shp_1", "tracking_number": "LP00000001X", "reference": "o", "status": "announced"},
}
CONNECTOR_OF = {"mail": "smtp", "warehouse": "postgres"}


class Examples:
    def mapping(self, reference: str) -> CompiledMapping:
        content = read_document(text=example_text(split_reference(reference)[0])).content
        return engine.compile(content, version_id=uuid7(), sha256="m")

    def schema(self, reference: str) -> CompiledValidator:
        content = read_document(text=example_text(split_reference(reference)[0])).content
        return compile_schema(content["schema"], version_id=uuid7(), sha256="s")

    def contract(self, reference: str) -> dict[str, Any]:
        return read_document(text=example_text(split_reference(reference)[0])).content


@cache
def plan() -> Plan:
    content = read_document(text=example_text("order-to-shipment")).content
    return plans.compile(content, resolve=Examples(), identity=Identity(version_id=uuid7(), number=1, sha256="f"))


@cache
def connector(connection: str) -> Connector:
    return load_folder(CONNECTORS / CONNECTOR_OF.get(connection, connection))


def check(block: CallBlock, scope: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a call and of its compensation, as the connectors take them."""
    scope["steps"][block.id] = {"output": OUTPUTS.get(block.id)}
    for call in filter(None, (block, block.compensate)):
        connector(call.connection).action(call.action).checked_params(call.params.evaluate(scope))
    return block.params.evaluate(scope)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "body", [body for _, body in deliveries(seed=7, count=40)], ids=lambda body: body["order"]["id"]
)
def test_every_call_of_an_order_fits_its_connector(body: dict[str, Any]) -> None:
    scope: dict[str, Any] = {"trigger": {"body": body}, "steps": {}, "vars": {}, "run": {}}
    edge = plan().input
    assert edge is not None
    assert edge.validator.errors(body) == []
    for block in plan().steps:
        if isinstance(block, MapBlock):
            assert block.input is not None
            scope["steps"][block.id] = {"output": block.mapping.apply(block.input.evaluate(scope), scope)}
        elif isinstance(block, ValidateBlock):
            assert block.validator.errors(block.value.evaluate(scope)) == []
        elif isinstance(block, ForEachBlock):
            lines = block.items.evaluate(scope)
            inner = block.steps[0]
            assert isinstance(inner, CallBlock)
            ids = [
                check(inner, {**scope, "line": line, "loop": {"index": n}})["reservation_id"]
                for n, line in enumerate(lines)
            ]
            assert len(set(ids)) == len(body["order"]["lines"])
        else:
            assert isinstance(block, CallBlock)
            check(block, scope)


def test_what_can_be_undone_is_undone() -> None:
    undone = sorted(path for path in plan().blocks if path.endswith("~undo"))
    assert undone == ["charge~undo", "reserve/reserve_line~undo", "ship~undo"]


def test_business_ids_are_found() -> None:
    _, body = next(iter(deliveries(seed=1, count=1)))
    found = {name: expression.evaluate({"trigger": {"body": body}}) for name, expression in plan().business_ids.items()}
    assert found == {
        "order": body["order"]["id"],
        "number": body["order"]["number"],
        "customer": body["order"]["customer"]["email"],
    }
