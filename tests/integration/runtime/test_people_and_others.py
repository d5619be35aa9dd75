"""Blocks that wait for people and other flows."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from ipaas.accounts.models import Membership, User
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import Conflict
from ipaas.flows.models import Flow
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.approvals import NotTheApprover, decide_approval
from ipaas.runtime.models import Approval, Run, Work
from ipaas.runtime.replays import discard_dead_letter
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import failed, retry


def ask(**changes: object) -> dict[str, object]:
    spec = {
        "title": "Ship {{ trigger.body.id }}?",
        "evidence": {"order": "{{ trigger.body.id }}"},
        "approvers": "approver",
        "expires": "P1D",
    }
    return {"id": "ask", "approval": {**spec, **changes}}


def asked(world: World, **changes: object) -> tuple[Run, Approval]:
    run = world.play(world.flow(ask(**changes), call("ship", {"by": "{{ steps.ask.output.decision }}"})))
    return run, Approval.objects.get(run_id=run.id)


def test_an_approved_run_goes_on(world: World) -> None:
    run, approval = asked(world)
    assert (run.status, approval.title, world.gateway.paths) == ("waiting", "Ship o-1?", [])
    decide_approval(actor=SYSTEM, approval=approval, decision="approved", shown=approval.evidence_sha256)
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
    assert world.gateway.calls[0].params == {"by": "approved"}


def test_a_rejection_fails_the_step_as_a_business_rejection(world: World) -> None:
    run, approval = asked(world)
    decide_approval(actor=SYSTEM, approval=approval, decision="rejected", shown=approval.evidence_sha256, reason="no")
    world.work()
    run.refresh_from_db()
    assert (run.status, run.error_class, run.error_code) == ("dead", "business_rejection", "approval_rejected")
    assert world.gateway.paths == []


@pytest.mark.parametrize(
    ("on_expiry", "status", "code"),
    [
        ("reject", "dead", "approval_rejected"),
        ("fail", "dead", "approval_expired"),
        ("approve", "succeeded", None),
    ],
)
def test_silence_means_what_the_flow_says(world: World, on_expiry: str, status: str, code: str | None) -> None:
    run, approval = asked(world, on_expiry=on_expiry)
    run = world.go_on(run)
    approval.refresh_from_db()
    assert (run.status, run.error_code, approval.state) == (status, code, "expired")


@pytest.mark.parametrize(
    ("roles", "may"),
    [(["approver"], True), (["admin"], True), (["operator"], False), (["operator", "approver"], True), ([], False)],
    ids=lambda value: "+".join(value) or "nobody" if isinstance(value, list) else str(value),
)
def test_only_the_role_that_the_flow_names_decides(world: World, roles: list[str], may: bool) -> None:
    _, approval = asked(world)
    actor = world.actor("approvals.decide")
    if roles:
        user = User.objects.create(email="alice@example.com", name="Alice")
        Membership.objects.create(user=user, workspace=world.workspace, roles=roles)
        actor = replace(actor, id=str(user.id))
    with nullcontext() if may else pytest.raises(NotTheApprover, match="role approver"):
        decide_approval(actor=actor, approval=approval, decision="approved", shown=approval.evidence_sha256)
    approval.refresh_from_db()
    assert (approval.state == "approved") is may


def test_what_an_ended_run_asked_is_withdrawn(world: World) -> None:
    run = world.play(world.flow(ask(), failure={"timeout": "compensate"}))
    sql("UPDATE runtime_run SET deadline_at = now() - interval '1 second'")
    assert world.go_on(run).status == "compensated"
    assert Approval.objects.get().state == "cancelled"


def test_a_dead_letter_that_is_discarded_withdraws_what_its_run_asked(world: World) -> None:
    world.gateway.on("fan/left/left_it", failed())
    strands = [{"id": "left", "steps": [call("left_it")]}, {"id": "right", "steps": [ask()]}]
    run = world.play(world.flow({"id": "fan", "parallel": {"branches": strands}}))
    assert (run.status, Approval.objects.get().state) == ("dead", "pending")
    discard_dead_letter(actor=SYSTEM, letter=world.letter(run), reason="not wanted")
    assert Approval.objects.get().state == "cancelled"


def test_of_two_decisions_the_first_wins(world: World) -> None:
    _, approval = asked(world)
    decide_approval(actor=SYSTEM, approval=approval, decision="approved", shown=approval.evidence_sha256)
    with pytest.raises(Conflict):
        decide_approval(
            actor=SYSTEM, approval=approval, decision="rejected", shown=approval.evidence_sha256, reason="no"
        )
    approval.refresh_from_db()
    assert approval.state == Approval.State.APPROVED


def test_a_decision_over_other_evidence_is_refused(world: World) -> None:
    _, approval = asked(world)
    with pytest.raises(Conflict):
        decide_approval(actor=SYSTEM, approval=approval, decision="approved", shown="0" * 64)
    approval.refresh_from_db()
    assert approval.state == Approval.State.PENDING


def test_a_decision_after_the_expiry_is_refused(world: World) -> None:
    _, approval = asked(world)
    sql("UPDATE runtime_approval SET expires_at = now() - interval '1 second'")
    with pytest.raises(Conflict):
        decide_approval(actor=SYSTEM, approval=approval, decision="approved", shown=approval.evidence_sha256)


def child(world: World, **changes: object) -> Flow:
    return world.flow(call("inner", {"n": "{{ trigger.body.n }}"}), slug="child", **changes)


def test_a_flow_waits_for_its_sub_flow_and_takes_its_last_output(world: World) -> None:
    child(world)
    sub = {"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1", "n": 7}}}
    run = world.play(world.flow(sub, call("after", {"got": "{{ steps.sub.output.id }}"})))
    assert run.status == Run.Status.SUCCEEDED
    assert [sent.params for sent in world.gateway.calls] == [{"n": 7}, {"got": "inner"}]
    inner = Run.objects.get(parent_run_id=run.id)
    assert (inner.status, inner.trigger, inner.business_key) == ("succeeded", "flow", "c-1")


def test_a_failed_sub_flow_fails_the_step_with_its_class(world: World) -> None:
    child(world)
    world.gateway.on("inner", failed())
    run = world.play(world.flow({"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1", "n": 7}}}))
    assert (run.status, run.error_class, run.error_step) == ("dead", "business_rejection", "sub")


def test_a_flow_does_not_wait_for_a_sub_flow_that_it_only_starts(world: World) -> None:
    child(world)
    world.gateway.on("inner", retry())
    run = world.play(
        world.flow(
            {"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1", "n": 7}, "wait": False}}, call("after")
        )
    )
    assert run.status == Run.Status.SUCCEEDED
    assert Run.objects.get(parent_run_id=run.id).status == Run.Status.WAITING


def test_a_sub_flow_that_is_not_deployed_fails_the_step(world: World) -> None:
    run = world.play(world.flow({"id": "sub", "flow": {"slug": "nobody"}}))
    assert (run.status, run.error_class, run.error_code) == ("dead", "configuration", "subflow_unavailable")


def test_an_emitted_event_starts_the_flows_that_listen(world: World) -> None:
    listening = world.flow(
        call("hear", {"n": "{{ trigger.body.n }}"}),
        slug="listener",
        trigger={"event": {"type": "order.shipped", "filter": "trigger.body.n > 1"}},
    )
    loud = world.flow(
        {"id": "say", "emit": {"type": "order.shipped", "data": {"id": "e-1", "n": "{{ trigger.body.n }}"}}}
    )
    assert world.play(loud, {"id": "o-1", "n": 5}).status == Run.Status.SUCCEEDED
    assert world.play(loud, {"id": "o-2", "n": 1}).status == Run.Status.SUCCEEDED
    heard = Run.objects.get(flow_id=listening.id)
    assert (heard.status, heard.trigger, heard.business_key) == ("succeeded", "event", "e-1")
    assert [sent.params for sent in world.gateway.calls] == [{"n": 5}]
    assert OutboxEvent.objects.filter(type="order.shipped").count() == 2
    assert not Work.objects.exists()
