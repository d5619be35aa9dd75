"""Approvals: the inbox, the evidence, the decision."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ipaas.accounts.roles import ROLES
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.governance import services as governance
from ipaas.runtime.models import Approval, Run
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call
from tests.integration.web.runtime.conftest import Browser, text_of

EMAIL = "alice@example.com"


@pytest.fixture
def approver(browser: Callable[[str], Browser]) -> Browser:
    return browser("approver")


@pytest.fixture
def approval(world: World) -> Approval:
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    spec = {
        "title": "Ship {{ trigger.body.id }}?",
        "evidence": {"order": "{{ trigger.body.id }}", "customer": "{{ trigger.body.email }}"},
        "approvers": "approver",
        "expires": "P1D",
        "checklist": ["Address read", "Price right"],
    }
    flow = world.flow({"id": "ask", "approval": spec}, call("ship"), input={"schema": "order@1"})
    return Approval.objects.get(run_id=world.play(flow, {"id": "o-1", "email": EMAIL}).id)


def decide(person: Browser, approval: Approval, **given: Any) -> Any:
    form = {"outcome": "approved", "shown": approval.evidence_sha256, "checked": ["0", "1"], "comment": "", **given}
    return person.post("approval_decide", approval.id, **form)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_page_and_deed_asks_for_its_permission(
    browser: Callable[[str], Browser], approval: Approval, role: str
) -> None:
    person, given = browser(role), ROLES[role]
    for url in (person.url("approval_list"), person.url("approval_detail", approval.id)):
        answer = person.client.get(url)
        assert answer.status_code == (200 if "approvals.view" in given else 403)
    if "approvals.view" in given:
        assert ("Approve</button>" in text_of(answer)) == (role in ("approver", "admin"))
        assert ("people with the role approver" in text_of(answer)) == (role in ("builder", "steward", "operator"))
    answer = person.client.post(person.url("approval_decide", approval.id), {})
    assert (answer.status_code == 403) == ("approvals.decide" not in given)
    approval.refresh_from_db()
    assert approval.state == "pending"


def test_an_endless_number_of_a_point_is_refused(approver: Browser, approval: Approval) -> None:
    assert "check every item" in text_of(decide(approver, approval, checked=["9" * 5000]))
    approval.refresh_from_db()
    assert approval.state == "pending"


@pytest.mark.parametrize("name", ["approval_detail", "approval_decide", "approval_delegate"])
def test_an_approval_of_another_workspace_does_not_exist(
    approver: Browser, stranger: Browser, approval: Approval, name: str
) -> None:
    method = "get" if name == "approval_detail" else "post"
    assert getattr(stranger.client, method)(approver.url(name, approval.id)).status_code == 404
    assert getattr(approver.client, method)(approver.url(name, uuid7())).status_code == 404


def test_the_inbox_names_what_is_asked(approver: Browser, approval: Approval) -> None:
    answer = approver.get("approval_list")
    assert [(row.title, row.status, row.approvers) for row in answer.context["page"].items] == [
        ("Ship o-1?", "open", "Approvers")
    ]
    assert "1<span" in text_of(answer)
    version = answer.context["version"]
    assert approver.get("approval_list", htmx=True, v=version).status_code == 204


def test_the_evidence_is_shown_masked(approver: Browser, approval: Approval) -> None:
    answer = approver.get("approval_detail", approval.id)
    assert EMAIL not in text_of(answer)
    assert answer.context["approval"].summary[0] == ("Order", "o-1")
    assert "In short" in text_of(answer)
    assert answer.context["on_expiry"] == "it counts as rejected"


def test_approving_lets_the_run_go_on(world: World, approver: Browser, approval: Approval) -> None:
    assert "Approved; the run goes on." in text_of(decide(approver, approval))
    world.work()
    assert (Run.objects.get(id=approval.run_id).status, world.gateway.paths) == ("succeeded", ["ship"])
    decided = approver.get("approval_list", tab="decided").context["page"].items
    assert [row.status for row in decided] == ["approved"]


def test_rejecting_needs_a_comment(approver: Browser, approval: Approval) -> None:
    assert "say why" in text_of(decide(approver, approval, outcome="rejected"))
    decide(approver, approval, outcome="rejected", comment="not our customer")
    approval.refresh_from_db()
    assert (approval.state, approval.reason) == ("rejected", "not our customer")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"checked": ["0"]}, "check every item"),
        ({"outcome": "perhaps"}, "approve or reject"),
        ({"shown": "0" * 64}, "The evidence shown is not"),
    ],
    ids=["checklist", "outcome", "other evidence"],
)
def test_a_decision_that_does_not_hold_is_refused(
    approver: Browser, approval: Approval, given: dict[str, Any], words: str
) -> None:
    assert words in text_of(decide(approver, approval, **given))
    approval.refresh_from_db()
    assert approval.state == Approval.State.PENDING


def test_the_second_of_two_people_is_told(browser: Callable[[str], Browser], approval: Approval) -> None:
    first, second = browser("approver"), browser("admin")
    second.get("approval_detail", approval.id)
    decide(first, approval)
    answer = decide(second, approval, outcome="rejected", comment="no")
    assert "This approval is approved already" in text_of(answer)
    approval.refresh_from_db()
    assert (approval.state, approval.decided_by.partition("@")[0]) == ("approved", "approver")


def test_after_the_deadline_nobody_decides(approver: Browser, approval: Approval) -> None:
    Approval.objects.filter(id=approval.id).update(expires_at=now() - timedelta(seconds=1))
    answer = approver.get("approval_detail", approval.id)
    assert "The time to decide is over: it counts as rejected." in text_of(answer)
    assert "has expired" in text_of(decide(approver, approval))


def test_two_have_to_approve_where_the_flow_says_so(browser: Callable[[str], Browser], approval: Approval) -> None:
    Approval.objects.filter(id=approval.id).update(quorum=2)
    first, second = browser("approver"), browser("admin")
    assert "others have to approve too" in text_of(decide(first, approval, comment="seen"))
    answer = first.get("approval_detail", approval.id)
    assert [(one.label, one.reason) for one in answer.context["given"]] == [(answer.context["user"].email, "seen")]
    assert "You have approved this already" in text_of(decide(first, approval))
    assert "Approved; the run goes on." in text_of(decide(second, approval))


def test_a_decision_is_handed_to_another_member(browser: Callable[[str], Browser], approval: Approval) -> None:
    person, other = browser("approver"), browser("operator")
    to = other.get("approval_list").context["user"].email
    answer = person.post("approval_delegate", approval.id, to=to, reason="on leave")
    assert f"The decision is handed to {to}." in text_of(answer)
    assert "Approve</button>" not in text_of(answer)
    assert "Approve</button>" in text_of(other.get("approval_detail", approval.id))
    assert "Approved; the run goes on." in text_of(decide(other, approval))
