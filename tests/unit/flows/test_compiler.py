from typing import Any

from ipaas.contracts.validators import CompiledValidator, compile_schema
from ipaas.core.errors import ErrorClass
from ipaas.core.ids import uuid7
from ipaas.flows import plan as plans
from ipaas.mapping import engine
from ipaas.mapping.engine import CompiledMapping
from tests.factories.flow_documents import call, contract, flow, mapping, schema


class FixedDocuments:
    """Resolves every reference to one mapping and one schema."""

    mapping_id = uuid7()
    schema_id = uuid7()

    def mapping(self, reference: str) -> CompiledMapping:
        assert reference == "order-row@1"
        return engine.compile(mapping(), version_id=self.mapping_id, sha256="m")

    def schema(self, reference: str) -> CompiledValidator:
        assert reference == "order@2"
        return compile_schema(schema()["schema"], version_id=self.schema_id, sha256="s")

    def contract(self, reference: str) -> dict[str, Any]:
        assert reference == "orders-in@1"
        return contract(input={"schema": "order@2", "mode": "block"}, output={"schema": "order@2"})


def compiled(**changes: Any) -> plans.Plan:
    identity = plans.Identity(version_id=uuid7(), number=3, sha256="f")
    return plans.compile(flow(**changes), resolve=FixedDocuments(), identity=identity)


UNDO = {"call": {"connection": "payments", "action": "refund", "with": {"id": "{{ steps.charge.output.id }}"}}}


def test_a_contract_gives_both_edges_with_their_modes() -> None:
    plan = compiled(contract="orders-in@1")
    assert plan.input is not None
    assert plan.output is not None
    assert (plan.input.name, plan.input.contract, plan.input.mode_in("production")) == ("input", "orders-in@1", "block")
    assert (plan.output.name, plan.output.mode_in("production")) == ("output", "quarantine")
    assert plan.redaction == {"trigger.body.email": "personal"}


def test_every_block_has_a_stable_path() -> None:
    steps = [
        call("charge", compensate=UNDO),
        {
            "id": "fulfil",
            "parallel": {
                "branches": [{"id": "left", "steps": [call("ship")]}, {"id": "right", "steps": [call("mail")]}]
            },
        },
        {"id": "each", "for_each": {"items": "trigger.body", "as": "line", "steps": [call("reserve")]}},
        {
            "id": "decide",
            "branch": [{"when": "true", "steps": [call("one")]}],
            "else": {"steps": [call("two")]},
            "on_failure": {"then": "fail", "steps": [call("three")]},
        },
    ]
    plan = compiled(steps=steps, on_failure=[call("tell")])
    assert sorted(plan.blocks) == [
        "charge",
        "charge~undo",
        "decide",
        "decide/on_failure/three",
        "decide/one",
        "decide/two",
        "each",
        "each/reserve",
        "fulfil",
        "fulfil/left/ship",
        "fulfil/right/mail",
        "on_failure/tell",
    ]
    assert [block.path for block in plan.steps] == ["charge", "fulfil", "each", "decide"]
    assert all(plan.blocks[path].path == path for path in plan.blocks)


def test_calls_carry_parameters_policy_and_compensation() -> None:
    policy = {"timeout_s": 10, "retry": {"max_attempts": 3, "base_s": 2}}
    step = call(
        "charge", {"id": "{{ trigger.body.id }}"}, policy=policy, idempotency_key="trigger.body.id", compensate=UNDO
    )
    block = compiled(steps=[step]).steps[0]
    assert isinstance(block, plans.CallBlock)
    assert (block.kind, block.title) == ("call", "Charge")
    assert block.params.evaluate({"trigger": {"body": {"id": "o1"}}}) == {"id": "o1"}
    assert block.policy == policy
    assert block.compensate is not None
    assert block.compensate.params.evaluate({"steps": {"charge": {"output": {"id": 7}}}}) == {"id": 7}
    assert block.idempotency_key is not None


def test_mappings_and_schemas_are_pinned() -> None:
    steps = [
        {"id": "check", "validate": {"schema": "order@2"}},
        {"id": "row", "map": {"mapping": "order-row@1", "input": "{{ trigger.body }}"}},
    ]
    plan = compiled(steps=steps, input={"schema": "order@2"})
    check, row = plan.steps
    assert isinstance(check, plans.ValidateBlock)
    assert isinstance(row, plans.MapBlock)
    assert (check.schema_version_id, check.schema_sha256) == (FixedDocuments.schema_id, "s")
    assert (row.mapping_version_id, row.mapping_sha256) == (FixedDocuments.mapping_id, "m")
    assert check.value.evaluate({"trigger": {"body": {"id": 1}}}) == {"id": 1}
    assert plan.input is not None
    assert (plan.input.contract, plan.input.validator.version_id) == ("", FixedDocuments.schema_id)
    assert plan.output is None
    assert plan.redaction == {"trigger.body.email": "personal", "steps.check.output.email": "personal"}


def test_the_failure_table_knows_every_class() -> None:
    table = compiled(failure={"business_rejection": "compensate"}).failure
    assert set(table) == set(ErrorClass)
    assert table[ErrorClass.BUSINESS_REJECTION] == "compensate"
    assert table[ErrorClass.TIMEOUT] == "dead_letter"


def test_triggers_are_compiled() -> None:
    webhook = compiled(trigger={"webhook": {"endpoint": "orders", "events": ["a"]}}).trigger
    assert webhook == plans.WebhookTrigger(endpoint="orders", events=frozenset({"a"}))
    clock = compiled(trigger={"schedule": {"cron": "0 0 * * *"}}).trigger
    assert clock == plans.ScheduleTrigger(cron="0 0 * * *", timezone="UTC")
    poll = compiled(trigger={"poll": {"connection": "a", "trigger": "b", "every": "PT1M"}}).trigger
    assert poll == plans.PollTrigger(connection="a", trigger="b", every_s=60.0)
    event = compiled(trigger={"event": {"type": "a", "filter": "trigger.body.x > 1"}}).trigger
    assert isinstance(event, plans.EventTrigger)
    assert event.filter is not None
    assert compiled().trigger == plans.ManualTrigger()


def test_waiting_blocks_are_compiled() -> None:
    steps = [
        {"id": "pause", "wait": {"for": "PT1H"}},
        {"id": "then", "wait": {"until": "trigger.body.at"}},
        {"id": "ask", "approval": {"title": "Ship {{ trigger.body.id }}?", "approvers": "approver", "expires": "P1D"}},
        {"id": "sub", "flow": {"slug": "other", "with": {"a": "{{ trigger.body.id }}"}}},
        {"id": "say", "emit": {"type": "order.shipped", "data": {"a": 1}}},
        {"id": "end", "stop": {"status": "failed", "reason": "'no'"}},
    ]
    pause, then, ask, sub, say, end = compiled(steps=steps).steps
    assert isinstance(pause, plans.WaitBlock)
    assert (pause.for_s, pause.until) == (3600.0, None)
    assert isinstance(then, plans.WaitBlock)
    assert then.until is not None
    assert isinstance(ask, plans.ApprovalBlock)
    assert ask.question.evaluate({"trigger": {"body": {"id": 5}}}) == "Ship 5?"
    assert (ask.expires_s, ask.on_expiry) == (86_400.0, "reject")
    assert isinstance(sub, plans.SubflowBlock)
    assert (sub.flow, sub.wait) == ("other", True)
    assert isinstance(say, plans.EmitBlock)
    assert isinstance(end, plans.StopBlock)
    assert end.reason is not None
    assert end.reason.evaluate({}) == "no"
