"""Schemas that refer to each other: bundled at publish, held while others refer to them, applied in order."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from ipaas.accounts.models import Workspace
from ipaas.contracts.models import RegisteredSchema, Schema, SchemaVersion
from ipaas.contracts.queries import validator_for
from ipaas.contracts.services import accept_break
from ipaas.contracts.usage import schemas_with_schema
from ipaas.core.actor import Actor
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.governance.applying import Given, Wish, apply_documents, plan_documents
from ipaas.governance.ending import StillReferredTo, deprecate_version, retire_version
from ipaas.governance.services import apply_document, archive_document, publish
from tests.factories.flow_documents import flow

Give = Callable[..., Any]
ADDRESS = {"type": "object", "properties": {"zip": {"type": "string", "maxLength": 5, "x-sensitive": "personal"}}}
LOOSER = {"type": "object", "properties": {"zip": {"type": "string", "maxLength": 9, "x-sensitive": "personal"}}}
ORDER = {"type": "object", "properties": {"id": {"type": "string"}, "ship_to": {"$ref": "address"}}}


@pytest.fixture
def give(workspace: Workspace, alice: Actor) -> Give:
    def apply(slug: str, schema: Any, **more: Any) -> Any:
        content = {"kind": "schema", "slug": slug, "title": slug, "schema": schema, **more}
        return apply_document(actor=alice, workspace=workspace, content=content).version

    return apply


def zip_of(version: SchemaVersion, text: str) -> bool:
    return validator_for(version.id).is_valid({"ship_to": {"zip": text}})


def test_a_version_keeps_what_it_was_published_with(give: Give) -> None:
    give("address", ADDRESS)
    first = give("order", ORDER, examples=[{"ship_to": {"zip": "10115"}}])
    assert first.content["schema"]["properties"]["ship_to"] == {"$ref": "address@1"}
    stored = SchemaVersion.objects.get(id=first.id)
    assert stored.whole["$defs"]["address@1"] == ADDRESS
    assert dict(validator_for(first.id).sensitive) == {"ship_to.zip": "personal"}
    give("address", LOOSER)
    assert (zip_of(first, "10115"), zip_of(first, "101150000")) == (True, False)
    second = give("order", ORDER)
    assert (second.number, second.content["schema"]["properties"]["ship_to"]) == (2, {"$ref": "address@2"})
    assert zip_of(second, "101150000")
    assert give("order", ORDER).id == second.id
    assert RegisteredSchema.objects.count() == 4
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contracts_schemaversion SET bundle = '{}' WHERE id = %s", [first.id])


def test_examples_are_checked_against_all_of_it(give: Give) -> None:
    give("address", ADDRESS)
    with pytest.raises(InvalidInput) as refused:
        give("order", ORDER, examples=[{"ship_to": {"zip": "123456"}}])
    (error,) = refused.value.errors
    assert (error["path"], error["code"]) == ("/examples/0/ship_to/zip", "schema.example")


def test_what_changes_behind_a_reference_is_checked_as_if_it_stood_there(
    give: Give, workspace: Workspace, alice: Actor
) -> None:
    give("address", LOOSER, compatibility="none")
    give("order", ORDER)
    give("address", ADDRESS, compatibility="none")
    with pytest.raises(InvalidInput) as refused:
        give("order", ORDER)
    (error,) = refused.value.errors
    assert error["code"] == "schema.incompatible"
    assert error["message"].startswith("ship_to.zip: ")
    steward = Actor("user", "u2", "Stella", workspace.id, alice.permissions | {"schemas.override"})
    content = {"kind": "schema", "slug": "order", "title": "order", "schema": ORDER}
    apply_document(actor=alice, workspace=workspace, content=content, publish_it=False)
    order = Schema.objects.get(slug="order")
    accept_break(schema=order, actor=steward, reason="nobody sends long ones")
    give("address", {**ADDRESS, "maxProperties": 1})
    with pytest.raises(InvalidInput):  # what was accepted is not what it refers to now
        publish(document_type="schema", document=order, actor=alice)


def test_a_circle_is_refused_with_its_way(give: Give) -> None:
    give("address", ADDRESS)
    give("order", ORDER)
    with pytest.raises(InvalidInput, match="schemas go in a circle: address → order@1 → address@1") as refused:
        give("address", {**ADDRESS, "properties": {"last": {"$ref": "order"}}})
    assert refused.value.errors[0]["code"] == "schema.circle"


def test_what_others_refer_to_is_neither_retired_nor_archived(give: Give, workspace: Workspace, alice: Actor) -> None:
    address = give("address", ADDRESS)
    give("order", ORDER)
    newer = give("address", LOOSER)
    with pytest.raises(StillReferredTo, match=r"address@1 is referred to by order@1"):
        retire_version(version=address, actor=alice, reason="old")
    with pytest.raises(StillReferredTo, match=r"address is referred to by order@1"):
        archive_document(document=address.document, actor=alice, reason="old")
    deprecate_version(version=address, actor=alice, reason="old")
    assert schemas_with_schema(workspace.id, "address") == ["order"]
    give("order", ORDER)
    with pytest.raises(StillReferredTo, match=r"address@1 is referred to by order@1\."):
        retire_version(version=address, actor=alice, reason="old")
    retire_version(version=SchemaVersion.objects.get(document__slug="order", number=1), actor=alice, reason="old")
    retire_version(version=address, actor=alice, reason="old")
    archive_document(document=Schema.objects.get(slug="order"), actor=alice, reason="old")
    archive_document(document=newer.document, actor=alice, reason="old")


def test_a_flow_may_hold_a_schema_that_refers_to_another(give: Give, workspace: Workspace, alice: Actor) -> None:
    give("address", ADDRESS)
    made = apply_document(actor=alice, workspace=workspace, content=flow(input={"schema": ORDER})).version
    part = SchemaVersion.objects.get(document__slug="orders--input")
    assert made.content["input"]["schema"] == "orders--input@1"
    assert part.content["schema"]["properties"]["ship_to"] == {"$ref": "address@1"}
    assert not zip_of(part, "123456")
    with pytest.raises(InvalidInput) as refused:
        apply_document(actor=alice, workspace=workspace, content=flow(input={"schema": {"items": {"$ref": "nobody"}}}))
    assert refused.value.errors[0]["path"] == "/input/schema/items/$ref"


def documents() -> list[Given]:
    """Named so that neither the order of names nor that of the list is right."""
    rows = [
        ("a", {"items": {"$ref": "m"}}, {}),
        ("m", {"$ref": "zip.json"}, {"references": {"zip.json": "z"}}),
        ("z", {}, {}),
    ]
    return [
        Given(name=slug, content={"kind": "schema", "slug": slug, "title": slug, "schema": schema, **more})
        for slug, schema, more in rows
    ]


def test_many_are_applied_in_the_order_of_what_they_refer_to(workspace: Workspace, alice: Actor) -> None:
    assert [
        one.deed for one in plan_documents(actor=alice, workspace=workspace, documents=documents(), wish=Wish())
    ] == ["create"] * 3
    steps = apply_documents(actor=alice, workspace=workspace, documents=documents(), wish=Wish())
    assert [(one.slug, one.version) for one in steps] == [("z", 1), ("m", 1), ("a", 1)]
    again = apply_documents(actor=alice, workspace=workspace, documents=documents(), wish=Wish())
    assert {one.deed for one in again} == {"unchanged"}
    emptied = apply_documents(actor=alice, workspace=workspace, documents=[], wish=Wish(prune=True))
    assert [(one.slug, one.deed) for one in emptied] == [("a", "archive"), ("m", "archive"), ("z", "archive")]


def test_a_circle_among_files_is_told_and_stores_nothing(workspace: Workspace, alice: Actor) -> None:
    files = [
        Given(name=one, content={"kind": "schema", "slug": one, "title": one, "schema": {"$ref": other}})
        for one, other in (("a", "b"), ("b", "a"))
    ]
    with pytest.raises(InvalidInput, match="there is no published schema"):
        apply_documents(actor=alice, workspace=workspace, documents=files, wish=Wish())
    assert Schema.objects.count() == 0


def test_another_workspace_has_schemas_of_its_own(
    give: Give, other_workspace: Workspace, actor_of: Callable[..., Actor]
) -> None:
    give("address", ADDRESS)
    content = {"kind": "schema", "slug": "order", "title": "order", "schema": ORDER}
    with pytest.raises((InvalidInput, Conflict), match="no published schema 'address'"):
        apply_document(actor=actor_of(other_workspace), workspace=other_workspace, content=content)
