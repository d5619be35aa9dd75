"""A new version of a lookup or a function reaches who pins it: by drafts of theirs, their tests and their reviews."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import User
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput
from ipaas.flows.models import Deployment
from ipaas.governance.approving import approve_and_publish
from ipaas.governance.bringing import Brought, bring_along
from ipaas.governance.ending import StillUsed, deprecate_version, retire_version, users_of_version
from ipaas.governance.models import Review
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Function, Lookup, Mapping
from ipaas.mapping.services import save_draft
from tests.factories.flow_documents import function, lookup, mapping
from tests.factories.people import make_actor, make_member
from tests.integration.governance.conftest import Acme, acme_in
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]

NEWER = "code,name,rate\nDE,Germany,0.21\n"
PRICED = mapping(
    fields={"rate": "lookup('rates', source.country).rate"},
    lookups={"rates": "vat-rates"},
    tests=[{"name": "Germany", "input": {"country": "DE"}, "expect": {"rate": 0.19}, "tolerance": {"/rate": 0.1}}],
)
FIXED = """\
kind: mapping
slug: fixed
title: Fixed
lookups: {rates: vat-rates@1}   # as the auditors asked
fields: {rate: "lookup('rates', source.country).rate"}
"""


@pytest.fixture
def acme(world: World) -> Acme:
    for content in (lookup(), PRICED):
        apply_document(actor=SYSTEM, workspace=world.workspace, content=content)
    return acme_in(world.workspace)


def newer(acme: Acme, **changes: Any) -> Lookup:
    """Version 2 of the rates."""
    apply_document(actor=SYSTEM, workspace=acme.workspace, content=lookup(**{"csv": NEWER, **changes}))
    return Lookup.objects.get()


def brought(acme: Acme, **given: Any) -> dict[str, Brought]:
    found = bring_along(document=Lookup.objects.get(), actor=acme.alice, **given)
    return {f"{one.kind}/{one.slug}": one for one in found}


def test_the_next_run_uses_the_new_rows_after_the_mappings_own_review(world: World, acme: Acme) -> None:
    orders = world.flow({"id": "price", "map": {"mapping": "order-row"}})
    newer(acme)
    before = world.play(orders, {"id": "1", "country": "DE"})
    found = brought(acme)["mapping/order-row"]
    assert (found.outcome, brought(acme)["mapping/order-row"].review) == ("review", found.review)
    review = Review.objects.get()
    assert (review.settled["lookups"], review.requested_by) == ({"rates": "vat-rates@2"}, acme.alice.label)
    approve_and_publish(review=review, actor=acme.bob, shown=review.sha256)
    assert brought(acme) == {}
    assert Deployment.objects.get().version.content["steps"][0]["map"] == {"mapping": "order-row@2"}
    after = world.play(orders, {"id": "2", "country": "DE"})
    assert (world.output(before, "price"), world.output(after, "price")) == (
        {"rate": Decimal("0.19")}, {"rate": Decimal("0.21")},
    )  # fmt: skip


def test_without_a_review_it_is_published_and_the_flows_that_follow_run_it(world: World, acme: Acme) -> None:
    world.flow({"id": "price", "map": {"mapping": "order-row"}})
    acme.rules()
    newer(acme)
    assert brought(acme)["mapping/order-row"].version == 2
    assert Deployment.objects.get().version.content["steps"][0]["map"] == {"mapping": "order-row@2"}
    acme.rules(flow="steward")
    newer(acme, csv=f"{NEWER}AT,Austria,0.2\n")
    assert brought(acme)["mapping/order-row"].version == 3
    assert Deployment.objects.get().version.content["steps"][0]["map"] == {"mapping": "order-row@2"}  # its own review


def test_a_number_written_down_changes_in_the_text_alone_when_it_is_meant(acme: Acme) -> None:
    acme.rules()
    apply_document(actor=SYSTEM, workspace=acme.workspace, text=FIXED)
    newer(acme)
    assert brought(acme, to=["mapping/fixed"])["mapping/fixed"].version == 2
    fixed = Mapping.objects.get(slug="fixed")
    assert fixed.draft_text == FIXED.replace("vat-rates@1", "vat-rates@2")
    assert Mapping.objects.get(slug="order-row").latest_version == 1
    with pytest.raises(InvalidInput, match="does not use") as refused:
        brought(acme, to=["mapping/nobody"])
    assert refused.value.errors[0]["path"] == "to"


def test_unfinished_drafts_failing_tests_and_missing_rights_are_told(acme: Acme) -> None:
    acme.rules()
    apply_document(actor=SYSTEM, workspace=acme.workspace, text=FIXED)
    strict = {**PRICED, "slug": "strict", "lookups": {"rates": "vat-rates@1"}}
    strict["tests"] = [{"name": "exact", "input": {"country": "DE"}, "expect": {"rate": 0.19}}]
    apply_document(actor=SYSTEM, workspace=acme.workspace, content=strict)
    draft = Mapping.objects.get(slug="fixed")
    text = FIXED.replace("title: Fixed", "title: Under work")
    save_draft(actor=acme.alice, workspace=acme.workspace, text=text, expected_revision=draft.draft_revision)
    newer(acme)
    found = brought(acme)
    assert {name: one.outcome for name, one in found.items()} == {
        "mapping/fixed": "left", "mapping/order-row": "published", "mapping/strict": "draft",
    }  # fmt: skip
    assert "other changes" in found["mapping/fixed"].problem
    assert "expected 0.19, got 0.21" in found["mapping/strict"].problem
    left = Mapping.objects.get(slug="strict")
    assert (left.latest_version, left.draft["lookups"]) == (1, {"rates": "vat-rates@2"})
    assert Mapping.objects.get(slug="fixed").draft_text == text
    apply_document(actor=SYSTEM, workspace=acme.workspace, content=lookup())
    olive = make_actor(acme.workspace, "olive@example.com", "operator")
    again = bring_along(document=Lookup.objects.get(), actor=olive)
    assert {(one.outcome, one.problem) for one in again} == {("left", "you may not change it")}


def test_a_version_that_somebody_comes_to_is_not_retired(world: World, acme: Acme) -> None:
    acme.rules()
    apply_document(
        actor=SYSTEM, workspace=acme.workspace,
        content=function(slug="rated", parameters=[{"name": "c", "kind": "text"}], examples=[],
                         expr="lookup('r', c).rate", lookups={"r": "vat-rates"}),
    )  # fmt: skip
    priced = mapping(slug="deep", fields={"rate": "rated(source.country)"}, functions={"rated": "rated"})
    apply_document(actor=SYSTEM, workspace=acme.workspace, content=priced)
    world.flow({"id": "price", "map": {"mapping": "deep"}})
    held = newer(acme)
    first, second = held.versions.get(number=1), held.versions.get(number=2)
    assert users_of_version(first) == ["function rated", "mapping order-row", "deep@1 of orders (production)"]
    assert users_of_version(second) == []
    assert deprecate_version(version=first, actor=SYSTEM, reason="old rates").state == "deprecated"
    assert {one.outcome for one in brought(acme).values()} == {"published"}
    with pytest.raises(StillUsed, match="deep@1 of orders"):
        retire_version(version=first, actor=SYSTEM, reason="old")
    outer = bring_along(document=Function.objects.get(), actor=acme.alice)
    assert [(one.slug, one.outcome) for one in outer] == [("deep", "published")]
    assert retire_version(version=first, actor=SYSTEM, reason="old").state == "retired"


def test_the_page_says_who_and_brings_along_in_one_click(acme: Acme) -> None:
    newer(acme)
    client = Client()
    client.force_login(User.objects.get(email="alice@example.com"))
    place = f"/w/{acme.workspace.slug}/lookups/vat-rates/"
    acme.rules(lookup="steward", mapping="steward")
    content = lookup(csv=f"{NEWER}AT,Austria,0.2\n")
    third = apply_document(actor=acme.alice, workspace=acme.workspace, content=content).review
    html = client.get(f"/w/{acme.workspace.slug}/reviews/{third.id}/").content.decode()
    assert "uses version 1 until it is brought along" in html
    html = client.get(place).content.decode()
    assert "uses version 1" in html
    assert 'value="mapping/order-row"' in html
    assert "Use version 2" in html
    html = client.post(f"{place}bring-along/", {"to": "mapping/order-row"}, follow=True).content.decode()
    assert "Order row waits for a review." in html
    assert "Nothing to bring along." in client.post(f"{place}bring-along/", {}, follow=True).content.decode()
    assert "does not use" in client.post(f"{place}bring-along/", {"to": "mapping/x"}, follow=True).content.decode()
    client.force_login(make_member(acme.workspace, "olive@example.com", "operator").user)
    assert "bring-along" not in client.get(place).content.decode()
