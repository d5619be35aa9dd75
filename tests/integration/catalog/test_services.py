"""Deeds on connections: who may, what is refused, what is written down."""

from collections.abc import Callable
from typing import Any

import pytest

from ipaas.accounts.models import Environment
from ipaas.audit.models import AuditEntry
from ipaas.catalog import services
from ipaas.catalog.errors import ConnectionInUse
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.catalog.state import connection_health
from ipaas.core import providers
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.vault.errors import SecretInUse
from ipaas.vault.services import delete_secret

Connect = Callable[..., Connection]


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect(9)


def test_a_new_connection_binds_its_secret_to_the_address(connection: Connection) -> None:
    assert connection.secret_origin == "http://127.0.0.1:9"
    assert connection.connector_version == "1.0.0"
    entry = AuditEntry.objects.get(action="connection.created")
    assert entry.details["origin"] == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"base_url": "http://10.0.0.1"}, "base_url"),
        ({"base_url": "http://example.com"}, "base_url"),
        ({"base_url": "https://u:p@example.com"}, "base_url"),
        ({"base_url": "https://example.com/?x=1"}, "base_url"),
        ({"base_url": "nonsense"}, "base_url"),
        ({"config": {"mode": "sometimes"}}, "config/mode"),
        ({"config": {"other": 1}}, "config"),
        ({"auth_scheme": "magic"}, "auth_scheme"),
        ({"secret": "nothing"}, "secret"),
        ({"policy": {"timeout_s": -1}}, "policy/timeout_s"),
        ({"policy": {"retry": {"base_s": 900}}}, "policy/retry.cap_s"),
        ({"slug": "Not A Slug"}, "slug"),
    ],
)
def test_faults_are_named_with_their_place_and_nothing_is_stored(
    connect: Connect, fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        connect(9, **fields)
    assert path in [error["path"] for error in caught.value.errors]
    assert not Connection.objects.exists()


def test_a_slug_is_taken_once_per_environment(connection: Connection, connect: Connect) -> None:
    with pytest.raises(Conflict):
        connect(9)


@pytest.mark.parametrize(
    "changes",
    [{"base_url": "https://api.kestrelpay.example"}, {"auth_scheme": "oauth"}],
)
def test_another_address_or_scheme_detaches_the_secret(
    connection: Connection, alice: Actor, changes: dict[str, Any]
) -> None:
    OAuthToken.objects.create(connection=connection)
    changed = services.update_connection(connection=connection, changes=changes, actor=alice)
    assert (changed.secret, changed.secret_origin) == ("", "")
    assert not OAuthToken.objects.exists()
    assert AuditEntry.objects.get(action="connection.changed").details["secret_detached"] is True


def test_naming_the_secret_again_binds_it_to_the_new_address(connection: Connection, alice: Actor) -> None:
    changes = {"base_url": "https://api.kestrelpay.example/v9", "secret": "pay"}
    changed = services.update_connection(connection=connection, changes=changes, actor=alice)
    assert changed.secret_origin == "https://api.kestrelpay.example"


def test_other_changes_keep_the_secret(connection: Connection, alice: Actor) -> None:
    changes = {"title": "Pay", "policy": {"timeout_s": 3}}
    changed = services.update_connection(connection=connection, changes=changes, actor=alice)
    assert (changed.secret, changed.title) == ("pay", "Pay")


@pytest.mark.parametrize("changes", [{"workspace": 1}, {"state": "active"}, {"secret_origin": "x"}, {"base_url": 7}])
def test_what_is_not_for_entering_can_not_be_entered(
    connection: Connection, alice: Actor, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        services.update_connection(connection=connection, changes=changes, actor=alice)


DEEDS: list[Callable[[Connection, Actor], object]] = [
    lambda row, actor: services.update_connection(connection=row, changes={"title": "x"}, actor=actor),
    lambda row, actor: services.set_enabled(connection=row, enabled=False, actor=actor),
    lambda row, actor: services.force_breaker(connection=row, state="open", actor=actor, reason="maintenance"),
    lambda row, actor: services.test_connection(connection=row, actor=actor),
    lambda row, actor: services.delete_connection(connection=row, actor=actor),
]


@pytest.mark.parametrize("deed", DEEDS)
def test_bob_may_not_and_for_charlie_it_does_not_exist(
    connection: Connection, bob: Actor, charlie: Actor, deed: Callable[[Connection, Actor], object]
) -> None:
    with pytest.raises(PermissionDenied):
        deed(connection, bob)
    with pytest.raises(NotFound):
        deed(connection, charlie)


def test_forcing_the_breaker_needs_a_reason_and_can_be_taken_back(connection: Connection, alice: Actor) -> None:
    with pytest.raises(InvalidInput):
        services.force_breaker(connection=connection, state="open", actor=alice, reason=" ")
    with pytest.raises(InvalidInput):
        services.force_breaker(connection=connection, state="ajar", actor=alice, reason="x")
    forced = services.force_breaker(connection=connection, state="open", actor=alice, reason="maintenance")
    assert (forced.forced_breaker, forced.forced_by) == ("open", "Alice")
    assert connection_health(forced).breaker == "open"
    freed = services.force_breaker(connection=connection, state="", actor=alice, reason="over")
    assert (freed.forced_breaker, freed.forced_reason) == ("", "")


def test_health_shows_limits_and_their_settings(connection: Connection) -> None:
    health = connection_health(connection)
    assert (health.breaker, health.known, health.per_second, health.burst) == ("closed", True, 100, 200)
    assert (health.tokens, health.concurrency, health.in_use) == (200, 50, 0)


def test_enabling_twice_is_a_conflict(connection: Connection, alice: Actor) -> None:
    services.set_enabled(connection=connection, enabled=False, actor=alice)
    with pytest.raises(Conflict):
        services.set_enabled(connection=connection, enabled=False, actor=alice)


def test_what_is_used_is_not_deleted(connection: Connection, alice: Actor) -> None:
    with (
        providers.replaced(services.USES, lambda workspace_id, slug: ["flow order-to-shipment"]),
        pytest.raises(ConnectionInUse, match="order-to-shipment"),
    ):
        services.delete_connection(connection=connection, actor=alice)
    services.delete_connection(connection=connection, actor=alice)
    assert not Connection.objects.exists()
    assert AuditEntry.objects.filter(action="connection.deleted").exists()


def test_a_secret_in_use_is_not_deleted(connection: Connection) -> None:
    with pytest.raises(SecretInUse, match="payments"):
        delete_secret(secret=connection.workspace.secrets.get(slug="pay"), actor=SYSTEM)


def test_the_test_call_says_what_is_wrong_and_is_kept(connection: Connection, alice: Actor) -> None:
    outcome = services.test_connection(connection=connection, actor=alice)
    assert outcome.kind == "failed"
    connection.refresh_from_db()
    assert connection.test_ok is False
    assert "127.0.0.1:9" in connection.test_message
    assert AuditEntry.objects.get(action="connection.tested").details["ok"] is False


def test_usual_address_comes_from_the_connector(environment: Environment) -> None:
    row = services.create_connection(environment=environment, slug="pay", connector="payments", actor=SYSTEM)
    assert row.base_url == "https://api.kestrelpay.example"
    assert (row.auth_scheme, row.title) == ("api-key", "Kestrel Pay")


def test_what_somebody_deleted_meanwhile_is_not_found(connection: Connection) -> None:
    services.delete_connection(connection=Connection.objects.get(id=connection.id), actor=SYSTEM)

    with pytest.raises(NotFound):
        services.update_connection(connection=connection, changes={"title": "New"}, actor=SYSTEM)
    with pytest.raises(NotFound):
        services.delete_connection(connection=connection, actor=SYSTEM)
    assert AuditEntry.objects.filter(action="connection.deleted").count() == 1
