"""Data that moves away from the schema of a mapping's source, found beside the runs."""

import json
from typing import Any
from uuid import uuid4

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import Conflict, NotFound, PermissionDenied
from ipaas.governance import services as governance
from ipaas.mapping.models import Mapping
from ipaas.notices import apps as notices
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime import drift
from ipaas.runtime.drift_models import MappingDrift
from tests.integration.runtime.conftest import World

ORDER = {
    "kind": "schema", "slug": "shop-order", "title": "Order",
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "status": {"enum": ["paid", "open"]},
            "tier": {"enum": ["gold", "none"], "x-sensitive": "personal"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        },
    },
}  # fmt: skip
MAPPING = {
    "kind": "mapping",
    "slug": "shape",
    "title": "Shape",
    "source_schema": "shop-order",
    "fields": {"id": "source.id"},
}
GOOD = {"id": "o-1", "status": "paid", "tier": "gold", "lines": [{"n": 1}]}


@pytest.fixture
def flow(world: World) -> Any:
    for content in (ORDER, MAPPING):
        governance.apply_document(content=content, workspace=world.workspace, actor=SYSTEM)
    use = {"id": "use", "map": {"mapping": "shape"}}
    lax = {
        **ORDER,
        "slug": "any-order",
        "schema": {"properties": {"tier": {"type": "string", "x-sensitive": "personal"}}},
    }
    governance.apply_document(content=lax, workspace=world.workspace, actor=SYSTEM)
    return world.flow(use, input={"schema": "any-order"})


def found() -> list[tuple[str, str, str, int]]:
    return [(row.kind, row.path, row.what, row.count) for row in MappingDrift.objects.order_by("path")]


def test_good_data_and_made_up_choices_are_no_drift(world: World, flow: Any) -> None:
    world.play(flow, GOOD)
    assert drift.find_drift() == 0
    assert found() == []


def test_each_kind_is_found_once_and_counted(world: World, flow: Any) -> None:
    world.play(flow, {**GOOD, "coupon": "x", "status": "void", "lines": [{"n": "1"}, {"n": "2"}]})
    assert drift.find_drift() == 3
    world.play(flow, {**GOOD, "coupon": "y"})
    assert drift.find_drift() == 0
    assert drift.find_drift() == 0
    assert found() == [
        ("unknown_field", "/coupon", "string", 2),
        ("other_type", "/lines/*/n", "string", 1),
        ("new_value", "/status", "void", 1),
    ]
    row = MappingDrift.objects.get(path="/coupon")
    assert (row.flow, row.step, row.schema, row.mapping) == (flow.slug, "use", "shop-order@1", "shape")
    assert row.first_seen_at < row.last_seen_at
    assert row.sample["source"]["coupon"] == "x"


def test_nothing_sensitive_is_kept_with_it(world: World, flow: Any) -> None:
    world.play(flow, {**GOOD, "tier": "platinum", "password": "hunter2hunter2"})
    drift.find_drift()
    text = json.dumps(list(MappingDrift.objects.values("path", "what", "sample")))
    assert "platinum" not in text
    assert "hunter2" not in text
    assert [row[1] for row in found()] == ["/password"]


def test_refused_inputs_count_too(world: World, flow: Any) -> None:
    strict = {**ORDER["schema"], "additionalProperties": False}  # type: ignore[dict-item]
    governance.apply_document(
        content={**ORDER, "slug": "strict", "schema": strict}, workspace=world.workspace, actor=SYSTEM
    )
    flow = world.flow({"id": "use", "map": {"mapping": "shape"}}, slug="strict-orders", input={"schema": "strict"})
    run = world.play(flow, {**GOOD, "coupon": "x"})
    assert run.error_code == "input_schema"
    assert drift.find_drift() == 1
    assert found()[0][1] == "/coupon"


def test_it_is_told_where_somebody_listens(world: World, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.play(flow, {**GOOD, "coupon": "x"})
    monkeypatch.setattr("ipaas.outbox.emitting.providers.get", lambda _: lambda _workspace: {drift.EVENT})
    drift.find_drift()
    event = OutboxEvent.objects.get(type=drift.EVENT)
    assert event.data == {
        "mapping": "shape", "schema": "shop-order@1", "path": "/coupon", "kind": "unknown_field", "what": "string",
    }  # fmt: skip


def test_it_becomes_a_test_or_is_ignored(world: World, flow: Any) -> None:
    world.play(flow, {**GOOD, "coupon": "x", "status": "void"})
    drift.find_drift()
    mapping = Mapping.objects.get(slug="shape")
    alice = world.actor("mappings.edit", "runs.view")
    coupon, status = sorted(drift.open_drift(alice, mapping), key=lambda row: row.path)
    assert drift.words_of(coupon) == "/coupon comes with the data, and the schema does not name it (string)"
    drift.ignore_drift(actor=alice, mapping=mapping, drift=coupon)
    changed = drift.test_drift(actor=alice, workspace=world.workspace, mapping=mapping, drift=status)
    [case] = (changed.draft or {})["tests"]
    assert (case["name"], case["input"]["status"], case["expect"]) == ("drift: /status void", "void", {"id": "o-1"})
    assert drift.open_drift(alice, mapping) == []
    with pytest.raises(NotFound):
        drift.drift_named(alice, mapping, coupon.id)
    world.play(flow, {**GOOD, "coupon": "z"})
    assert drift.find_drift() == 0
    assert MappingDrift.objects.get(path="/coupon").count == 2


def test_rights_and_strangers(world: World, flow: Any) -> None:
    world.play(flow, {**GOOD, "coupon": "x"})
    drift.find_drift()
    mapping = Mapping.objects.get(slug="shape")
    row = MappingDrift.objects.get()
    assert drift.open_drift(world.actor("mappings.view"), mapping) == []
    with pytest.raises(PermissionDenied):
        drift.ignore_drift(actor=world.actor("mappings.view"), mapping=mapping, drift=row)
    with pytest.raises(NotFound):
        drift.ignore_drift(actor=world.actor("mappings.edit", workspace_id=uuid4()), mapping=mapping, drift=row)
    row.sample = None
    with pytest.raises(Conflict):
        drift.test_drift(actor=SYSTEM, workspace=world.workspace, mapping=mapping, drift=row)


def test_there_is_an_end_to_what_is_told(world: World, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOST_OPEN", 2)
    world.play(flow, {**GOOD, **{f"k{number}": 1 for number in range(9)}})
    assert drift.find_drift() == 2


def test_the_scheduler_looks_for_it_beside_its_other_duties() -> None:
    beside = [duty for _, duty in notices.duties() if drift.find_drift in getattr(duty, "duties", ())]
    assert len(beside) == 1
