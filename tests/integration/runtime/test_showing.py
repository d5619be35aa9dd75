"""What is shown of a run: everything that helps, nothing that is secret or classified."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput
from ipaas.governance import services as governance
from ipaas.runtime.business_ids import found_by
from ipaas.runtime.corrections import restored_input
from ipaas.runtime.models import Approval, BusinessId, Run
from ipaas.runtime.showing import MOST_CHARS, NOT_CHECKED, ShownRun, bounded, shown_evidence, text_scrubber
from ipaas.vault import services as vault
from ipaas.vault.errors import BackendUnavailable
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok

EMAIL = "alice@example.com"
SECRET = "sk-live/9f8e7d6c5b4a"
BODY = {"id": "o-1", "email": EMAIL, "country": "DE", "password": "hunter2hunter2"}


def everything(shown: ShownRun, *steps: str) -> str:
    """All that pages and API can get out of a run, as one text."""
    data: list[Any] = [shown.trigger, shown.input, shown.whole_input]
    for path in steps:
        step, attempt = shown.step(path), shown.attempt(path, "", 1)
        data += [step.input, step.output, attempt.request, attempt.response]
    return json.dumps(data, default=str)


@pytest.fixture
def shown(world: World) -> ShownRun:
    """A run whose vendor repeats the customer's address, and the credential it was called with."""
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    vault.create_secret(
        actor=SYSTEM, workspace=world.workspace, slug="vendor-key", fields={"token": SECRET}, description=""
    )
    answer = replace(
        ok({"id": "c-1", "receipt_for": f"mail to {EMAIL}", "echo": SECRET}),
        request={"method": "POST", "path": "/charges", "headers": {}, "body": {"to": EMAIL, "country": "DE"}},
        response={"status": 201, "headers": {"x-debug": SECRET}, "body": {"hex": SECRET.encode().hex()}},
        effect_state="none",
    )  # fmt: skip
    world.gateway.on("charge", answer)
    world.gateway.on("ship", failed())
    flow = world.flow(
        {"id": "shape", "map": {"fields": {"to": "source.email", "land": "source.country"}}},
        call("charge", {"to": "{{ steps.shape.output.to }}"}),
        call("ship", {"of": "{{ steps.charge.output.id }}"}),
        input={"schema": "order@1"},
    )
    return ShownRun(world.play(flow, BODY))


def test_a_classified_field_is_shown_nowhere_not_even_its_copies(shown: ShownRun) -> None:
    text = everything(shown, "shape", "charge", "ship")
    assert EMAIL not in text
    assert "mail to \\u2039redacted:" in text


def test_a_secret_of_the_vault_is_shown_in_no_spelling(shown: ShownRun) -> None:
    text = everything(shown, "shape", "charge", "ship")
    for spelling in (SECRET, SECRET.encode().hex(), SECRET.replace("/", "%2F")):
        assert spelling not in text
        assert spelling not in shown.text(f"vendor says: {spelling}")
        assert spelling not in text_scrubber(shown.run.workspace_id)(f"vendor says: {spelling}")


def test_a_field_with_a_sensitive_name_is_masked(shown: ShownRun) -> None:
    assert "hunter2" not in everything(shown, "shape", "charge")
    assert shown.text("no: hunter2hunter2") == f"no: {shown.input['password']}"


def test_what_is_not_sensitive_stays_readable(shown: ShownRun) -> None:
    assert (shown.input["id"], shown.input["country"]) == ("o-1", "DE")
    assert shown.step("shape").output["land"] == "DE"
    assert shown.attempt("charge", "", 1).request["body"]["country"] == "DE"


def test_equal_values_have_equal_masks(shown: ShownRun) -> None:
    mask = shown.input["email"]
    assert shown.step("shape").output["to"] == mask
    assert shown.step("charge").input == {"to": mask}


def test_the_input_of_a_step_is_worked_out_again(shown: ShownRun) -> None:
    assert shown.step("ship").input == {"of": "c-1"}
    assert shown.step("shape").input == shown.input


def test_a_message_of_a_vendor_shows_no_classified_value(shown: ShownRun) -> None:
    assert EMAIL not in shown.text(f"{EMAIL} is unknown here")


def test_texts_of_a_list_are_left_out_while_nothing_can_be_checked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def away(workspace_id: Any) -> Any:
        asked.append(workspace_id)
        raise BackendUnavailable(backend="openbao", reason="sealed")

    monkeypatch.setattr("ipaas.runtime.showing.secret_values", away)
    scrub = text_scrubber(world.workspace.id)
    assert [scrub(text) for text in ("no stock", "", "card declined")] == [NOT_CHECKED, "", NOT_CHECKED]
    assert len(asked) == 1


def test_a_new_secret_is_masked_at_once(world: World, shown: ShownRun) -> None:
    fields = {"token": "a-new-token-of-today"}
    vault.create_secret(actor=SYSTEM, workspace=world.workspace, slug="newer", fields=fields, description="")
    assert "a-new-token" not in text_scrubber(world.workspace.id)("got a-new-token-of-today")


def test_fields_that_a_connector_calls_sensitive_are_masked(world: World) -> None:
    Connection.objects.create(
        workspace=world.workspace, environment=world.environment, slug="vendor", title="Vendor",
        connector="shipping", connector_version="1", auth_scheme="none",
    )  # fmt: skip
    world.gateway.on("charge", ok({"recipient": {"name": "Alice Example", "city": "Ulm"}}))
    shown = ShownRun(world.play(world.flow(call("charge", {"recipient": {"name": "Alice Example"}}))))
    step = shown.step("charge")
    assert step.output["recipient"]["city"] == "Ulm"
    assert "Alice" not in json.dumps([step.input, step.output])


def test_inside_a_for_each_every_item_has_its_own_data(world: World) -> None:
    steps = [call("pick", {"sku": "{{ line.sku }}", "n": "{{ loop.index }}"})]
    each = {"id": "each", "for_each": {"items": "trigger.body.lines", "as": "line", "max_items": 9, "steps": steps}}
    run = world.play(world.flow(each), {"id": "o-1", "lines": [{"sku": "A"}, {"sku": "B"}]})
    assert ShownRun(run).step("each/pick", "1").input == {"sku": "B", "n": 1}


def test_evidence_is_shown_masked(world: World) -> None:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    spec = {"title": "Ship?", "evidence": {"of": "{{ trigger.body.id }}", "who": "{{ trigger.body.email }}"},
            "approvers": "approver", "expires": "P1D"}  # fmt: skip
    run = world.play(world.flow({"id": "ask", "approval": spec}, input={"schema": "order@1"}), BODY)
    evidence = shown_evidence(Approval.objects.get(run_id=run.id), ShownRun(run))
    assert evidence["of"] == "o-1"
    assert evidence["who"].startswith("‹redacted:")


def test_large_data_is_cut_with_a_note() -> None:
    cut = bounded({"text": "x" * 100_000, "lines": list(range(100_000)), "rest": {"a": "y" * 100_000}})
    assert len(json.dumps(cut)) < 2 * MOST_CHARS
    assert "more characters" in cut["text"]
    assert "99,900 more items" in cut["lines"][-1]


def test_masked_fields_need_not_be_typed_again(shown: ShownRun) -> None:
    edited = {**shown.whole_input, "country": "AT"}
    assert restored_input(shown, edited) == {**BODY, "country": "AT"}


def test_a_masked_field_may_be_replaced(shown: ShownRun) -> None:
    assert restored_input(shown, {**shown.whole_input, "email": "bob@example.com"})["email"] == "bob@example.com"


def test_a_mask_can_not_be_moved_to_where_it_would_be_readable(shown: ShownRun) -> None:
    with pytest.raises(InvalidInput, match="note"):
        restored_input(shown, {**shown.whole_input, "note": shown.input["email"]})


@pytest.mark.parametrize("note", ["‹redacted:00000000›", "see ‹redacted:00000000›"], ids=["whole", "inside"])
def test_a_mask_that_stands_for_nothing_is_refused(shown: ShownRun, note: str) -> None:
    with pytest.raises(InvalidInput, match="masked"):
        restored_input(shown, {**shown.whole_input, "email": note})


def test_masks_in_a_list_hold_when_an_element_is_taken_out(world: World) -> None:
    lines = [{"password": f"password-of-{name}"} for name in ("alice", "bob", "charlie")]
    run: Run = world.play(world.flow(call("charge")), {"id": "o-1", "lines": lines})
    shown = ShownRun(run)
    edited = {**shown.whole_input, "lines": shown.whole_input["lines"][1:]}
    assert restored_input(shown, edited)["lines"] == lines[1:]


# -- business ids ------------------------------------------------------------------------------------------------------

IDS = {
    "order": "trigger.body.id",
    "customer": "lower(trigger.body.email)",
    "whole": "join([trigger.body.id, get(trigger.body, 'email')], '/')",
}


def private(world: World, *steps: Any, **changes: Any) -> Run:
    """A run with business ids that read a classified field, directly and by way of what it is part of."""
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    return world.play(world.flow(*steps, business_ids=IDS, input={"schema": "order@1"}, **changes), BODY)


def test_a_classified_business_id_is_stored_masked(world: World) -> None:
    world.gateway.on("charge", failed())
    run = private(world, call("charge"))

    stored = dict(BusinessId.objects.filter(run_id=run.id).values_list("name", "value"))
    assert stored["order"] == "o-1"
    assert stored["customer"].startswith("‹redacted:")
    assert stored["whole"] == f"o-1/{stored['customer']}"


def test_a_classified_primary_business_id_names_neither_run_nor_dead_letter(world: World) -> None:
    world.gateway.on("charge", failed())
    run = private(world, call("charge"), primary_business_id="customer", failure={"default": "dead_letter"})

    assert run.business_key.startswith("‹redacted:")
    assert World.letter(run).business_key == run.business_key


def test_a_run_is_found_by_the_value_of_a_masked_business_id(world: World) -> None:
    run = private(world, call("charge"))
    stored = BusinessId.objects.get(run_id=run.id, name="customer").value

    for text in (EMAIL, stored):
        assert [one.run_id for one in found_by(world.workspace.id, text)] == [run.id]
    assert not found_by(uuid4(), EMAIL).exists()


def test_expressions_see_the_value_of_a_masked_business_id_before_and_after_a_wait(world: World) -> None:
    given = {"to": "{{ business_ids.customer }}"}
    run = private(world, call("first", given), {"id": "pause", "wait": {"for": "PT1H"}}, call("then", given))
    world.go_on(run)

    assert [call.params for call in world.gateway.calls] == [{"to": EMAIL}] * 2
