"""The pages of reviews: a steward finds the change, sees what it does to real data, decides in two clicks."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ipaas.accounts import services as accounts
from ipaas.accounts.models import User
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.flows.models import Deployment
from ipaas.governance.models import Review
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from tests.factories.flow_documents import mapping
from tests.factories.people import make_member
from tests.integration.governance.conftest import Acme, acme_in
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]
BEFORE = {"greeting": "'hello ' ~ source.id", "old": "'x'"}
AFTER = {"greeting": "'good morning ' ~ source.id", "total": "3 * 4"}


@pytest.fixture
def acme(world: World) -> Acme:
    apply_document(actor=SYSTEM, workspace=world.workspace, content=mapping(fields=BEFORE))
    return acme_in(world.workspace)


def browser(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(email=f"{name}@example.com"))
    return client


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_from_the_editor_to_the_next_run_in_two_clicks_of_the_steward(world: World, acme: Acme) -> None:
    place = f"/w/{world.workspace.slug}"
    orders = world.flow({"id": "greet", "map": {"mapping": "order-row"}})
    run = world.play(orders, {"id": "o-7"})
    document = acme.draft(fields=AFTER)
    alice, bob = browser("alice"), browser("bob")
    assert "Send to review" in shown(alice, f"{place}/mappings/order-row/edit/")
    sent = alice.post(
        f"{place}/mappings/order-row/publish/", {"revision": document.draft_revision, "note": "Nicer words"}
    )
    review = Review.objects.get()
    detail = f"{place}/reviews/{review.id}/"
    assert sent["Location"] == detail
    assert "nobody approves their own work" in shown(alice, detail)

    assert f'href="{detail}"' in shown(bob, f"{place}/")  # Home says that it waits
    assert "Nicer words" in shown(bob, f"{place}/reviews/")
    page = shown(bob, detail)
    assert "What changes in real data" in page
    assert "<del>hello o-7</del>" in page
    assert "<ins>good morning o-7</ins>" in page
    for words in ("The field total is new", "The field old is gone", "The field greeting is worked out differently"):
        assert words in page
    assert f"/runs/{run.id}/" in page
    assert "uses version 1 now" in page

    deployment = Deployment.objects.get()
    decided = {"outcome": "approved", "shown": review.sha256, "publish": "yes", "bring": str(deployment.id)}
    assert "Approved and published" in bob.post(f"{detail}decide/", decided, follow=True).content.decode()
    assert world.output(world.play(orders, {"id": "o-8"}), "greet") == {"greeting": "good morning o-8", "total": 12}
    assert "Published as version 2" in shown(alice, detail)


def test_a_changed_draft_is_told_and_can_not_be_approved(acme: Acme) -> None:
    review = acme.review(fields=AFTER)
    detail = f"/w/{acme.workspace.slug}/reviews/{review.id}/"
    acme.draft(fields={"greeting": "'x'"})
    page = shown(browser("bob"), detail)
    assert "The draft was changed since" in page
    assert "decide/" not in page
    said = browser("bob").post(f"{detail}decide/", {"outcome": "approved", "shown": review.sha256}, follow=True)
    assert "is not what would be published now" in said.content.decode()


def test_returned_with_comments_commented_and_withdrawn(acme: Acme) -> None:
    review = acme.review(fields=AFTER)
    detail = f"/w/{acme.workspace.slug}/reviews/{review.id}/"
    alice, bob = browser("alice"), browser("bob")
    alice.post(f"{detail}comment/", {"text": "See <b>contract</b>", "path": "/fields/total"})
    assert "See &lt;b&gt;contract&lt;/b&gt;" in shown(bob, detail)
    assert (
        "say what is to be changed"
        in bob.post(f"{detail}decide/", {"outcome": "returned"}, follow=True).content.decode()
    )
    bob.post(f"{detail}decide/", {"outcome": "returned", "comment": "Call it sum."})
    assert "Returned by bob@example.com" in shown(alice, detail)

    again = acme.review(fields=AFTER)
    assert again != review
    alice.post(f"/w/{acme.workspace.slug}/reviews/{again.id}/withdraw/", {"reason": "not yet"})
    again.refresh_from_db()
    assert (again.state, again.reason) == ("withdrawn", "not yet")


def test_the_emergency_is_for_administrators_and_on_record(acme: Acme) -> None:
    document = acme.draft(fields=AFTER)
    url = f"/w/{acme.workspace.slug}/mappings/order-row/"
    form = {"revision": document.draft_revision, "note": "now", "bypass": "the shop stands still"}
    assert "An emergency" in shown(browser("ada"), f"{url}edit/")
    assert "An emergency" not in shown(browser("alice"), f"{url}edit/")
    assert browser("alice").post(f"{url}publish/", form).status_code == 403
    browser("ada").post(f"{url}publish/", form)
    assert Mapping.objects.get().latest_version == 2
    assert AuditEntry.objects.filter(action="review.bypassed").count() == 1
    assert "the shop stands still" in shown(browser("bob"), url)


def test_the_policy_is_changed_by_administrators_and_audited(acme: Acme) -> None:
    url = f"/w/{acme.workspace.slug}/settings/reviews/"
    assert "A steward approves" in shown(browser("bob"), url)
    assert browser("bob").post(f"{url}change/", {"days": "3"}).status_code == 403
    given = {"rule-mapping": "four_eyes", "rule-flow": "steward", "days": "3"}
    browser("ada").post(f"{url}change/", given)
    acme.workspace.refresh_from_db()
    assert acme.workspace.settings == {
        "review_policy": {"mapping": "four_eyes", "flow": "steward"},
        "review_days": 3,
        "review_bypass": False,
    }
    assert "from 1 to" in browser("ada").post(f"{url}change/", {"days": "999"}, follow=True).content.decode()


def test_domains_are_made_changed_and_deleted_in_the_browser(acme: Acme) -> None:
    url, ada = f"/w/{acme.workspace.slug}/domains/", browser("ada")
    form = {"slug": "sales", "title": "Sales", "owner": "ada@example.com", "stewards": ["bob@example.com"]}
    assert ada.post(f"{url}-new/", {**form, "slug": "No!"}).status_code == 422
    ada.post(f"{url}-new/", form)
    acme.draft(domain="sales")
    page = shown(browser("bob"), f"{url}sales/")
    assert "Order row" in page
    assert "bob@example.com" in page
    assert "edit/" not in page
    assert "is named by order-row" in ada.post(f"{url}sales/delete/", follow=True).content.decode()
    ada.post(f"{url}sales/edit/", {"title": "All sales", "owner": "", "stewards": []})
    assert "none: the stewards of the workspace decide" in shown(ada, f"{url}sales/")
    acme.draft()
    ada.post(f"{url}sales/delete/")
    assert "No domain yet" in shown(ada, url)


def test_two_hundred_reviews_cost_no_more_queries_than_one(acme: Acme) -> None:
    bob, url = browser("bob"), f"/w/{acme.workspace.slug}/reviews/"
    acme.review(fields=AFTER)
    bob.get(url)
    with CaptureQueriesContext(connection) as few:
        bob.get(url)
    for number in range(200):
        copy = Review.objects.exclude(slug__startswith="copy").get()
        copy.id, copy.slug, copy.document_id = uuid7(), f"copy-{number}", uuid7()
        copy.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        page = bob.get(url).content.decode()
    assert page.count("row-title") == 200
    assert len(many) <= len(few)


def test_strangers_find_nothing(acme: Acme) -> None:
    review = acme.review(fields=AFTER)
    other = accounts.create_workspace(slug="globex", name="Globex", actor=SYSTEM)
    make_member(other, "charlie@example.com", "admin")
    for workspace in (acme.workspace, other):
        assert browser("charlie").get(f"/w/{workspace.slug}/reviews/{review.id}/").status_code == 404
