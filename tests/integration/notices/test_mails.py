"""Mail to approvers: who is written to, what it says, and that it is sent until it is taken."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from ipaas.accounts.models import User
from ipaas.core.actor import Actor
from ipaas.outbox.models import Mail
from ipaas.runtime.approvals import decide_approval, delegate_approval
from ipaas.runtime.models import Approval, Work
from ipaas.runtime.services import trigger_flow
from tests.integration.runtime.conftest import World, call, sql

Join = Callable[..., Actor]


def ask(**changes: Any) -> dict[str, Any]:
    spec = {"title": "Ship {{ trigger.body.id }}?", "approvers": "approver", "expires": "P1D"}
    return {"id": "ask", "approval": {**spec, **changes}}


def told() -> list[str]:
    return sorted(address for one in mail.outbox for address in one.to)


def test_everybody_with_the_role_is_told_with_a_link(world: World, join: Join) -> None:
    join("alice", "approver"), join("bob", "approver", "operator"), join("olga", "operator")
    run = world.play(world.flow(ask(), call("ship")))
    approval = Approval.objects.get(run_id=run.id)
    assert told() == ["alice@example.com", "bob@example.com"]
    assert mail.outbox[0].subject == "Decision needed: Ship o-1?"
    assert f"/w/{world.workspace.slug}/approvals/{approval.id}/" in mail.outbox[0].body
    assert {one.state for one in Mail.objects.all()} == {"sent"}


def test_each_is_told_in_the_own_language(world: World, join: Join) -> None:
    join("alice", "approver"), join("bob", "approver")
    User.objects.filter(email="bob@example.com").update(language="de")
    world.play(world.flow(ask(), call("ship")))
    subjects = {one.to[0]: one.subject for one in mail.outbox}
    assert subjects == {
        "alice@example.com": "Decision needed: Ship o-1?",
        "bob@example.com": "Entscheidung nötig: Ship o-1?",
    }


def test_who_may_not_decide_under_four_eyes_is_not_asked(world: World, join: Join) -> None:
    alice = join("alice", "approver", "operator")
    join("bob", "approver")
    flow = world.flow(ask(four_eyes=True))
    trigger_flow(actor=alice, flow=flow, environment=world.environment, body={"id": "o-1"})
    world.work()
    assert told() == ["bob@example.com"]


def test_the_second_role_is_told_when_its_time_has_come(world: World, join: Join) -> None:
    join("alice", "approver"), join("olga", "operator")
    world.play(world.flow(ask(escalate={"after": "PT1H", "to": "operator"})))
    sql("UPDATE runtime_approval SET escalate_at = now() - interval '1 second'")
    sql("UPDATE runtime_work SET due_at = now(), leased = false")
    world.work()
    assert told() == ["alice@example.com", "olga@example.com"]
    assert "Nobody has decided so far" in mail.outbox[-1].body


def test_a_delegate_is_told_by_whom(world: World, join: Join) -> None:
    alice, _ = join("alice", "approver"), join("olga", "operator")
    run = world.play(world.flow(ask()))
    mail.outbox.clear()
    approval = Approval.objects.get(run_id=run.id)
    delegate_approval(actor=alice, approval=approval, to="olga@example.com", reason="on leave")
    world.work()
    assert told() == ["olga@example.com"]
    assert "alice@example.com has handed this decision to you." in mail.outbox[0].body


def test_a_decision_that_came_first_leaves_nobody_to_ask(world: World, join: Join) -> None:
    alice = join("alice", "approver")
    run = world.play(world.flow(ask(escalate={"after": "PT1H", "to": "operator"})))
    mail.outbox.clear()
    approval = Approval.objects.get(run_id=run.id)
    sql("UPDATE runtime_approval SET escalate_at = now() - interval '1 second'")
    decide_approval(actor=alice, approval=approval, decision="approved", shown=approval.evidence_sha256)
    world.work()
    assert mail.outbox == []


def test_a_mail_is_sent_again_until_it_is_taken_with_the_same_message_id(
    world: World, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("alice", "approver")
    ids: list[str] = []

    def refuse(_self: EmailBackend, messages: list[Any]) -> int:
        ids.extend(one.extra_headers["Message-ID"] for one in messages)
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", refuse)
        world.play(world.flow(ask()))
    waiting = Mail.objects.get()
    assert (waiting.state, waiting.attempts, waiting.last_error) == ("waiting", 1, "ConnectionRefusedError")
    sql("UPDATE runtime_work SET due_at = now() WHERE id = %s", [waiting.id])
    world.work()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, told()) == ("sent", 2, ["alice@example.com"])
    assert ids == [mail.outbox[0].extra_headers["Message-ID"]]
    assert not Work.objects.filter(id=waiting.id).exists()
