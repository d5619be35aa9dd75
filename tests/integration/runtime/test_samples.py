"""Samples of a mapping from runs that used it."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import NotFound, PermissionDenied
from ipaas.governance import services as governance
from ipaas.runtime import samples, showing
from ipaas.runtime.models import Payload
from ipaas.runtime.samples import captured_inputs
from ipaas.vault import services as vault
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import ok

EMAIL, SECRET = "alice@example.com", "sk-live/9f8e7d6c5b4a"
BODY = {"id": "o-1", "email": EMAIL, "country": "DE", "password": "hunter2hunter2", "note": f"of {EMAIL}: {SECRET}"}
MAPPING = {"kind": "mapping", "slug": "shape", "title": "Shape", "fields": {"to": "source.email"}}
USE = {"id": "use", "map": {"mapping": "shape"}}
RIGHTS = ("mappings.view", "runs.view")


@pytest.fixture
def shaped(world: World) -> World:
    """With a mapping, a schema that classifies the e-mail, and a secret in the vault."""
    for content in (schema(slug="order"), MAPPING):
        governance.apply_document(content=content, workspace=world.workspace, actor=SYSTEM)
    fields = {"token": SECRET}
    vault.create_secret(actor=SYSTEM, workspace=world.workspace, slug="key", fields=fields, description="")
    return world


def flow_with(world: World, *steps: dict[str, Any], slug: str = "orders") -> Any:
    return world.flow(*steps, slug=slug, input={"schema": "order@1"})


def captured(world: World, limit: int = 10, **changes: Any) -> list[samples.Sample]:
    actor = world.actor(*RIGHTS, **changes)
    return captured_inputs(actor=actor, workspace=world.workspace, mapping="shape", limit=limit)


def test_nothing_sensitive_of_a_run_is_in_its_sample(shaped: World) -> None:
    run = shaped.play(flow_with(shaped, USE), BODY)
    [sample] = captured(shaped)
    assert (sample.run_id, sample.flow, sample.step, sample.failed) == (run.id, "orders", "use", False)
    text = json.dumps(sample.scope, default=str)
    assert not [value for value in (EMAIL, SECRET, "hunter2", "alice") if value in text]
    assert sample.source["country"] == "DE"
    assert sample.source["email"].endswith(".example")
    assert sample.source["note"].startswith(f"of {sample.source['email']}: ")
    assert sample.scope["trigger"]["body"] == sample.source
    assert sample.scope["run"] == {"id": str(run.id), "flow": "orders"}


def test_the_newest_come_first_over_flows_and_versions(shaped: World) -> None:
    first = shaped.play(flow_with(shaped, USE), {**BODY, "id": "o-1"})
    changed = {**MAPPING, "fields": {"to": "source.id"}}
    governance.apply_document(content=changed, workspace=shaped.workspace, actor=SYSTEM)
    second = shaped.play(flow_with(shaped, USE, slug="others"), {**BODY, "id": "o-2"})
    other = {"id": "use", "map": {"fields": {"to": "source.id"}}}
    shaped.play(flow_with(shaped, other, slug="third"), BODY)
    assert [sample.run_id for sample in captured(shaped)] == [second.id, first.id]
    assert [sample.run_id for sample in captured(shaped, limit=1)] == [second.id]
    assert captured(shaped, limit=0) == []


def test_an_input_is_worked_out_from_made_up_values(shaped: World) -> None:
    given = {
        "id": "use",
        "map": {"mapping": "shape", "input": {"email": "{{ trigger.body.email }}", "land": "{{ vars.region }}"}},
    }
    shaped.play(flow_with(shaped, given), BODY)
    assert captured(shaped) == []  # needs a variable, which this actor may not see
    actor = shaped.actor(*RIGHTS, "settings.view")
    [sample] = captured_inputs(actor=actor, workspace=shaped.workspace, mapping="shape", limit=10)
    assert sample.source == {"email": sample.scope["trigger"]["body"]["email"], "land": "eu"}


def test_results_of_calls_and_elements_of_a_for_each_are_there(shaped: World) -> None:
    shaped.gateway.on("ask", ok({"who": EMAIL, "n": 7}))
    inside = {
        "id": "use",
        "map": {"mapping": "shape", "input": {"line": "{{ line }}", "email": "{{ steps.ask.output.who }}"}},
    }
    each = {"id": "each", "for_each": {"items": "trigger.body.lines", "as": "line", "max_items": 9, "steps": [inside]}}
    shaped.play(flow_with(shaped, call("ask"), each), {**BODY, "lines": ["a", "b", "c", "d", "e"]})
    found = captured(shaped)
    assert [sample.item for sample in found] == ["0", "1", "2"]
    assert found[1].source["line"] == "b"
    assert found[1].source["email"] == found[1].scope["trigger"]["body"]["email"]


def test_a_mapping_that_failed_gives_its_sample(shaped: World) -> None:
    shaped.play(shaped.flow(USE), {"id": "o-1"})
    [sample] = captured(shaped)
    assert sample.failed
    assert sample.source == {"id": "o-1"}


def test_who_may_not_see_runs_or_is_a_stranger_sees_nothing(shaped: World) -> None:
    flow = flow_with(shaped, USE)
    shaped.play(flow, BODY)
    for right in RIGHTS:
        with pytest.raises(PermissionDenied):
            captured_inputs(actor=shaped.actor(right), workspace=shaped.workspace, mapping="shape", limit=1)
    with pytest.raises(NotFound):
        captured(shaped, workspace_id=flow.id)


def test_data_that_is_gone_is_passed_over(shaped: World) -> None:
    flow = flow_with(shaped, USE)
    kept, gone = shaped.play(flow, {**BODY, "id": "o-1"}), shaped.play(flow, {**BODY, "id": "o-2"})
    Payload.objects.filter(run_id=gone.id).delete()
    assert [sample.run_id for sample in captured(shaped)] == [kept.id]


def test_data_with_too_much_that_is_sensitive_gives_no_sample(shaped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shaped.play(flow_with(shaped, USE), BODY)
    monkeypatch.setattr(showing, "MOST_MADE_UP", 1)
    assert captured(shaped) == []


def test_the_cost_does_not_grow_with_runs(shaped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = flow_with(shaped, USE)
    oldest = shaped.play(flow, BODY)
    flow = flow_with(shaped, {"id": "other", "map": {"fields": {"to": "source.id"}}})
    assert len(captured(shaped)) == 1
    counts = []
    for _ in range(2):
        for _ in range(3):
            shaped.start(flow, BODY)
        with CaptureQueriesContext(connection) as queries:
            assert [sample.run_id for sample in captured(shaped)] == [oldest.id]
        counts.append(len(queries))
    assert counts[0] == counts[1]
    monkeypatch.setattr(samples, "WINDOW", 4)
    assert captured(shaped) == []
