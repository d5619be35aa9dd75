"""What a decision needs: the checklist, a reason, several people, four eyes, delegation, escalation."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from ipaas.accounts import services as accounts
from ipaas.accounts.actors import actor_for
from ipaas.accounts.api_keys import authenticate_api_key
from ipaas.accounts.models import Membership, User
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.governance import services as governance
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.approvals import DecidedBefore, FourEyes, NotTheApprover, decide_approval, delegate_approval
from ipaas.runtime.models import Approval, Run
from ipaas.runtime.replays import replay_run
from ipaas.runtime.services import trigger_flow
from tests.factories import flow_documents
from tests.integration.runtime.conftest import World, call, sql

Join = Callable[..., Actor]


@pytest.fixture
def join(world: World) -> Join:
    """Make a person with roles a member."""

    def make(name: str, *roles: str) -> Actor:
        user = User.objects.create(email=f"{name}@example.com", name=name.title())
        Membership.objects.create(user=user, workspace=world.workspace, roles=list(roles))
        return actor_for(user, world.workspace)

    return make


def ask(**changes: Any) -> dict[str, Any]:
    spec = {"title": "Ship {{ trigger.body.id }}?", "approvers": "approver", "expires": "P1D"}
    return {"id": "ask", "approval": {**spec, **changes}}


def asked(world: World, **changes: Any) -> Approval:
    run = world.play(world.flow(ask(**changes), call("ship")))
    return Approval.objects.get(run_id=run.id)


def decide(actor: Actor, approval: Approval, decision: Any = "approved", **given: Any) -> Approval:
    return decide_approval(actor=actor, approval=approval, decision=decision, shown=approval.evidence_sha256, **given)


def status_of(world: World, approval: Approval) -> str:
    world.work()
    return Run.objects.get(id=approval.run_id).status


@pytest.mark.parametrize(
    ("decision", "given", "place"),
    [
        ("approved", {"checked": [0]}, "checked"),
        ("approved", {}, "checked"),
        ("approved", {"checked": [0, 1, 2]}, "checked"),
        ("rejected", {"reason": " "}, "reason"),
        ("perhaps", {"checked": [0, 1]}, "decision"),
    ],
)
def test_the_service_asks_for_checklist_and_reason(
    world: World, join: Join, decision: str, given: dict[str, Any], place: str
) -> None:
    approval = asked(world, checklist=["Address read", "Price right"])
    with pytest.raises(InvalidInput) as raised:
        decide(join("alice", "approver"), approval, decision, **given)
    assert [one["path"] for one in raised.value.errors] == [place]
    approval.refresh_from_db()
    assert (approval.state, approval.decisions.count()) == ("pending", 0)


def test_with_every_point_checked_the_run_goes_on(world: World, join: Join) -> None:
    approval = asked(world, checklist=["Address read", "Price right"])
    decide(join("alice", "approver"), approval, checked=[1, 0])
    assert status_of(world, approval) == "succeeded"


def test_as_many_different_people_approve_as_the_flow_asks_for(world: World, join: Join) -> None:
    approval = asked(world, quorum=2)
    alice, bob = join("alice", "approver"), join("bob", "approver")
    assert decide(alice, approval, reason="seen").state == "pending"
    assert status_of(world, approval) == "waiting"
    with pytest.raises(DecidedBefore, match="2 different people"):
        decide(alice, approval)
    decided = decide(bob, approval, reason="seen too")
    assert (decided.state, decided.decided_by) == ("approved", "alice@example.com, bob@example.com")
    assert decided.reason == "seen; seen too"
    assert status_of(world, approval) == "succeeded"


def test_one_rejection_settles_what_others_approved(world: World, join: Join) -> None:
    approval = asked(world, quorum=2)
    decide(join("alice", "approver"), approval)
    assert decide(join("bob", "approver"), approval, "rejected", reason="too dear").state == "rejected"
    assert status_of(world, approval) == "dead"


def test_who_started_the_run_does_not_decide_under_four_eyes(world: World, join: Join) -> None:
    alice, bob = join("alice", "admin"), join("bob", "approver")
    flow = world.flow(ask(four_eyes=True), call("ship"))
    run = trigger_flow(actor=alice, flow=flow, environment=world.environment, body={"id": "o-1"})
    world.work()
    approval = Approval.objects.get(run_id=run.id)
    with pytest.raises(FourEyes, match="started this run"):
        decide(alice, approval)
    assert decide(bob, approval).state == "approved"


def test_a_program_does_not_decide_under_four_eyes(world: World, join: Join) -> None:
    alice = join("alice", "admin")
    account = accounts.create_service_account(
        workspace=world.workspace, slug="robot", name="Robot", roles=["approver"], actor=alice
    )
    made = accounts.create_api_key(
        workspace=world.workspace, name="k", scopes=["approvals.decide"], service_account=account, actor=alice
    )
    robot = authenticate_api_key(made.raw)
    with pytest.raises(FourEyes, match="act as a program"):
        decide(robot, asked(world, four_eyes=True))
    assert decide(robot, asked(world)).state == "approved"


def test_who_replayed_the_run_does_not_decide_under_four_eyes(world: World, join: Join) -> None:
    alice = join("alice", "admin")
    first = asked(world, four_eyes=True)
    decide(join("bob", "approver"), first, "rejected", reason="no")
    world.work()
    replay = replay_run(actor=alice, run=Run.objects.get(id=first.run_id), reason="again")
    world.work()
    with pytest.raises(FourEyes, match="started this run"):
        decide(alice, Approval.objects.get(run_id=replay.id))


def test_who_published_the_flow_does_not_decide_under_four_eyes(world: World, join: Join) -> None:
    alice, bob = join("alice", "admin"), join("bob", "approver")
    content = flow_documents.flow(steps=[ask(four_eyes=True), call("ship")])
    applied = governance.apply_document(content=content, workspace=world.workspace, actor=alice)
    governance.deploy(flow=applied.document, environment=world.environment, version=applied.version, actor=SYSTEM)
    approval = Approval.objects.get(run_id=world.play(applied.document).id)
    with pytest.raises(FourEyes, match="published this version"):
        decide(alice, approval)
    assert decide(bob, approval).state == "approved"


def test_a_delegate_decides_in_the_place_of_who_delegated(world: World, join: Join) -> None:
    approval = asked(world)
    alice, bob, charlie = join("alice", "approver"), join("bob", "operator"), join("charlie", "operator")
    with pytest.raises(NotTheApprover):
        decide(bob, approval)
    delegate_approval(actor=alice, approval=approval, to="BOB@example.com", reason="on leave")
    approval.refresh_from_db()
    for other in (alice, charlie):
        with pytest.raises(NotTheApprover):
            decide(other, approval)
    assert decide(bob, approval).decided_by == "bob@example.com"
    entry = AuditEntry.objects.get(action="approval.delegated")
    assert (entry.actor_label, entry.details["to"]) == ("alice@example.com", "bob@example.com")


@pytest.mark.parametrize(
    ("to", "reason", "code"),
    [
        ("nobody@example.com", "x", "delegate.unknown"),
        ("eve@example.com", "x", "delegate.unknown"),
        ("alice@example.com", "x", "delegate.self"),
        ("bob@example.com", " ", "reason.missing"),
        ("starter@example.com", "x", "delegate.four_eyes"),
    ],
)
def test_a_decision_is_handed_to_those_only_who_may_decide(
    world: World, join: Join, to: str, reason: str, code: str
) -> None:
    alice, starter = join("alice", "approver"), join("starter", "admin")
    join("bob", "operator"), join("eve", "auditor")
    flow = world.flow(ask(four_eyes=True))
    run = trigger_flow(actor=starter, flow=flow, environment=world.environment, body={"id": "o-1"})
    world.work()
    with pytest.raises(InvalidInput) as raised:
        delegate_approval(actor=alice, approval=Approval.objects.get(run_id=run.id), to=to, reason=reason)
    assert [one["code"] for one in raised.value.errors] == [code]


def test_when_nobody_decides_another_role_may_too_and_is_told_once(world: World, join: Join) -> None:
    approval = asked(world, escalate={"after": "PT1H", "to": "operator"})
    olga = join("olga", "operator")
    with pytest.raises(NotTheApprover):
        decide(olga, approval)
    sql("UPDATE runtime_approval SET escalate_at = now() - interval '1 second'")
    for _ in range(2):
        sql("UPDATE runtime_work SET due_at = now(), leased = false")
        world.work()
    escalated = OutboxEvent.objects.filter(type="ipaas.approval.escalated")
    assert [(event.data["role"], event.data["approval_id"]) for event in escalated] == [("operator", str(approval.id))]
    approval.refresh_from_db()
    assert decide(olga, approval).state == "approved"
    assert status_of(world, approval) == "succeeded"


def test_of_two_people_who_decide_at_once_one_wins(world: World, join: Join) -> None:
    """Over two connections, released together, again and again."""
    alice, bob = join("alice", "approver"), join("bob", "approver")
    flow = world.flow(ask(), call("ship"))

    def attempt(actor: Actor, approval: Approval, decision: str, barrier: Barrier) -> str:
        try:
            barrier.wait(timeout=10)
            decide(actor, Approval.objects.get(id=approval.id), decision, reason="mine")
        except Conflict:
            return ""
        finally:
            connections.close_all()
        return decision

    with ThreadPoolExecutor(2) as threads:
        for number in range(6):
            approval = Approval.objects.get(run_id=world.play(flow, {"id": f"o-{number}"}).id)
            barrier = Barrier(2)
            futures = [
                threads.submit(attempt, actor, approval, decision, barrier)
                for actor, decision in ((alice, "approved"), (bob, "rejected"))
            ]
            winners = [found for future in futures if (found := future.result())]
            approval.refresh_from_db()
            assert winners == [approval.state]
            assert approval.decisions.count() == 1
            assert status_of(world, approval) == ("succeeded" if approval.state == "approved" else "dead")


def test_a_decision_and_the_expiry_at_once_have_one_winner(world: World, join: Join) -> None:
    alice, approval = join("alice", "approver"), asked(world)
    sql("UPDATE runtime_approval SET expires_at = now() - interval '1 second'")
    with pytest.raises(Conflict):
        decide(alice, approval)
    world.make_due()
    assert status_of(world, approval) == "dead"
