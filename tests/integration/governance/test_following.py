"""A new version of a mapping reaches the flows that follow it, with the deed that publishes it; runs keep theirs."""

import pytest

from ipaas.accounts import services as accounts
from ipaas.core.actor import SYSTEM
from ipaas.flows.models import Deployment
from ipaas.governance.approving import approve_and_publish
from ipaas.governance.following import uses_of
from ipaas.governance.gate import ReviewNeeded
from ipaas.governance.reviews import approve_review, request_review
from ipaas.governance.services import apply_document, deploy, publish
from ipaas.mapping.models import Mapping
from tests.factories.flow_documents import flow, mapping
from tests.integration.governance.conftest import Acme, acme_in
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]

BEFORE = {"greeting": "'hello ' ~ source.id"}
AFTER = {"greeting": "'good morning ' ~ source.id"}


@pytest.fixture
def acme(world: World) -> Acme:
    apply_document(actor=SYSTEM, workspace=world.workspace, content=mapping(fields=BEFORE))
    return acme_in(world.workspace)


def test_the_next_run_uses_what_the_steward_approved_and_a_run_under_way_ends_with_its_own(
    world: World, acme: Acme
) -> None:
    rest = {"id": "rest", "wait": {"for": "PT1H"}}
    greet = {"id": "greet", "map": {"mapping": "order-row"}}
    orders = world.flow(rest, greet)
    under_way = world.start(orders)
    world.work()

    review = acme.review(fields=AFTER)
    assert [one.suggested for one in uses_of(Mapping.objects.get(), base=1)] == [True]
    approve_and_publish(review=review, actor=acme.bob, shown=review.sha256)

    deployment = Deployment.objects.get(flow=orders)
    assert (deployment.version.number, deployment.version.note) == (2, "version 1 with order-row@2")
    next_run = world.go_on(world.start(orders))
    next_run = world.go_on(next_run)
    under_way.refresh_from_db()
    assert world.output(under_way, "greet") == {"greeting": "hello o-1"}
    assert world.output(next_run, "greet") == {"greeting": "good morning o-1"}

    same = flow(steps=[rest, greet])  # the draft as it was: its publication is the version that was made
    assert apply_document(actor=SYSTEM, workspace=world.workspace, content=same).version.number == 2


def test_a_number_written_down_stays_and_production_sees_it_by_promotion(world: World, acme: Acme) -> None:
    staging = accounts.create_environment(workspace=world.workspace, slug="staging", name="Staging", actor=SYSTEM)
    orders = world.flow({"id": "greet", "map": {"mapping": "order-row"}})
    text = "\n".join(
        [
            "kind: flow", "slug: fixed", "title: Fixed", "trigger: {manual: {}}",
            "business_ids: {order: trigger.body.id}", "primary_business_id: order",
            "steps: [{id: greet, map: {mapping: order-row@1}}]",
        ]
    )  # fmt: skip
    fixed = apply_document(actor=SYSTEM, workspace=world.workspace, text=text)
    deploy(flow=fixed.document, environment=world.environment, version=fixed.version, actor=SYSTEM)
    version = orders.versions.get()
    deploy(flow=orders, environment=staging, version=version, actor=SYSTEM)

    document = acme.draft(fields=AFTER)
    found = {(one.deployment.flow.slug, one.deployment.environment.slug): one for one in uses_of(document, base=1)}
    assert {place: (one.fixed, one.suggested) for place, one in found.items()} == {
        ("fixed", "production"): (True, False),
        ("orders", "production"): (False, False),
        ("orders", "staging"): (False, True),
    }
    review = request_review(document=document, actor=acme.alice)
    approve_review(review=review, actor=acme.bob, shown=review.sha256)
    publish(document_type="mapping", document=document, actor=acme.alice)
    running = {(one.flow.slug, one.environment.slug): one.version.number for one in Deployment.objects.all()}
    assert running == {("fixed", "production"): 1, ("orders", "production"): 1, ("orders", "staging"): 2}


def test_a_stricter_rule_for_flows_is_not_slipped_past_by_a_mapping(world: World, acme: Acme) -> None:
    world.flow({"id": "greet", "map": {"mapping": "order-row"}})
    acme.rules(mapping="steward", flow="four_eyes")
    review = acme.review(fields=AFTER)
    with pytest.raises(ReviewNeeded, match="orders"):
        approve_and_publish(review=review, actor=acme.bob, shown=review.sha256)
    assert Mapping.objects.get().latest_version == 1
    approve_and_publish(review=review, actor=acme.bob, shown=review.sha256, bring=[])
    assert Mapping.objects.get().latest_version == 2
