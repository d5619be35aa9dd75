"""Mail about data that has moved away: to whom it concerns, once a day for all that is new, nothing sensitive in it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from ipaas.accounts.models import Membership
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from ipaas.notices.drifts import tell_drift
from ipaas.notices.models import DriftNotice
from ipaas.ownership.services import create_domain
from ipaas.runtime.drift import find_drift
from ipaas.runtime.drift_models import MappingDrift
from tests.factories.flow_documents import mapping, schema
from tests.factories.people import make_member
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]
ORDER = {"type": "object", "properties": {"id": {"type": "string"}, "tier": {"x-sensitive": "personal"}}}
TOLD = "Data has moved away from the schema of Order row"


@pytest.fixture
def flow(world: World) -> Any:
    for name, role in (("bob", "steward"), ("ada", "admin"), ("olga", "builder"), ("dora", "steward")):
        make_member(world.workspace, f"{name}@example.com", role)
    for content in (schema(slug="order", schema=ORDER), mapping(source_schema="order")):
        apply_document(actor=SYSTEM, workspace=world.workspace, content=content)
    return world.flow({"id": "use", "map": {"mapping": "order-row"}})


def told(world: World) -> list[tuple[str, str]]:
    """(address, text) of the mails about drift since they were asked for last."""
    world.work()
    found = sorted((one.to[0], one.body) for one in mail.outbox if one.subject == TOLD)
    mail.outbox.clear()
    return found


def drifted(world: World, flow: Any, **body: Any) -> int:
    world.play(flow, {"id": "o-1", **body})
    find_drift()
    return tell_drift()


def later(**gone: int) -> None:
    DriftNotice.objects.update(told_at=DriftNotice.objects.get().told_at - timedelta(**gone))


def test_stewards_are_told_of_all_that_is_new_once_a_day(world: World, flow: Any) -> None:
    assert drifted(world, flow) == 0
    assert drifted(world, flow, coupon="x", password="hunter2hunter2", tier="gold-secret") == 1
    found = told(world)
    assert [address for address, _ in found] == ["bob@example.com", "dora@example.com"]
    text = found[0][1]
    assert "- /coupon comes with the data, and the schema does not name it (string)" in text
    assert "in new ways:" in text
    assert f"/w/{world.workspace.slug}/mappings/order-row/tests/" in text
    assert not [secret for secret in ("hunter2", "gold-secret") if secret in text]
    assert (drifted(world, flow, voucher="x"), tell_drift(), told(world)) == (0, 0, [])
    later(hours=25)
    assert tell_drift() == 1
    assert "/voucher" in told(world)[0][1]
    assert (tell_drift(), told(world)) == (0, [])
    later(hours=25)
    MappingDrift.objects.update(state=MappingDrift.State.IGNORED)
    assert tell_drift() == 0


def test_the_domain_comes_first_and_administrators_last(world: World, flow: Any) -> None:
    create_domain(
        workspace=world.workspace, actor=SYSTEM, slug="sales", title="Sales",
        owner="olga@example.com", stewards=["dora@example.com"],
    )  # fmt: skip
    content = mapping(source_schema="order", domain="sales", fields={"id": "source.id", "k": "1"})
    apply_document(actor=SYSTEM, workspace=world.workspace, content=content)
    drifted(world, flow, coupon="x")
    assert [address for address, _ in told(world)] == ["dora@example.com", "olga@example.com"]
    Membership.objects.filter(roles__contains=["steward"]).delete()
    apply_document(
        actor=SYSTEM, workspace=world.workspace, content=mapping(source_schema="order", fields={"id": "'x'"})
    )
    later(hours=25)
    drifted(world, flow, again="x")
    assert [address for address, _ in told(world)] == ["ada@example.com"]
    Mapping.objects.update(archived=True)
    later(hours=25)
    assert tell_drift() == 0


def test_it_stands_on_home_for_those_who_can_do_something(world: World, flow: Any) -> None:
    drifted(world, flow, coupon="x")
    client = Client()
    client.force_login(Membership.objects.get(user__email="olga@example.com").user)
    html = client.get(f"/w/{world.workspace.slug}/").content.decode()
    assert "Data of order-row differs from its schema in a new way" in html
    client.force_login(make_member(world.workspace, "aud@example.com", "auditor").user)
    assert "differs from its schema" not in client.get(f"/w/{world.workspace.slug}/").content.decode()
