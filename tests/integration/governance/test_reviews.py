"""Reviews: the only way to publish where the policy asks for one; who decides; what an approval is bound to."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Membership
from ipaas.accounts.services import change_roles, create_service_account
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, PermissionDenied
from ipaas.governance.applying import Given, Wish, apply_documents, plan_documents
from ipaas.governance.gate import ApprovalOutdated, BypassForbidden, ReviewNeeded, ReviewWaits
from ipaas.governance.models import Review
from ipaas.governance.review_policy import NotAReviewer, OwnWork, stewards_of
from ipaas.governance.reviews import (
    DecidedBefore,
    NothingToReview,
    ReviewEnded,
    approve_review,
    comment_review,
    expire_reviews,
    remind_reviewers,
    request_review,
    return_review,
    withdraw_review,
)
from ipaas.governance.services import apply_document, archive_document, publish
from ipaas.mapping.models import Mapping
from ipaas.ownership.services import change_domain, create_domain
from tests.factories.flow_documents import flow, mapping
from tests.integration.governance.conftest import Acme

pytestmark = pytest.mark.django_db
CHANGED = {"fields": {"id": "source.id", "note": "source.note"}}


def publish_it(actor: Actor, document: Mapping, **given: Any) -> int:
    return publish(document_type="mapping", document=document, actor=actor, **given).number


def approve(actor: Actor, review: Review, **given: Any) -> Review:
    return approve_review(actor=actor, review=review, shown=review.sha256, **given)


def test_a_steward_signs_off_and_the_builder_publishes_just_that(acme: Acme) -> None:
    document = acme.draft(**CHANGED)
    with pytest.raises(ReviewNeeded):
        publish_it(acme.alice, document)
    review = request_review(document=document, actor=acme.alice, note="for the supplier")
    assert request_review(document=document, actor=acme.alice) == review
    with pytest.raises(ReviewWaits):
        publish_it(acme.alice, document)
    assert [one.label for one in stewards_of(review).people] == ["bob@example.com", "sue@example.com"]

    assert approve(acme.bob, review, comment="Fine.").state == "approved"
    assert publish_it(acme.alice, document) == 2
    review.refresh_from_db()
    assert (review.state, review.version, document.versions.get(number=2).note) == ("published", 2, "for the supplier")
    actions = AuditEntry.objects.filter(action__startswith="review.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["review.requested", "review.approved"]


def test_nobody_approves_own_work_whatever_hat_they_wear(acme: Acme) -> None:
    document = acme.draft(acme.bob, **CHANGED)
    by_alice = request_review(document=document, actor=acme.alice)
    with pytest.raises(OwnWork):
        approve(acme.bob, by_alice)  # he wrote it
    with pytest.raises(PermissionDenied):
        approve(Actor("user", acme.alice.id, acme.alice.label, acme.workspace.id), by_alice)
    with pytest.raises(OwnWork):
        approve(acme.alice, by_alice)
    assert [one.label for one in stewards_of(by_alice).people] == ["sue@example.com"]
    approve(acme.sue, by_alice)
    assert publish_it(acme.bob, document) == 2

    by_ada = request_review(document=acme.draft(acme.ada), actor=acme.ada)
    scopes = ["reviews.decide", "mappings.view"]
    key = create_api_key(workspace=acme.workspace, name="ci", scopes=scopes, actor=acme.ada).key
    with pytest.raises(OwnWork):
        approve(Actor("api_key", str(key.id), "ci", acme.workspace.id, frozenset(scopes)), by_ada)  # her key is she


def test_who_made_the_key_of_a_program_does_not_approve_what_it_wrote(acme: Acme) -> None:
    robot = create_service_account(workspace=acme.workspace, slug="ci", name="CI", roles=["builder"], actor=acme.ada)
    scopes = ["mappings.view", "mappings.edit", "reviews.request"]
    given = {"workspace": acme.workspace, "name": "ci", "scopes": scopes, "actor": acme.ada}
    key = create_api_key(**given, service_account=robot).key
    program = Actor("service", str(key.id), "ci", acme.workspace.id, frozenset(scopes))
    review = request_review(document=acme.draft(program, **CHANGED), actor=program)
    assert {one["label"] for one in review.authors} == {"ci", "ada@example.com"}
    with pytest.raises(OwnWork):
        approve(acme.ada, review)
    assert approve(acme.bob, review) is not None


def test_an_approval_is_bound_to_what_was_shown(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    with pytest.raises(Conflict, match="was shown"):
        approve_review(actor=acme.bob, review=review, shown="0" * 64)
    document = acme.draft(fields={"id": "source.id", "note": "'free'"})
    with pytest.raises(ApprovalOutdated):
        approve(acme.bob, review)
    again = request_review(document=document, actor=acme.alice)
    review.refresh_from_db()
    assert (review.state, again.id == review.id) == ("superseded", False)
    approve(acme.bob, again)
    document = acme.draft(fields={"id": "'x'"})
    with pytest.raises(ApprovalOutdated):
        publish_it(acme.alice, document)
    assert Mapping.objects.get().latest_version == 1


def test_of_two_stewards_at_once_one_decides(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    approve(acme.bob, review)
    with pytest.raises(ReviewEnded, match=r"approved already by bob@example\.com"):
        return_review(review=review, actor=acme.sue, comment="No.")


def test_four_eyes_are_two_people_and_one_of_them_a_steward(acme: Acme) -> None:
    acme.rules(mapping="four_eyes")
    review = acme.review(**CHANGED)
    carl = _member(acme, "carl", "builder")
    assert approve(carl, review).state == "in_review"
    with pytest.raises(DecidedBefore):
        approve(carl, review)
    dan = _member(acme, "dan", "builder")
    assert approve(dan, review).state == "in_review"
    assert approve(acme.sue, review).state == "approved"


def test_a_stricter_policy_since_the_approval_counts(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    approve(acme.bob, review)
    acme.rules(mapping="four_eyes")
    with pytest.raises(ApprovalOutdated):
        publish_it(acme.alice, Mapping.objects.get())


def test_the_stewards_of_the_domain_decide_and_a_draft_can_not_choose_others(acme: Acme) -> None:
    create_domain(workspace=acme.workspace, actor=SYSTEM, slug="sales", title="Sales", stewards=["sue@example.com"])
    create_domain(workspace=acme.workspace, actor=SYSTEM, slug="mine", title="Mine", stewards=["bob@example.com"])
    apply_document(actor=SYSTEM, workspace=acme.workspace, content=mapping(domain="sales"))
    review = acme.review(domain="mine")
    assert [one.label for one in stewards_of(review).people] == ["sue@example.com"]
    with pytest.raises(NotAReviewer, match=r"sue@example\.com"):
        approve(acme.bob, review)
    assert approve(acme.ada, review).state == "approved"


def test_a_steward_whose_role_was_taken_decides_nothing_and_the_next_in_line_is_asked(acme: Acme) -> None:
    domain = create_domain(
        workspace=acme.workspace, actor=SYSTEM, slug="sales", title="Sales", stewards=["sue@example.com"]
    )
    review = acme.review(domain="sales")
    sue = Membership.objects.get(user__email="sue@example.com")
    change_roles(membership=sue, roles=["operator"], actor=acme.ada)
    assert (stewards_of(review).source, stewards_of(review).people[0].label) == ("workspace", "bob@example.com")
    with pytest.raises(NotAReviewer):
        approve(acme.sue, review)  # a page that was opened before
    change_domain(domain=domain, actor=acme.ada, stewards=[])


def test_returned_withdrawn_and_expired_reviews_publish_nothing(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    with pytest.raises(InvalidInput):
        return_review(review=review, actor=acme.bob, comment=" ")
    comment_review(review=review, actor=acme.alice, text="See the contract.", path="/fields/note")
    returned = return_review(review=review, actor=acme.bob, comment="Name the field remark.")
    assert (returned.state, returned.reason) == ("returned", "Name the field remark.")
    assert [(one.path, one.text) for one in returned.comments.all()] == [
        ("/fields/note", "See the contract."),
        ("", "Name the field remark."),
    ]

    review = request_review(document=Mapping.objects.get(), actor=acme.alice)
    approve(acme.bob, review)
    withdraw_review(review=review, actor=acme.alice)
    with pytest.raises(ReviewNeeded):
        publish_it(acme.alice, Mapping.objects.get())

    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        review = request_review(document=Mapping.objects.get(), actor=acme.alice)
    with pytest.raises(ReviewEnded, match="expired"):
        approve(acme.bob, review)
    assert (remind_reviewers(), remind_reviewers(), expire_reviews(), expire_reviews()) == (1, 0, 1, 0)


def test_an_archived_document_is_not_reviewed(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    archive_document(document=Mapping.objects.get(), actor=acme.alice, reason="gone")
    with pytest.raises(Conflict, match="archived"):
        approve(acme.bob, review)


def test_a_change_that_makes_no_version_needs_no_review(acme: Acme) -> None:
    with pytest.raises(NothingToReview):
        acme.review()
    assert publish_it(acme.alice, Mapping.objects.get()) == 1


def test_in_an_emergency_an_administrator_goes_past_where_the_policy_lets_them(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    document = Mapping.objects.get()
    with pytest.raises(PermissionDenied):
        publish_it(acme.alice, document, bypass="it burns")
    acme.workspace.settings["review_bypass"] = False
    acme.workspace.save()
    with pytest.raises(BypassForbidden):
        publish_it(acme.ada, document, bypass="it burns")
    acme.workspace.settings["review_bypass"] = True
    acme.workspace.save()
    with pytest.raises(InvalidInput):
        publish_it(acme.ada, document, bypass="  ")
    assert publish_it(acme.ada, document, bypass="it burns") == 2
    entry = AuditEntry.objects.get(action="review.bypassed")
    assert (entry.actor_label, entry.details["reason"]) == ("ada@example.com", "it burns")
    review.refresh_from_db()
    assert review.state == "superseded"


def test_applying_many_sends_to_review_what_needs_one_and_says_so(acme: Acme) -> None:
    given = [Given(name="m", content=mapping(**CHANGED)), Given(name="s", content={**mapping(slug="new-row")})]
    plan = plan_documents(actor=acme.alice, workspace=acme.workspace, documents=given, wish=Wish())
    assert [(step.slug, step.deed, step.version) for step in plan] == [
        ("order-row", "review", None),
        ("new-row", "review", None),
    ]
    assert not Review.objects.exists()
    done = apply_documents(actor=acme.alice, workspace=acme.workspace, documents=given, wish=Wish())
    again = apply_documents(actor=acme.alice, workspace=acme.workspace, documents=given, wish=Wish())
    assert [step.deed for step in (*done, *again)] == ["review"] * 4
    assert Review.objects.count() == 2
    assert [step.review for step in done] == [step.review for step in again]

    uses = flow(steps=[{"id": "row", "map": {"mapping": "new-row"}}])
    waits = apply_documents(
        actor=acme.alice, workspace=acme.workspace, documents=[*given, Given(name="f", content=uses)], wish=Wish()
    )
    assert [(step.slug, step.deed) for step in waits][-1] == ("orders", "waits")


def test_a_flow_takes_its_inline_parts_through_its_own_review(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.rules(mapping="steward", flow="none")
    inline = flow(steps=[{"id": "row", "map": {"fields": {"id": "trigger.body.id"}}}])
    assert apply_document(actor=acme.alice, workspace=acme.workspace, content=inline).version.number == 1
    acme.rules(mapping="none", flow="steward")
    changed = flow(steps=[{"id": "row", "map": {"fields": {"id": "'x'"}}}])
    applied = apply_document(actor=acme.alice, workspace=acme.workspace, content=changed)
    assert applied.review is not None
    assert Mapping.objects.get(slug="orders--row").latest_version == 1
    approve(acme.bob, applied.review)
    version = publish(document_type="flow", document=applied.document, actor=acme.alice)
    assert (version.number, Mapping.objects.get(slug="orders--row").latest_version) == (2, 2)


def test_strangers_and_those_without_the_kind_see_no_review(acme: Acme) -> None:
    review = acme.review(**CHANGED)
    blind = Actor("user", acme.bob.id, acme.bob.label, acme.workspace.id, frozenset({"reviews.decide", "reviews.view"}))
    with pytest.raises(IpaasError):
        approve(blind, review)
    assert not Review.objects.visible_to(blind).exists()
    assert Review.objects.visible_to(acme.bob).get() == review


def _member(acme: Acme, name: str, role: str) -> Actor:
    from tests.factories.people import make_actor

    return make_actor(acme.workspace, f"{name}@example.com", role)
