"""Event types: owned, typed, named once, and the catalogue of who publishes and takes them."""

from collections.abc import Callable
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.contracts.event_document import mode_in
from ipaas.contracts.models import EventType
from ipaas.contracts.queries import event_judge
from ipaas.contracts.usage import event_types_with_schema
from ipaas.core.actor import Actor
from ipaas.core.document_types import document_type
from ipaas.core.errors import InvalidInput
from ipaas.governance.applying import Given, Wish, apply_documents
from ipaas.governance.ending import StillReferredTo
from ipaas.governance.services import apply_document, archive_document, deploy
from ipaas.web.event_catalogue import traffic_of
from tests.factories.flow_documents import event_type, flow, schema

NAME = "orders.order.shipped"
Give = Callable[..., Any]


@pytest.fixture
def alice(workspace: Workspace, alice: Actor) -> Actor:
    more = {"event_types.view", "event_types.edit", "event_types.publish"}
    return Actor("user", "u1", "Alice", workspace.id, alice.permissions | more)


@pytest.fixture
def give(workspace: Workspace, alice: Actor) -> Give:
    apply_document(actor=alice, workspace=workspace, content=schema())
    return lambda **changes: apply_document(actor=alice, workspace=workspace, content=event_type(**changes))


def test_a_version_pins_its_schema_and_judges_by_it(give: Give, workspace: Workspace, alice: Actor) -> None:
    version = give(examples=[{"id": "o-1"}]).version
    assert version.content["schema"] == "order@1"
    judge = event_judge(workspace.id, NAME)
    assert judge is not None
    assert (judge.reference, judge.validator.is_valid({"id": "o-1"})) == ("order-shipped@1", True)
    assert event_judge(workspace.id, "orders.other") is None
    loose = schema(schema={"type": "object"})
    apply_document(actor=alice, workspace=workspace, content=loose)
    assert not event_judge(workspace.id, NAME).validator.is_valid({})  # type: ignore[union-attr]
    assert give().version.content["schema"] == "order@2"
    assert event_judge(workspace.id, NAME).validator.is_valid({})  # type: ignore[union-attr]
    assert event_types_with_schema(workspace.id, "order") == ["order-shipped"]
    with pytest.raises(StillReferredTo, match="order is referred to by order-shipped"):
        archive_document(document=judge_schema(workspace), actor=alice, reason="old")


def judge_schema(workspace: Workspace) -> Any:
    return document_type("schema").documents.named(workspace.id, "order")


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"schema": "nothing"}, "/schema", "schema.unknown"),
        ({"schema": "order@9"}, "/schema", "schema.unknown"),
        ({"name": "Orders Shipped"}, "/name", "document.pattern"),
        ({"examples": [{}]}, "/examples/0", "event_type.example"),
        ({"mode": "quarantine"}, "/mode", "document.enum"),
        ({"producers": [{"note": "x"}]}, "/producers/0", "document.missing_key"),
        ({"slug": "another"}, "/name", "event_type.name_taken"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(give: Give, changes: dict[str, Any], path: str, code: str) -> None:
    give()
    with pytest.raises(InvalidInput) as refused:
        give(**changes)
    assert (path, code) in {(one["path"], one["code"]) for one in refused.value.errors}


def test_nobody_owning_it_and_a_domain_that_is_not_there_are_warnings(give: Give) -> None:
    given = event_type(domain="nowhere")
    del given["owner"]
    assert {one.code for one in give(domain="nowhere").findings} == {"domain.unknown"}
    found = document_type("event_type").validate({**event_type(), "owner": ""}, EventType.objects.get().workspace_id)
    assert {(one.code, one.severity) for one in found} == {("event_type.no_owner", "warning")}


def test_the_mode_is_by_environment() -> None:
    assert mode_in({}, "production") == "block"
    given = {"mode": "warn", "modes": {"production": "block"}}
    assert (mode_in(given, "production"), mode_in(given, "staging")) == ("block", "warn")


def test_the_catalogue_knows_flows_on_both_sides(workspace: Workspace, production: Environment, alice: Actor) -> None:
    tell = {"id": "tell", "emit": {"type": NAME, "data": {"emit": {"type": "no.event", "id": "x"}}}}
    sender = flow(slug="sender", steps=[tell])
    taker = flow(
        slug="taker", trigger={"event": {"type": NAME}}, steps=[{"id": "end", "stop": {"status": "succeeded"}}]
    )
    made = apply_document(actor=alice, workspace=workspace, content=sender)
    apply_document(actor=alice, workspace=workspace, content=taker)
    deploy(flow=made.document, environment=production, version=made.version, actor=alice)
    found = traffic_of(alice, workspace)
    assert {(one.flow, one.place) for one in found[NAME].producers} == {("sender", "production"), ("sender", "draft")}
    assert {(one.flow, one.place) for one in found[NAME].consumers} == {("taker", "draft")}
    nobody = Actor("user", "u2", "Nora", workspace.id, frozenset({"event_types.view"}))
    assert traffic_of(nobody, workspace) == {}


def test_files_are_applied_after_their_schemas(workspace: Workspace, alice: Actor) -> None:
    files = [Given(name="a", content=event_type()), Given(name="z", content=schema())]
    steps = apply_documents(actor=alice, workspace=workspace, documents=files, wish=Wish())
    assert [(one.kind, one.deed) for one in steps] == [("schema", "create"), ("event_type", "create")]
    again = apply_documents(actor=alice, workspace=workspace, documents=files, wish=Wish())
    assert {one.deed for one in again} == {"unchanged"}
