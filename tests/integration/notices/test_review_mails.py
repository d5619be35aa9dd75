"""Mail about reviews: who is asked, who is told what became of the change."""

import pytest
from django.core import mail

from ipaas.core.actor import SYSTEM
from ipaas.governance.reviews import approve_review, return_review
from ipaas.governance.services import apply_document
from tests.factories.flow_documents import mapping
from tests.integration.governance.conftest import Acme, acme_in
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]


@pytest.fixture
def acme(world: World) -> Acme:
    apply_document(actor=SYSTEM, workspace=world.workspace, content=mapping())
    return acme_in(world.workspace)


def told(world: World) -> list[tuple[str, str]]:
    world.work()
    found = sorted((address, one.subject) for one in mail.outbox for address in one.to)
    mail.outbox.clear()
    return found


def test_stewards_are_asked_and_authors_are_told(world: World, acme: Acme) -> None:
    review = acme.review(fields={"id": "'x'"})
    world.work()
    assert f"/w/{world.workspace.slug}/reviews/{review.id}/" in mail.outbox[0].body
    assert "for the supplier" in mail.outbox[0].body
    assert told(world) == [
        ("bob@example.com", "Review needed: Order row"),
        ("sue@example.com", "Review needed: Order row"),
    ]
    return_review(review=review, actor=acme.bob, comment="Name it otherwise.")
    assert told(world) == [("alice@example.com", "Your change to Order row")]

    again = acme.review(fields={"id": "'y'"})
    told(world)
    approve_review(review=again, actor=acme.sue, shown=again.sha256)
    assert told(world) == [("alice@example.com", "Your change to Order row")]
