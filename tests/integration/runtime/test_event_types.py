"""Events that flows publish are held to their event types, in every environment by its mode."""

from typing import Any

import pytest

from ipaas.contracts.models import EventType
from ipaas.core.actor import SYSTEM
from ipaas.governance import services as governance
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.models import Breach, DeadLetter, Run
from tests.integration.runtime.conftest import World

NAME = "orders.order.shipped"
SCHEMA = {"type": "object", "required": ["order"], "properties": {"order": {"type": "string"}}}
EMIT = {"id": "tell", "emit": {"type": NAME, "data": {"order": "{{ trigger.body.id }}"}}}


def apply(world: World, **content: Any) -> Any:
    return governance.apply_document(content=content, workspace=world.workspace, actor=SYSTEM)


@pytest.fixture
def typed(world: World) -> World:
    apply(world, kind="schema", slug="shipment", title="Shipment", schema=SCHEMA)
    typed_as(world)
    return world


def typed_as(world: World, **more: Any) -> None:
    apply(world, kind="event_type", slug="order-shipped", title="Shipped", name=NAME, schema="shipment", **more)


def test_what_breaks_the_type_is_not_published_and_waits_for_correction(typed: World) -> None:
    flow = typed.flow(EMIT, slug="orders")
    assert typed.play(flow, {"id": "o-1"}).status == Run.Status.SUCCEEDED
    run = typed.play(flow, {"id": 7})
    assert (run.error_class, run.error_code) == ("contract_violation", "event_schema")
    assert run.status != Run.Status.SUCCEEDED
    assert run.error_message.startswith("event:order-shipped@1: /order: ")
    assert DeadLetter.objects.get().run_id == run.id
    assert OutboxEvent.objects.filter(type=NAME).count() == 1
    breach = Breach.objects.get()
    assert (breach.contract, breach.edge, breach.mode) == ("event:order-shipped@1", "event:tell", "block")


def test_a_mode_lets_it_pass_and_tells(typed: World) -> None:
    typed_as(typed, modes={typed.environment.slug: "warn"})
    run = typed.play(typed.flow(EMIT, slug="orders"), {"id": 7})
    assert run.status == Run.Status.SUCCEEDED
    assert OutboxEvent.objects.filter(type=NAME).count() == 1
    assert Breach.objects.get().mode == "warn"


def test_an_event_that_nobody_has_typed_and_one_of_an_archived_type_pass(typed: World) -> None:
    other = {"id": "tell", "emit": {"type": "orders.other", "data": 5}}
    assert typed.play(typed.flow(other, slug="others"), {"id": 7}).status == Run.Status.SUCCEEDED
    governance.archive_document(document=EventType.objects.get(), actor=SYSTEM, reason="over")
    assert typed.play(typed.flow(EMIT, slug="orders"), {"id": 7}).status == Run.Status.SUCCEEDED
