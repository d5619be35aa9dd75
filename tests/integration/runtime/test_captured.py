"""A first schema from what runs got and gave: nothing sensitive in it, what is masked known as such."""

import pytest

from ipaas.contracts.inference import infer
from ipaas.contracts.validators import compile_schema
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput, NotFound, PermissionDenied
from ipaas.governance import services as governance
from ipaas.runtime.captured import captured_values
from ipaas.runtime.models import Payload
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World

EMAIL = "alice@example.com"
RIGHTS = ("flows.view", "runs.view")
USE = {"id": "use", "map": {"fields": {"to": "trigger.body.email", "lines": "[1]"}}}


@pytest.fixture
def played(world: World) -> World:
    classified = {"type": "object", "properties": {"email": {"x-sensitive": "contact"}, "code": {"x-sensitive": "key"}}}
    governance.apply_document(content=schema(slug="order", schema=classified), workspace=world.workspace, actor=SYSTEM)
    flow = world.flow(USE, slug="orders", input={"schema": "order@1"})
    for number in range(12):
        world.play(flow, {"id": f"o-{number}", "email": EMAIL, "code": "abcd", "kind": "a"})
    return world


def test_what_a_flow_got_makes_a_schema_with_the_classes_that_runs_know(played: World) -> None:
    found = captured_values(actor=played.actor(*RIGHTS), workspace=played.workspace, flow="orders", limit=10)
    assert len(found.values) == 10
    assert EMAIL not in str(found.values)
    assert "abcd" not in str(found.values)
    made = infer(found.values, found.classes)
    assert {(one.place, one.label, one.why) for one in made.guesses} == {
        ("email", "contact", "runs mask it already"),
        ("code", "key", "runs mask it already"),
    }
    whole = made.with_classes(one.path for one in made.guesses)
    assert "enum" not in whole["properties"]["code"]
    assert whole["properties"]["kind"] == {"type": "string", "enum": ["a"]}
    assert compile_schema(whole).is_valid({"id": "o-1", "email": EMAIL, "code": "abcd", "kind": "a"})


def test_what_a_step_gave_makes_one_too(played: World) -> None:
    found = captured_values(actor=played.actor(*RIGHTS), workspace=played.workspace, flow="orders", step="use")
    assert {"to", "lines"} == set(found.values[0])
    assert EMAIL not in str(found.values)


def test_who_may_not_see_runs_gets_none_and_nothing_is_said_plainly(played: World) -> None:
    workspace = played.workspace
    for rights in (("flows.view",), ("runs.view",)):
        with pytest.raises(PermissionDenied):
            captured_values(actor=played.actor(*rights), workspace=workspace, flow="orders")
    actor = played.actor(*RIGHTS)
    with pytest.raises(NotFound):
        captured_values(actor=actor, workspace=workspace, flow="nothing")
    with pytest.raises(InvalidInput, match="no run of orders keeps what the step nowhere gave"):
        captured_values(actor=actor, workspace=workspace, flow="orders", step="nowhere")
    Payload.objects.all().delete()
    with pytest.raises(InvalidInput, match="no run of orders keeps what it was started with"):
        captured_values(actor=actor, workspace=workspace, flow="orders")
