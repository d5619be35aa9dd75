import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.contracts.queries import validator_for
from ipaas.core import document_types
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.document_forms import Finding, content_sha256
from ipaas.core.document_types import Check, CheckResult, document_type
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.flows.examples import ORDER_DOCUMENTS, example_text
from ipaas.flows.models import Flow, FlowVersion
from ipaas.flows.plan import MapBlock, ValidateBlock
from ipaas.flows.queries import plan_for
from ipaas.flows.yaml_form import to_yaml, written
from ipaas.governance import services
from ipaas.mapping.models import Mapping, MappingVersion
from ipaas.mapping.services import save_draft as save_mapping
from tests.factories.flow_documents import call, flow, function, lookup, mapping, schema

INLINE = [
    {"id": "check", "validate": {"schema": {"type": "object", "required": ["id"]}}},
    {
        "id": "each",
        "for_each": {
            "items": "trigger.body.lines",
            "as": "line",
            "steps": [{"id": "row", "map": {"fields": {"order": "trigger.body.id", "sku": "line.sku"}}}],
        },
    },
]


def apply(actor: Actor, workspace: Workspace, **given: object) -> services.Applied:
    return services.apply_document(actor=actor, workspace=workspace, **given)  # type: ignore[arg-type]


def test_the_documents_of_the_demo_are_published_and_compiled(workspace: Workspace, alice: Actor) -> None:
    applied = [apply(alice, workspace, text=example_text(name)) for name in ORDER_DOCUMENTS]
    plan = plan_for(applied[-1].version.id)
    assert [block.id for block in plan.steps] == [
        "check", "order", "charge", "reserve", "ship", "confirm", "row", "store", "fulfil",
    ]  # fmt: skip
    assert plan.redaction["trigger.body.order.customer.email"] == "personal"
    example = applied[0].version.content["examples"][0]
    order = plan.blocks["order"]
    assert isinstance(order, MapBlock)
    target = order.mapping.apply(example, {})
    assert target["lines"] == [{"sku": "MUG-350-BLU", "quantity": 2}]
    assert (target["weight_g"], target["customer"]["name"]) == (820, "Anna Adler")
    assert plan_for(applied[-1].version.id) is plan


def test_publishing_again_without_a_change_gives_the_same_version(workspace: Workspace, alice: Actor) -> None:
    first = apply(alice, workspace, content=flow()).version
    again = apply(alice, workspace, content=flow()).version
    changed = apply(alice, workspace, content=flow(title="Changed")).version
    assert (first.number, again.id, changed.number) == (1, first.id, 2)


def test_the_stored_content_has_the_stored_hash(workspace: Workspace, alice: Actor) -> None:
    fields = {"a": {"value": 0.1}, "b": {"value": 1e-7}, "c": {"value": 2.0}, "d": {"value": "ä"}}
    apply(alice, workspace, content=mapping(fields=fields))
    version = MappingVersion.objects.get()
    assert content_sha256(version.content) == version.sha256


def test_what_is_not_valid_is_not_published_and_every_finding_named(workspace: Workspace, alice: Actor) -> None:
    text = "kind: mapping\nslug: bad\ntitle: Bad\nfields:\n  a: source.x\n  b: nope.y\n  c: 5\n"
    with pytest.raises(InvalidInput) as caught:
        apply(alice, workspace, text=text)
    assert [(error["path"], error["line"]) for error in caught.value.errors] == [("/fields/c", 7)]
    assert not Mapping.objects.exists()


@pytest.mark.parametrize("model", [FlowVersion, MappingVersion, SchemaVersion])
def test_a_published_version_can_not_be_changed(workspace: Workspace, alice: Actor, model: type) -> None:
    for content in (schema(), mapping(), flow()):
        apply(alice, workspace, content=content)
    for change in ({"content": {}}, {"sha256": "0" * 64}, {"number": 9}):
        with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            model.objects.update(**change)  # type: ignore[attr-defined]
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        model.objects.all().delete()  # type: ignore[attr-defined]
    assert model.objects.update(state="deprecated") == 1  # type: ignore[attr-defined]


def test_inline_parts_become_documents_of_their_own(workspace: Workspace, alice: Actor) -> None:
    version = apply(alice, workspace, content=flow(steps=INLINE)).version
    assert version.content["steps"][0]["validate"]["schema"] == "orders--check@1"
    row = version.content["steps"][1]["for_each"]["steps"][0]["map"]
    assert row == {"mapping": "orders--row@1"}
    assert Mapping.objects.get().derived_from == Schema.objects.get().derived_from == "flow:orders"
    assert Flow.objects.get().draft["steps"] == INLINE
    check, each = plan_for(version.id).steps
    assert isinstance(check, ValidateBlock)
    assert check.validator is validator_for(SchemaVersion.objects.get().id)
    inner = each.children[0]
    assert isinstance(inner, MapBlock)
    scope = {"trigger": {"body": {"id": 1}}, "line": {"sku": "a"}}
    assert inner.mapping.apply(scope["trigger"]["body"], scope) == {"order": 1, "sku": "a"}


def test_inline_parts_get_a_version_only_when_they_change(workspace: Workspace, alice: Actor) -> None:
    apply(alice, workspace, content=flow(steps=INLINE))
    apply(alice, workspace, content=flow(steps=[*INLINE, call("ship")]))
    assert MappingVersion.objects.count() == SchemaVersion.objects.count() == 1
    assert FlowVersion.objects.count() == 2


def test_an_inline_mapping_names_lookups_and_functions_and_pins_them(workspace: Workspace, alice: Actor) -> None:
    for content in (lookup(), function()):
        apply(SYSTEM, workspace, content=content)
    named = {"lookups": {"vat": "vat-rates"}, "functions": {"gross": "gross"}}
    spec = {**named, "fields": {"total": "gross(source.net, lookup('vat', source.code).rate)"}}
    version = apply(alice, workspace, content=flow(steps=[{"id": "row", "map": spec}])).version

    row = MappingVersion.objects.get().content
    assert (row["lookups"], row["functions"]) == ({"vat": "vat-rates@1"}, {"gross": "gross@1"})
    assert written(version).content["steps"][0]["map"] == {
        **spec,
        "lookups": row["lookups"],
        "functions": row["functions"],
    }
    block = plan_for(version.id).steps[0]
    assert isinstance(block, MapBlock)
    assert block.mapping.apply({"net": 100, "code": "DE"}, {"source": {"net": 100, "code": "DE"}}) == {"total": 119}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"lookups": {"vat": "nowhere"}, "fields": {"a": "lookup('vat', 1)"}}, "/steps/0/map/lookups/vat"),
        ({"functions": {"upper": "gross"}, "fields": {"a": "upper('a')"}}, "/steps/0/map/functions/upper"),
        ({"fields": {"a": "lookup('vat', 1)"}}, "/steps/0/map/fields/a"),
        ({"lookups": {"vat": "vat-rates"}, "mapping": "order-row"}, "/steps/0/map"),
        ({"lookups": ["vat"], "fields": {"a": "source.a"}}, "/steps/0/map/lookups"),
    ],
)
def test_what_an_inline_mapping_names_wrongly_is_said_at_its_place(
    workspace: Workspace, alice: Actor, spec: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        apply(alice, workspace, content=flow(steps=[{"id": "row", "map": spec}]))
    assert [one["path"] for one in caught.value.errors] == [path]


def test_an_inline_part_is_changed_in_its_flow_only(workspace: Workspace, alice: Actor) -> None:
    apply(alice, workspace, content=flow(steps=INLINE))
    with pytest.raises(Conflict, match="part of flow:orders"):
        save_mapping(actor=alice, workspace=workspace, content=mapping(slug="orders--row"))


def test_an_inline_part_never_takes_over_a_document(workspace: Workspace, alice: Actor) -> None:
    apply(alice, workspace, content=mapping(slug="orders--row"))
    with pytest.raises(Conflict, match="exists already"):
        apply(alice, workspace, content=flow(steps=INLINE))
    assert not Flow.objects.exists()
    assert not Schema.objects.exists()


def test_references_without_a_number_are_pinned_to_the_newest(workspace: Workspace, alice: Actor) -> None:
    apply(alice, workspace, content=schema())
    apply(alice, workspace, content=schema(title="Second"))
    steps = [{"id": "check", "validate": {"schema": "order"}}]
    version = apply(alice, workspace, content=flow(steps=steps, input={"schema": "order@1"})).version
    assert version.content["steps"][0]["validate"]["schema"] == "order@2"
    assert version.content["input"]["schema"] == "order@1"


def test_references_do_not_cross_workspaces(
    workspace: Workspace, other_workspace: Workspace, alice: Actor, charlie: Actor
) -> None:
    apply(charlie, other_workspace, content=schema())
    with pytest.raises(InvalidInput) as caught:
        apply(alice, workspace, content=flow(input={"schema": "order@1"}))
    assert caught.value.errors[0]["code"] == "flow.unknown_schema"


def test_only_those_who_may_publish_do(workspace: Workspace, alice: Actor, bob: Actor, charlie: Actor) -> None:
    document = apply(alice, workspace, content=flow(), publish_it=False).document
    with pytest.raises(PermissionDenied):
        services.publish(document_type="flow", document=document, actor=bob)
    with pytest.raises(NotFound):
        services.publish(document_type="flow", document=document, actor=charlie)
    assert services.publish(document_type="flow", document=document, actor=alice, expected_revision=1).number == 1


def test_a_draft_that_moved_on_is_not_published_unseen(workspace: Workspace, alice: Actor) -> None:
    document = apply(alice, workspace, content=flow(), publish_it=False).document
    apply(alice, workspace, content=flow(title="Other"), publish_it=False)
    with pytest.raises(Conflict, match="revision 2"):
        services.publish(document_type="flow", document=document, actor=alice, expected_revision=1)


@pytest.mark.parametrize(
    "content", [{}, {"kind": 5}, {"kind": "poem"}, {"kind": "flow"}, [], "x", {"kind": "flow", "slug": []}]
)
def test_what_is_no_document_is_invalid_input(workspace: Workspace, alice: Actor, content: object) -> None:
    with pytest.raises(InvalidInput):
        apply(alice, workspace, content=content)


def test_checking_stores_nothing(workspace: Workspace, bob: Actor) -> None:
    findings = services.check_document(actor=bob, workspace=workspace, content=flow(owner=""))
    assert [finding.code for finding in findings] == ["lint.owner"]
    assert not Flow.objects.exists()


def test_archived_documents_refuse_changes_until_restored(workspace: Workspace, alice: Actor) -> None:
    document = apply(alice, workspace, content=flow()).document
    services.archive_document(document=document, actor=alice, reason="old")
    with pytest.raises(Conflict, match="archived"):
        apply(alice, workspace, content=flow(title="New"))
    services.restore_document(document=document, actor=alice)
    assert apply(alice, workspace, content=flow(title="New")).version.number == 2


def test_export_gives_one_file_for_each_document(workspace: Workspace, alice: Actor) -> None:
    for content in (schema(), mapping(), flow(steps=INLINE)):
        applied = apply(alice, workspace, content=content)
        for row in (applied.document, applied.version):
            assert apply(alice, workspace, text=written(row).text).version.number == 1


@pytest.mark.parametrize("content", [schema(), mapping(), flow(steps=INLINE)])
def test_a_text_comes_back_as_it_was_written(workspace: Workspace, alice: Actor, content: dict[str, Any]) -> None:
    text = "# Why it is so.\n" + "".join(
        f"{key}: {json.dumps(content[key])}  # as agreed\n" for key in reversed(content)
    )
    applied = apply(alice, workspace, text=text)
    assert written(applied.document).text == text
    assert written(applied.version).text == text


def test_a_version_keeps_its_text_and_another_comment_makes_no_version(workspace: Workspace, alice: Actor) -> None:
    first = "# one\n" + to_yaml(flow())
    apply(alice, workspace, text=first)
    again = apply(alice, workspace, text="# two\n" + to_yaml(flow()))
    assert again.version.number == 1
    assert written(again.version).text == first
    assert written(again.document).text.startswith("# two\n")
    assert again.version.sha256 == content_sha256(again.version.content)


def test_what_was_stored_without_a_text_has_its_keys_in_the_documented_order(
    workspace: Workspace, alice: Actor
) -> None:
    applied = apply(alice, workspace, content=dict(reversed(flow(steps=INLINE).items())))
    for row in (applied.document, applied.version):
        row.refresh_from_db()
        assert written(row).text.startswith("kind: flow\nslug: orders\ntitle:")
        assert "fields:" in written(row).text


def test_the_text_of_a_version_never_changes(workspace: Workspace, alice: Actor) -> None:
    version = apply(alice, workspace, text=to_yaml(flow())).version
    version.text = "kind: other\n"
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        version.save()


def test_applying_a_document_again_changes_nothing(workspace: Workspace, alice: Actor) -> None:
    apply(alice, workspace, text=to_yaml(flow()))
    before = AuditEntry.objects.count()
    again = apply(alice, workspace, text=to_yaml(flow()))
    assert (again.document.draft_revision, again.version.number) == (1, 1)
    assert AuditEntry.objects.count() == before


def test_every_deed_leaves_an_audit_entry_with_what_was_published(workspace: Workspace, alice: Actor) -> None:
    version = apply(alice, workspace, content=flow(steps=INLINE), note="first").version
    entries = AuditEntry.objects.filter(workspace_id=workspace.id).order_by("id")
    assert [entry.action for entry in entries] == [
        "flow.draft_saved",
        "schema.published",
        "mapping.published",
        "flow.published",
    ]
    details = entries.last().details
    assert (details["version"], details["sha256"], details["note"]) == (1, version.sha256, "first")


def test_a_refused_publication_leaves_no_audit_entry(workspace: Workspace, alice: Actor) -> None:
    with pytest.raises(InvalidInput):
        apply(alice, workspace, content=flow(steps=[*INLINE, {"id": "bad"}]))
    assert not AuditEntry.objects.exists()
    assert not Mapping.objects.exists()


@pytest.mark.parametrize(
    "details", [(), (Finding("/fields/id", "x.y", "is wrong"), Finding("", "x.z", "odd", "warning"))]
)
def test_a_check_that_fails_keeps_a_draft_from_being_published(
    workspace: Workspace, alice: Actor, monkeypatch: pytest.MonkeyPatch, details: tuple[Finding, ...]
) -> None:
    seen: list[object] = []

    def run(content: dict[str, Any], published: dict[str, Any] | None, workspace_id: object) -> CheckResult:
        seen.append((content["title"], published and published["title"], workspace_id))
        state: Any = "failed" if content["title"] == "Bad" else "warning"
        return CheckResult(state=state, summary="it is bad", details=details)

    kind = replace(document_type("mapping"), checks=(Check(name="taste", title="Taste", run=run),))
    monkeypatch.setitem(document_types._types, "mapping", kind)
    apply(alice, workspace, content={**mapping(), "title": "Good"})
    with pytest.raises(InvalidInput) as raised:
        apply(alice, workspace, content={**mapping(), "title": "Bad"})

    assert [error["code"] for error in raised.value.errors] == (["x.y"] if details else ["check.taste"])
    assert seen == [("Good", None, workspace.id), ("Bad", "Good", workspace.id)]
