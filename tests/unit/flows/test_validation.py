from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipaas.core import providers
from ipaas.core.document_forms import Finding, read_document
from ipaas.core.errors import InvalidInput
from ipaas.core.ids import uuid7
from ipaas.flows.catalogue import PROVIDER, ActionFacts, Catalogue, ConnectionFacts, catalogue_from, catalogue_of
from ipaas.flows.examples import ORDER_DOCUMENTS, example_text
from ipaas.flows.form import flow_schema
from ipaas.flows.scope import Scope
from ipaas.flows.steps import StepChecker
from ipaas.flows.triggers import trigger_findings
from ipaas.flows.validation import validate
from ipaas.sdk.loader import load_folder
from ipaas.sdk.manifest import Effect
from tests.factories.flow_documents import call, flow

CONNECTORS = Path(__file__).parents[3] / "connectors"
TEXTS = [
    "steps",
    "PT1S",
    "{{ steps.charge.output }}",
    "{{",
    "trigger.body[",
    "'x' * 10 ** 8",
    "{% for %}",
    "a.b.c",
    "x@0",
]


def errors(content: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding.path, finding.code) for finding in validate(content) if finding.severity == "error"}


def test_a_valid_flow_has_no_findings() -> None:
    assert validate(flow()) == []


@pytest.mark.parametrize("key", ["kind", "slug", "title", "trigger", "business_ids", "primary_business_id", "steps"])
def test_a_missing_key_is_named(key: str) -> None:
    content = flow()
    del content[key]
    assert ("", "document.missing_key") in errors(content)


def test_a_misspelt_key_gets_a_suggestion() -> None:
    found = validate(flow(steps=[{"id": "a", "call": {"conection": "x", "action": "y"}}]))
    assert "did you mean 'connection'" in next(f.message for f in found if f.path == "/steps/0/call/conection")


STEP_CASES: list[tuple[Any, str, str]] = [
    ({"id": "a"}, "/steps/0", "flow.step_kind"),
    ({"id": "a", "stop": {"status": "failed"}, "wait": {"for": "PT1S"}}, "/steps/0", "flow.step_kind"),
    ({"id": "input", "stop": {"status": "failed"}}, "/steps/0/id", "flow.reserved_id"),
    ({"id": "a", "stop": {"status": "failed"}, "else": {"steps": []}}, "/steps/0/else", "flow.misplaced_key"),
    (
        {"id": "a", "stop": {"status": "failed"}, "compensate": {"call": {"connection": "x", "action": "y"}}},
        "/steps/0/compensate",
        "flow.misplaced_key",
    ),
    (call("a", policy={"timeout_s": 7200}), "/steps/0/policy/timeout_s", "document.maximum"),
    (call("a", policy={"retry": {"cap_s": 1, "base_s": 2}}), "/steps/0/policy/retry/cap_s", "flow.policy"),
    (call("a", policy={"retry": {"max_attempts": 99}}), "/steps/0/policy/retry/max_attempts", "document.maximum"),
    (call("a", {"x": "{{ steps.b.output }}"}), "/steps/0/call/with", "flow.unknown_step"),
    (call("a", {"x": "{{ steps.a.output }}"}), "/steps/0/call/with", "flow.unknown_step"),
    (call("a", {"x": "{{ order.id }}"}), "/steps/0/call/with", "expression.unknown_name"),
    (call("a", {"x": "{{ business_ids.nope }}"}), "/steps/0/call/with", "flow.unknown_business_id"),
    (call("a", when="trigger.("), "/steps/0/when", "expression.syntax"),
    ({"id": "a", "map": {}}, "/steps/0/map", "flow.map"),
    ({"id": "a", "map": {"fields": {"x": 5}}}, "/steps/0/map/fields/x", "mapping.leaf"),
    ({"id": "a", "map": {"fields": {"x": "steps.b.output"}}}, "/steps/0/map/fields", "flow.unknown_step"),
    ({"id": "a", "validate": {"schema": {"type": "nope"}}}, "/steps/0/validate/schema/type", "schema.invalid"),
    ({"id": "a", "validate": {"schema": "Bad Name"}}, "/steps/0/validate/schema", "document.anyOf"),
    ({"id": "a", "wait": {"for": "P2Y"}}, "/steps/0/wait/for", "document.pattern"),
    ({"id": "a", "wait": {"for": "P"}}, "/steps/0/wait/for", "flow.duration"),
    ({"id": "a", "flow": {"slug": "orders"}}, "/steps/0/flow/slug", "flow.own_subflow"),
    (
        {"id": "a", "for_each": {"items": "trigger.body", "as": "steps", "steps": [call("b")]}},
        "/steps/0/for_each/as",
        "flow.name_taken",
    ),
    (
        {"id": "a", "for_each": {"items": "trigger.body", "as": "x", "steps": []}},
        "/steps/0/for_each/steps",
        "flow.no_steps",
    ),
    (
        {"id": "a", "parallel": {"branches": [{"id": "l", "steps": []}, {"id": "l", "steps": []}]}},
        "/steps/0/parallel/branches/1/id",
        "flow.duplicate_id",
    ),
]


@pytest.mark.parametrize(("step", "path", "code"), STEP_CASES)
def test_what_is_wrong_with_a_step_is_found_at_its_place(step: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in errors(flow(steps=[step]))


def test_two_steps_can_not_share_an_id_wherever_they_are() -> None:
    nested = {"id": "fan", "branch": [{"when": "true", "steps": [call("charge")]}], "else": {"steps": []}}
    assert ("/steps/1/branch/0/steps/0/id", "flow.duplicate_id") in errors(flow(steps=[call("charge"), nested]))


def test_a_strand_does_not_see_the_strand_beside_it() -> None:
    strands = [
        {"id": "left", "steps": [call("first")]},
        {"id": "right", "steps": [call("second", {"x": "{{ steps.first.output }}"})]},
    ]
    steps = [{"id": "fan", "parallel": {"branches": strands}}, call("last", {"x": "{{ steps.first.output }}"})]
    assert errors(flow(steps=steps)) == {("/steps/0/parallel/branches/1/steps/0/call/with", "flow.unknown_step")}


def test_loop_names_hold_inside_the_loop_only() -> None:
    inside = call("inner", {"x": "{{ line.sku }}", "n": "{{ loop.index }}"})
    steps = [
        {"id": "each", "for_each": {"items": "trigger.body.lines", "as": "line", "steps": [inside]}},
        call("after", {"x": "{{ line.sku }}"}),
        call("later", {"x": "{{ steps.inner.output }}"}),
    ]
    assert errors(flow(steps=steps)) == {
        ("/steps/1/call/with", "expression.unknown_name"),
        ("/steps/2/call/with", "flow.unknown_step"),
    }


def test_a_compensation_sees_the_output_of_its_step() -> None:
    undo = {"call": {"connection": "payments", "action": "refund", "with": {"id": "{{ steps.charge.output.id }}"}}}
    assert errors(flow(steps=[call("charge", compensate=undo)])) == set()


def test_only_the_failure_steps_of_the_flow_see_the_failure() -> None:
    tell = call("tell", {"why": "{{ failure.message }}"})
    assert errors(flow(on_failure=[tell])) == set()
    assert ("/steps/0/call/with", "expression.unknown_name") in errors(flow(steps=[tell]))


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"primary_business_id": "nope"}, "/primary_business_id", "flow.primary"),
        ({"business_ids": {"order": "steps.a.output"}}, "/business_ids/order", "expression.unknown_name"),
        ({"deadline": "P9999D"}, "/deadline", "flow.duration_range"),
        ({"steps": []}, "/steps", "flow.no_steps"),
        ({"failure": {"default": "explode"}}, "/failure/default", "document.enum"),
        ({"failure": {"oops": "compensate"}}, "/failure/oops", "document.unknown_key"),
        ({"trigger": {}}, "/trigger", "document.minProperties"),
        ({"trigger": {"manual": {}, "webhook": {"endpoint": "x"}}}, "/trigger", "document.maxProperties"),
        ({"trigger": {"schedule": {"cron": "* * * * * *"}}}, "/trigger/schedule/cron", "flow.cron"),
        ({"trigger": {"schedule": {"cron": "61 * * * *"}}}, "/trigger/schedule/cron", "flow.cron"),
        ({"trigger": {"schedule": {"cron": "0 0 30 2 *"}}}, "/trigger/schedule/cron", "flow.cron"),
        (
            {"trigger": {"schedule": {"cron": "0 0 * * *", "timezone": "Europe/Berlim"}}},
            "/trigger/schedule/timezone",
            "flow.time_zone",
        ),
        (
            {"trigger": {"poll": {"connection": "a", "trigger": "b", "every": "PT1S"}}},
            "/trigger/poll/every",
            "flow.duration_range",
        ),
        (
            {"trigger": {"event": {"type": "a", "filter": "steps.x"}}},
            "/trigger/event/filter",
            "expression.unknown_name",
        ),
    ],
)
def test_what_is_wrong_with_the_head_is_found_at_its_place(changes: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in errors(flow(**changes))


CATALOGUE = Catalogue(
    connections={
        "payments": ConnectionFacts(
            connector="payments",
            actions={
                "create_charge": ActionFacts(
                    effect=Effect.KEYED,
                    params_schema={
                        "required": ["amount"],
                        "properties": {"amount": {}, "currency": {}},
                        "additionalProperties": False,
                    },
                    undone_by="create_refund",
                )
            },
            polls=frozenset({"payouts"}),
        )
    }
)


@pytest.mark.parametrize(
    ("connection", "action", "given", "found"),
    [
        ("payment", "create_charge", {"amount": 1}, [("/call/connection", "flow.unknown_connection")]),
        ("payments", "charge", {"amount": 1}, [("/call/action", "flow.unknown_action")]),
        ("payments", "create_charge", {}, [("/call/with", "flow.missing_parameter")]),
        ("payments", "create_charge", {"amount": 1, "x": 2}, [("/call/with/x", "flow.unknown_parameter")]),
        ("payments", "create_charge", {"amount": 1}, []),
    ],
)
def test_calls_are_checked_against_the_catalogue(
    connection: str, action: str, given: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    step = {"id": "a", "call": {"connection": connection, "action": action, "with": given}}
    checker = StepChecker("orders", CATALOGUE, None)
    assert [(one.path, one.code) for one in checker.call(step, "", Scope())] == found


def test_polls_are_checked_against_the_catalogue() -> None:
    poll = {"connection": "payments", "trigger": "payout", "every": "PT1M"}
    found = [(one.path, one.code) for one in trigger_findings({"poll": poll}, CATALOGUE)]
    assert found == [("/trigger/poll/trigger", "flow.unknown_trigger")]


@pytest.mark.parametrize(
    ("trigger", "params", "places"),
    [
        ("rows", {"table": "orders"}, []),
        ("rows", {"table": 7}, ["/trigger/poll/params/table"]),
        ("rows", {}, ["/trigger/poll/params"]),
        ("plain", {}, []),
        ("plain", {"table": "orders"}, ["/trigger/poll/params"]),
    ],
)
def test_what_a_flow_says_of_a_poll_is_what_the_trigger_takes(trigger: str, params: Any, places: list[str]) -> None:
    schema = {"type": "object", "required": ["table"], "properties": {"table": {"type": "string"}}}
    facts = ConnectionFacts(connector="postgres", actions={}, polls={"rows": schema, "plain": {}})
    poll = {"connection": "db", "trigger": trigger, "every": "PT1M", "params": params}
    found = list(trigger_findings({"poll": poll}, Catalogue(connections={"db": facts})))
    assert [one.path for one in found] == places
    assert {one.code for one in found} <= {"flow.poll_params"}


@pytest.mark.parametrize("name", ORDER_DOCUMENTS)
def test_the_documents_of_the_demo_are_valid(name: str) -> None:
    from ipaas.core.document_types import document_type

    source = read_document(text=example_text(name))
    found: list[Finding] = document_type(source.content["kind"]).validate(source.content, None)  # type: ignore[arg-type]
    assert found == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(sorted(flow_schema()["$defs"]["step"]["properties"])) | st.text(max_size=6), inner
        )
    ),
    max_leaves=12,
)


def _graft(content: Any, path: list[int], value: Any) -> Any:
    """Put a value at some place of a content, chosen by numbers."""
    if not path or not isinstance(content, dict | list) or not content:
        return value
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = keys[path[0] % len(keys)]
    grafted = _graft(content[key], path[1:], value)
    if isinstance(content, dict):
        return {**content, key: grafted}
    return [*content[:key], grafted, *content[key + 1 :]]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(ORDER_DOCUMENTS),
    st.lists(st.integers(0, 20), max_size=8),
    json_values,
)
def test_a_damaged_document_never_raises_anything_but_invalid_input(name: str, path: list[int], value: Any) -> None:
    from ipaas.core.document_types import document_type

    damaged = _graft(read_document(text=example_text(name)).content, path, value)
    try:
        source = read_document(content=damaged)
        found = document_type(_kind(name)).validate(source.content, None)  # type: ignore[arg-type]
    except InvalidInput:
        return
    assert all(isinstance(one.message, str) for one in found)


def _kind(name: str) -> str:
    return str(read_document(text=example_text(name)).content["kind"])


def test_the_catalogue_is_made_from_the_connections_of_a_workspace() -> None:
    payments = load_folder(CONNECTORS / "payments")
    connections = [("pay", payments, {"mode": "keyed"}), ("pay", payments, {"mode": "lookup"})]
    assert catalogue_of(None) is None
    with providers.replaced(PROVIDER, lambda _workspace: connections):
        found = catalogue_of(uuid7())
    assert found is not None
    charge = found.action("pay", "create_charge")
    assert charge is not None
    assert (charge.effect, charge.undone_by) == (Effect.LOOKUP, "refund_charge")
    assert found.action("pay", "nope") is None
    assert load_folder(CONNECTORS / "storefront").manifest.triggers["orders_updated"].kind == "poll"


def test_the_flow_of_the_demo_fits_the_catalogue() -> None:
    slugs = {name: name for name in ("payments", "inventory", "shipping", "storefront")}
    slugs |= {"mail": "smtp", "warehouse": "postgres"}
    connections = [(slug, load_folder(CONNECTORS / folder), {}) for slug, folder in slugs.items()]
    content = read_document(text=example_text("order-to-shipment")).content
    checker = StepChecker("order-to-shipment", catalogue_from(connections), None)
    scope = Scope(business_ids=frozenset(content["business_ids"]))
    assert list(checker.sequence(content["steps"], "/steps", scope)) == []
