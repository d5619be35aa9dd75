from typing import Any

import pytest

from ipaas.flows.catalogue import ActionFacts, Catalogue, ConnectionFacts
from ipaas.flows.lint import LINT_RULES, lint_findings
from ipaas.sdk.manifest import Effect
from tests.factories.flow_documents import call, flow

FACTS = Catalogue(
    connections={
        "payments": ConnectionFacts(
            connector="payments",
            actions={
                "look_up": ActionFacts(effect=Effect.SAFE),
                "charge": ActionFacts(effect=Effect.KEYED, undone_by="refund"),
                "wire": ActionFacts(effect=Effect.UNKEYED),
            },
        )
    }
)


def ask(role: str, **changes: Any) -> dict[str, Any]:
    return {"id": "ask", "approval": {"title": "Ship?", "approvers": role, "expires": "P1D", **changes}}


def paying(action: str, **changes: Any) -> dict[str, Any]:
    return {"id": "pay", "call": {"connection": "payments", "action": action}, **changes}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lint.naming": (flow(steps=[call("step1")]), flow()),
    "lint.owner": (flow(owner=""), flow()),
    "lint.deadline": ({key: value for key, value in flow().items() if key != "deadline"}, flow()),
    "lint.waits_longer": (
        flow(steps=[{"id": "rest", "wait": {"for": "P2D"}}]),
        flow(steps=[{"id": "rest", "wait": {"for": "PT1H"}}]),
    ),
    "lint.timeout": (
        flow(steps=[call("a1b", policy={"retry": {"max_attempts": 2}})]),
        flow(steps=[call("a1b", policy={"retry": {"max_attempts": 2}, "timeout_s": 5})]),
    ),
    "lint.unkeyed_retry": (
        flow(steps=[paying("wire", policy={"retry": {"max_attempts": 3}})]),
        flow(steps=[paying("charge", policy={"retry": {"max_attempts": 3}})]),
    ),
    "lint.compensation": (
        flow(steps=[paying("charge"), call("ship")]),
        flow(steps=[call("ship"), paying("charge")]),
    ),
    "lint.unused_compensation": (
        flow(steps=[paying("charge", compensate={"call": {"connection": "payments", "action": "refund"}})]),
        flow(
            failure={"default": "compensate"},
            steps=[paying("charge", compensate={"call": {"connection": "payments", "action": "refund"}})],
        ),
    ),
    "lint.unused_step": (flow(steps=[call("find"), call("ship")]), flow(steps=[call("find")])),
    "lint.approvers": (
        flow(steps=[ask("approver", escalate={"after": "PT1H", "to": "approver"})]),
        flow(steps=[ask("approver", escalate={"after": "PT1H", "to": "admin"})]),
    ),
    "lint.no_else": (
        flow(steps=[{"id": "choose", "branch": [{"when": "true", "steps": []}]}]),
        flow(steps=[{"id": "choose", "branch": [{"when": "true", "steps": []}], "else": {"steps": []}}]),
    ),
    "lint.unreachable": (
        flow(steps=[{"id": "end", "stop": {"status": "succeeded"}}, call("ship")]),
        flow(steps=[{"id": "end", "when": "trigger.body.x", "stop": {"status": "succeeded"}}, call("ship")]),
    ),
    "lint.swallowed_failure": (
        flow(steps=[call("ship", on_failure={"then": "continue"})]),
        flow(steps=[call("ship", on_failure={"then": "continue", "classes": ["not_found"]})]),
    ),
}


def codes(content: dict[str, Any]) -> set[str]:
    return {finding.code for finding in lint_findings(content, FACTS, set())}


@pytest.mark.parametrize("code", sorted(LINT_RULES))
def test_a_rule_finds_the_bad_and_spares_the_good(code: str) -> None:
    bad, good = CASES[code]
    assert code in codes(bad)
    assert code not in codes(good)


def test_every_rule_says_why_it_matters() -> None:
    assert all(len(rule.doc) > 40 and rule.title for rule in LINT_RULES.values())


def test_findings_are_warnings() -> None:
    found = list(lint_findings(flow(owner=""), None, set()))
    assert {finding.severity for finding in found} == {"warning"}
