"""What answers teach: operations in use, announced rates and ends; and connections that are looked after."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from django.db import connections

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import health, services
from ipaas.catalog.gateway import GatewayOutcome
from ipaas.catalog.insight import access_of
from ipaas.catalog.models import AnnouncedRate, Connection, OAuthToken, OperationUse
from ipaas.catalog.resolution import connection_for, invalidate_all
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import NotFound
from tests.integration.catalog.conftest import Pay
from tests.integration.catalog.vendor import Vendor

Connected = Callable[..., Awaitable[Connection]]


async def test_an_announced_end_is_kept_and_told_once(pay: Pay, connected: Connected, vendor: Vendor) -> None:
    row = await connected()
    vendor.headers = {"Sunset": "Wed, 30 Jun 2027 23:59:59 GMT", "Deprecation": "@1688169599"}
    for number in range(3):
        assert (await pay(effect_key=b"key-%d" % number)).kind == "ok"
    [use] = [one async for one in OperationUse.objects.filter(connection=row)]
    assert (use.operation, use.sunset_at and use.sunset_at.year) == ("create_charge", 2027)
    [entry] = [one async for one in AuditEntry.objects.filter(action="connection.end_announced")]
    assert entry.details["operation"] == "create_charge"


async def test_nothing_left_pauses_the_connection_until_the_reset(
    pay: Pay, connected: Connected, vendor: Vendor
) -> None:
    row = await connected()
    vendor.headers = {"RateLimit-Policy": '"p";q=60;w=60', "RateLimit": '"p";r=0;t=30'}
    assert (await pay(effect_key=b"one")).kind == "ok"
    waits: GatewayOutcome = await pay(effect_key=b"two")
    assert (waits.kind, waits.error and waits.error.code) == ("deferred", "paused")
    assert len(vendor.seen) == 1
    rate = await AnnouncedRate.objects.aget(connection=row)
    assert (rate.quota, rate.window_s, rate.remaining) == (60, 60, 0)
    invalidate_all()
    resolved = await connection_for(row.workspace_id, row.environment_id, row.slug)
    learned = resolved.settings_for("create_charge", "", {})[0].rate
    assert learned is not None
    assert (learned.per_second, learned.burst) == (1.0, 6)


async def test_a_higher_rate_than_the_manifest_says_changes_nothing(
    connected: Connected, environment: Environment
) -> None:
    row = await connected()
    await AnnouncedRate.objects.acreate(connection=row, quota=1_000_000, window_s=1, seen_at=now())
    resolved = await connection_for(row.workspace_id, row.environment_id, row.slug)
    rate = resolved.settings_for("create_charge", "", {})[0].rate
    assert rate is not None
    assert rate.per_second == 100


@pytest.mark.django_db(transaction=True)
def test_scopes_are_told_as_asked_for_granted_and_used(connect: Callable[..., Connection]) -> None:
    row = connect(9, auth_scheme="sign-in", secret="pay-oauth")
    OAuthToken.objects.create(connection=row, granted=["charges.read", "admin"], sealed=b"x", connected_by="Alice")
    found = access_of(row)
    assert {one.name: (one.requested, one.granted) for one in found.scopes} == {
        "charges.read": (True, True), "charges.write": (True, False), "admin": (False, True),
    }  # fmt: skip
    assert (found.connected, found.connected_by) == (True, "Alice")
    assert any("admin" in warning for warning in found.warnings)
    connect(9, slug="second", auth_scheme="oauth", secret="pay-oauth")
    assert any("pay-oauth" in warning for warning in access_of(row).warnings)


@pytest.mark.django_db(transaction=True)
def test_a_copy_takes_everything_but_the_secret(
    connect: Callable[..., Connection], workspace: Workspace, alice: Actor, charlie: Actor, bob: Actor
) -> None:
    row = connect(9, policy={"timeout_s": 3})
    place = Environment.objects.create(workspace=workspace, slug="test", name="Test")
    made = services.clone_connection(connection=row, environment=place, actor=alice)
    assert (made.slug, made.secret, made.policy, made.base_url) == (row.slug, "", row.policy, row.base_url)
    foreign = Environment.objects.create(
        workspace=Workspace.objects.create(slug="globex", name="Globex"), slug="test", name="Test"
    )
    for actor, target in ((charlie, place), (alice, foreign)):
        with pytest.raises(NotFound):
            services.clone_connection(connection=row, environment=target, actor=actor)


def looked_at() -> int:
    """How many connections were checked, in a thread of its own as the scheduler's."""
    try:
        return health.check_connections()
    finally:
        connections.close_all()


async def test_what_nobody_called_for_an_hour_is_looked_at(connected: Connected, vendor: Vendor) -> None:
    row = await connected()
    assert await asyncio.to_thread(looked_at) == 0  # never tested by anybody
    await Connection.objects.aupdate(tested_at=now() - timedelta(hours=2), test_ok=True)
    assert await asyncio.to_thread(looked_at) == 1
    assert await asyncio.to_thread(looked_at) == 0
    await row.arefresh_from_db()
    assert row.test_ok is True
    assert not await AuditEntry.objects.filter(action="connection.tested").aexists()
    vendor.listed = {"nonsense": 1}
    await Connection.objects.aupdate(tested_at=now() - timedelta(hours=2), check_due_at=None)
    await OperationUse.objects.all().adelete()
    assert await asyncio.to_thread(looked_at) == 1
    await row.arefresh_from_db()
    assert row.test_ok is False
    assert await AuditEntry.objects.filter(action="connection.tested").aexists()
