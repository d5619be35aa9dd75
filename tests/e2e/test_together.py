"""Two people at once in two browsers: nobody's work is written over unseen, and of two decisions one counts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ipaas.accounts.models import User
from ipaas.core.actor import SYSTEM
from ipaas.flows.models import Flow
from ipaas.governance import services as governance
from ipaas.runtime.models import Approval, Run
from tests.e2e.test_building import write
from tests.e2e.test_operating import beside, play
from tests.factories import flow_documents
from tests.factories.people import make_member
from tests.integration.runtime.conftest import World, call, gateway, world

__all__ = ["gateway", "world"]

SignIn = Callable[[User], Page]


@pytest.fixture
def two(sign_in: SignIn, transactional_db: None, world: World) -> tuple[Page, Page]:
    """The browsers of Alice and Bob, administrators of the same workspace."""
    alice, bob = (make_member(world.workspace, f"{name}@example.org", "admin").user for name in ("alice", "bob"))
    return sign_in(alice), sign_in(bob)


def test_the_second_on_a_draft_sees_both_texts_before_one_is_written_over(two: tuple[Page, Page], world: World) -> None:
    alice, bob = two
    content = flow_documents.flow(slug="orders", steps=[call("ship")])
    governance.apply_document(content=content, workspace=world.workspace, actor=SYSTEM)
    place = f"/w/{world.workspace.slug}/flows/orders/edit/"
    alice.goto(place)
    bob.goto(place)
    flow = Flow.objects.get(slug="orders")
    text = bob.locator("textarea[name=document]").input_value()

    write(alice, "document", text.replace("ship", "ship_by_alice"))
    alice.get_by_role("button", name="Save draft").click()
    expect(alice.get_by_text("Draft saved as revision")).to_be_visible()
    write(bob, "document", text.replace("ship", "ship_by_bob"))
    with bob.expect_response(lambda answer: answer.request.method == "POST" and "/edit/" in answer.url) as refused:
        bob.get_by_role("button", name="Save draft").click()

    assert refused.value.status == 409
    expect(bob.get_by_text("Not saved: alice@example.org saved revision")).to_be_visible()
    expect(bob.locator("textarea[name=document]")).to_have_value(text.replace("ship", "ship_by_bob"))
    expect(bob.locator(".diff")).to_contain_text("ship_by_alice")
    expect(bob.locator(".diff")).to_contain_text("ship_by_bob")
    flow.refresh_from_db()
    assert flow.draft["steps"][0]["id"] == "ship_by_alice"

    bob.get_by_role("button", name="Save mine over revision").click()
    expect(bob.get_by_text("Draft saved as revision")).to_be_visible()
    flow.refresh_from_db()
    assert flow.draft["steps"][0]["id"] == "ship_by_bob"


def test_of_two_decisions_at_once_the_first_counts_and_the_second_is_told(two: tuple[Page, Page], world: World) -> None:
    alice, bob = two
    spec = {"title": "Ship {{ trigger.body.id }}?", "approvers": "approver", "expires": "P1D"}
    run = play(world, world.flow({"id": "ask", "approval": spec}, call("ship")), {"id": "SO-2"})
    approval = Approval.objects.get(run_id=run.id)
    for page in two:
        page.goto(f"/w/{world.workspace.slug}/approvals/{approval.id}/")
    alice.get_by_role("button", name="Approve").click()
    expect(alice.get_by_text("Approved; the run goes on.")).to_be_visible()

    bob.get_by_label("Comment").fill("too expensive")
    bob.get_by_role("button", name="Reject").click()
    expect(bob.locator(".toast-note")).to_contain_text("This approval is approved already")
    expect(bob.get_by_text("by alice@example.org")).to_be_visible()
    expect(bob.get_by_role("button", name="Reject")).to_have_count(0)
    beside(world.work)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
    assert [one.label for one in approval.decisions.all()] == ["alice@example.org"]
