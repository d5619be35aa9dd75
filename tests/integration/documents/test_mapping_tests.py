"""Tests of a mapping's draft: adding, changing and generating them, and what they keep from being published."""

from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.governance import services as governance
from ipaas.mapping.case_making import accepting, adding, generating, removing, replacing
from ipaas.mapping.case_services import change_tests
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.resolving import resolver_of
from ipaas.mapping.services import save_draft

SCHEMA = {
    "kind": "schema", "slug": "order", "title": "Order",
    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "n": {"type": "number"}}},
}  # fmt: skip
TEXT = """\
kind: mapping  # ours
slug: shape
title: Shape
source_schema: order
fields:
  id: source.id # as it is
  n: {expr: source.n, default: 0}
tests:
- name: one   # the first
  input: {id: "1"}
  expect: {id: "1", n: 0}
# the end
"""
CASE = {"name": "two", "input": {"id": "2", "n": 2}, "expect": {"id": "2", "n": 2}}


@pytest.fixture
def acme(db: None) -> Workspace:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    governance.apply_document(content=SCHEMA, workspace=workspace, actor=SYSTEM)
    save_draft(actor=SYSTEM, workspace=workspace, text=TEXT)
    return workspace


def actor(workspace: Workspace, *permissions: str) -> Actor:
    return Actor("user", "u1", "alice@example.com", workspace.id, frozenset(permissions))


def names(mapping: Mapping) -> list[str]:
    return [case["name"] for case in (mapping.draft or {}).get("tests", [])]


def add(workspace: Workspace, *cases: dict[str, Any], by: Actor = SYSTEM) -> Mapping:
    return change_tests(actor=by, workspace=workspace, slug="shape", change=adding(cases))


def test_cases_are_added_and_everything_else_of_the_text_stays(acme: Workspace) -> None:
    mapping = add(acme, CASE, {**CASE, "name": "one", "tolerance": {"/n": 0.01}}, CASE, by=actor(acme, "mappings.edit"))
    assert names(mapping) == ["one", "two", "one 2", "two 2"]
    assert mapping.draft_revision == 2
    assert "kind: mapping  # ours\n" in mapping.draft_text
    assert "id: source.id # as it is\n" in mapping.draft_text
    assert mapping.draft_text.endswith("# the end\n")
    assert AuditEntry.objects.filter(action="mapping.draft_saved", actor_label="alice@example.com").exists()


def test_two_people_who_add_at_once_both_add(acme: Workspace) -> None:
    add(acme, CASE)
    assert names(add(acme, {**CASE, "name": "three"})) == ["one", "two", "three"]


def test_cases_are_replaced_removed_and_accepted(acme: Workspace) -> None:
    add(acme, {**CASE, "expect": {"id": "wrong"}})
    wish: dict[str, Any] = {"actor": SYSTEM, "workspace": acme, "slug": "shape"}
    resolve = resolver_of(acme.id)
    accepted = change_tests(**wish, change=accepting(["two"], resolve))
    assert (accepted.draft or {})["tests"][1]["expect"] == {"id": "2", "n": 2}
    assert names(change_tests(**wish, change=replacing("two", {**CASE, "name": "zwei"}))) == ["one", "zwei"]
    assert names(change_tests(**wish, change=removing(["one", "zwei"]))) == []
    assert "tests" not in Mapping.objects.get().draft_text
    assert names(change_tests(**wish, change=adding([]))) == []
    for change in (accepting(["nobody"], resolve), removing(["nobody"]), replacing("nobody", CASE)):
        with pytest.raises(NotFound):
            change_tests(**wish, change=change)


def test_cases_are_generated_from_the_schema_once(acme: Workspace) -> None:
    wish: dict[str, Any] = {"actor": SYSTEM, "workspace": acme, "slug": "shape"}
    wish["change"] = generating(resolver_of(acme.id))
    made = change_tests(**wish)
    assert names(made)[:3] == ["one", "only what is required", "everything"]
    assert {"id: the shortest text", "n: zero", "n: below zero"} <= set(names(made))
    assert names(change_tests(**wish)) == names(made)


def test_what_is_no_case_is_refused_with_its_place(acme: Workspace) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(acme, {"name": "x", "input": 1, "expcet": 1})
    assert refused.value.errors[0]["path"] == "/tests/1/expcet"
    with pytest.raises(InvalidInput):
        add(acme, {"name": "x", "input": "y" * 1_000_001})
    assert names(Mapping.objects.get()) == ["one"]


def test_rights_strangers_and_documents_without_a_draft(acme: Workspace) -> None:
    with pytest.raises(PermissionDenied):
        add(acme, CASE, by=actor(acme, "mappings.view"))
    stranger = Workspace.objects.create(slug="other", name="Other")
    with pytest.raises(NotFound):
        add(acme, CASE, by=actor(stranger, "mappings.edit"))
    with pytest.raises(NotFound):
        add(stranger, CASE)
    Mapping.objects.update(draft=None, draft_text="")
    with pytest.raises(Conflict):
        add(acme, CASE)


def test_names_with_markup_and_odd_values_are_only_text(acme: Workspace) -> None:
    odd = {"name": "<script>alert(1)</script> {{ 7*7 }} # - :", "input": {"id": "a: b # c\n - d\u2028"}}
    mapping = add(acme, odd)
    assert (mapping.draft or {})["tests"][1] == odd
    assert Mapping.objects.get().draft == mapping.draft


def test_a_failing_test_keeps_the_draft_from_being_published(acme: Workspace) -> None:
    mapping = add(acme, {**CASE, "expect": {"id": "wrong", "n": 2}})
    with pytest.raises(InvalidInput) as refused:
        governance.publish(document_type="mapping", document=mapping, actor=SYSTEM, note="")
    assert refused.value.errors[0]["code"] == "mapping.test_failed"
    assert "/tests/1" in refused.value.errors[0]["path"]
    assert 'expected "wrong", got "2"' in refused.value.errors[0]["message"]
    assert not MappingVersion.objects.exists()


def test_tests_are_no_part_of_what_runs(acme: Workspace) -> None:
    first = governance.publish(document_type="mapping", document=Mapping.objects.get(), actor=SYSTEM, note="")
    assert "tests" not in first.content
    again = governance.publish(document_type="mapping", document=add(acme, CASE), actor=SYSTEM, note="")
    assert again.number == first.number == 1
