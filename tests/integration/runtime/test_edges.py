"""Data that breaks a contract: refused, kept or let pass, as its edge says for the environment; and told each time."""

import json

import pytest
from django.test import Client

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.runtime.models import Breach, DeadLetter, Run
from tests.factories.flow_documents import contract, schema
from tests.integration.runtime.conftest import World, call

GOOD = {"id": "o-1", "total": 3}
BAD = {"id": "o-1", "total": "secret-4711"}


def promised(world: World, *, before: str = "quarantine", after: str = "", **changes: object) -> Flow:
    """A flow under a contract with these modes in production; its output is that of its last step."""
    body = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
    parts = [schema(slug="order", schema=body), schema(slug="charge", schema={"required": ["charged"]})]
    edges: dict[str, object] = {"input": {"schema": "order", "mode": "warn", "modes": {"production": before}}}
    if after:
        edges["output"] = {"schema": "charge", "mode": after}
    for document in [*parts, contract(**edges)]:
        apply_document(content=document, workspace=world.workspace, actor=SYSTEM)
    return world.flow(call("charge"), contract="orders-in", **changes)


def breaches() -> list[tuple[str, str, str, str]]:
    return list(Breach.objects.order_by("run_id", "edge").values_list("contract", "edge", "mode", "place"))


def test_quarantine_keeps_the_run_for_correction(world: World) -> None:
    run = world.play(promised(world), BAD)
    assert (run.status, world.letter(run).error_code) == ("dead", "input_schema")
    assert breaches() == [("orders-in@1", "input", "quarantine", "/total")]
    assert "4711" not in Breach.objects.get().message
    assert world.gateway.paths == []


def test_a_warning_lets_the_run_go_on_and_is_told(world: World) -> None:
    run = world.play(promised(world, before="warn"), BAD)
    assert (run.status, world.gateway.paths) == ("succeeded", ["charge"])
    assert breaches() == [("orders-in@1", "input", "warn", "/total")]


def test_what_fits_is_not_told(world: World) -> None:
    assert world.play(promised(world, after="quarantine", before="block"), GOOD).status == "dead"  # the output
    assert [row[1] for row in breaches()] == ["output"]


def test_blocked_input_is_refused_to_the_caller_and_nothing_is_stored(world: World) -> None:
    flow = promised(world, before="block")
    with pytest.raises(InvalidInput) as refused:
        world.start(flow, BAD)
    assert [(one["path"], one["code"]) for one in refused.value.errors] == [("/body/total", "input_blocked")]
    assert not Run.objects.exists()
    assert not Breach.objects.exists()


def test_blocked_input_of_a_delivery_ends_as_a_discarded_run_without_a_dead_letter(world: World) -> None:
    endpoint = world.endpoint()
    flow = promised(world, before="block", trigger={"webhook": {"endpoint": "shop"}}, on_failure=[call("tell")])
    sent = Client().post(f"/hooks/{endpoint.public_id}", json.dumps(BAD), content_type="application/json")
    assert sent.status_code == 202
    world.work()
    run = Run.objects.get(flow_id=flow.id)
    assert (run.status, run.error_code) == ("discarded", "input_blocked")
    assert not DeadLetter.objects.exists()
    assert world.gateway.paths == []
    assert breaches() == [("orders-in@1", "input", "block", "/total")]


@pytest.mark.parametrize(("mode", "status"), [("warn", "succeeded"), ("quarantine", "dead"), ("block", "dead")])
def test_output_is_checked_when_all_is_done(world: World, mode: str, status: str) -> None:
    run = world.play(promised(world, after=mode), GOOD)
    assert (run.status, run.error_code) == (status, None if status == "succeeded" else "output_schema")
    assert world.gateway.paths == ["charge"]
    assert breaches() == [("orders-in@1", "output", mode, "")]


def test_a_flow_that_calls_another_is_told_at_once_what_it_refuses(world: World) -> None:
    promised(world, before="block")
    step = {"id": "child", "flow": {"slug": "orders", "with": BAD, "wait": True}}
    run = world.play(world.flow(step, slug="caller"), GOOD)
    assert (run.status, run.error_class, run.error_code) == ("dead", "contract_violation", "subflow_input_refused")
    assert Run.objects.count() == 1
