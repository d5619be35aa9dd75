"""Deeds on endpoints: who may, what is refused, what the sender hears when the signing secret is gone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.events import services
from ipaas.events.errors import EndpointInUse
from ipaas.events.intake import EndpointUnready
from ipaas.events.models import Endpoint
from ipaas.events.queries import endpoint_view
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.services import pause_flow
from ipaas.governance import services as governance
from ipaas.vault import keys
from ipaas.vault.errors import BackendUnavailable, SecretInUse
from ipaas.vault.keys import ensure_key_file
from ipaas.vault.models import Secret
from ipaas.vault.payloads import forget_sealers
from ipaas.vault.services import create_secret, delete_secret, put_version, revoke_version
from tests.factories.flow_documents import flow

pytestmark = pytest.mark.django_db
EDITOR = frozenset({"connections.view", "connections.edit"})


@pytest.fixture(autouse=True)
def _key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    file = tmp_path / "kek.json"
    ensure_key_file(file)
    monkeypatch.setattr(keys, "key_file", lambda: file)
    forget_sealers()
    yield
    forget_sealers()


@pytest.fixture
def environment(db: None) -> Environment:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


@pytest.fixture
def alice(environment: Environment) -> Actor:
    return Actor("user", "u1", "Alice", environment.workspace_id, EDITOR)


@pytest.fixture
def bob(environment: Environment) -> Actor:
    return Actor("user", "u2", "Bob", environment.workspace_id, frozenset({"connections.view"}))


@pytest.fixture
def charlie(db: None) -> Actor:
    return Actor("user", "u3", "Charlie", uuid4(), EDITOR)


@pytest.fixture
def secret(environment: Environment) -> Secret:
    fields = {"signing_secret": "whsec_" + "QUJD" * 8}
    return create_secret(
        workspace=environment.workspace, slug="shop-signing", fields=fields, actor=SYSTEM, kind=Secret.Kind.SIGNING
    )


@pytest.fixture
def endpoint(environment: Environment, secret: Secret) -> Endpoint:
    return services.create_endpoint(
        actor=SYSTEM, environment=environment, slug="shop", title="Shop", secret_slug=secret.slug
    )


def change(actor: Actor, endpoint: Endpoint) -> Endpoint:
    return services.update_endpoint(actor=actor, endpoint=endpoint, changes={"title": "The shop"})


def pause(actor: Actor, endpoint: Endpoint) -> Endpoint:
    return services.pause_endpoint(actor=actor, endpoint=endpoint, reason="sale")


def rotate(actor: Actor, endpoint: Endpoint) -> Endpoint:
    return services.rotate_endpoint(actor=actor, endpoint=endpoint, reason="the address leaked")


def delete(actor: Actor, endpoint: Endpoint) -> None:
    services.delete_endpoint(actor=actor, endpoint=endpoint)


@pytest.mark.parametrize("deed", [change, pause, rotate, delete], ids=lambda deed: deed.__name__)
def test_who_may(deed: Any, endpoint: Endpoint, alice: Actor, bob: Actor, charlie: Actor) -> None:
    with pytest.raises(PermissionDenied):
        deed(bob, endpoint)
    with pytest.raises(NotFound):
        deed(charlie, endpoint)
    before = AuditEntry.objects.count()
    deed(alice, endpoint)
    assert AuditEntry.objects.count() == before + 1


def test_pausing_needs_a_reason_and_happens_once(endpoint: Endpoint, alice: Actor) -> None:
    with pytest.raises(InvalidInput):
        services.pause_endpoint(actor=alice, endpoint=endpoint, reason=" ")
    pause(alice, endpoint)
    with pytest.raises(Conflict):
        pause(alice, endpoint)
    view = endpoint_view(endpoint.public_id)
    assert view is not None
    assert view.paused
    services.resume_endpoint(actor=alice, endpoint=endpoint)
    entries = AuditEntry.objects.filter(action__in=["endpoint.paused", "endpoint.resumed"]).order_by("id")
    assert [entry.details["reason"] for entry in entries] == ["sale", ""]


def test_a_rotated_endpoint_leaves_its_old_address(endpoint: Endpoint, alice: Actor) -> None:
    moved = rotate(alice, endpoint)
    assert endpoint_view(endpoint.public_id) is None
    found = endpoint_view(moved.public_id)
    assert found is not None
    assert found.id == endpoint.id


def started_by(endpoint: Endpoint, slug: str) -> Deployment:
    """A flow that deliveries to the endpoint start."""
    trigger = {"webhook": {"endpoint": endpoint.slug}}
    content = flow(slug=slug, trigger=trigger, steps=[{"id": "note", "map": {"fields": {"order": "trigger.body.id"}}}])
    applied = governance.apply_document(actor=SYSTEM, workspace=endpoint.workspace, content=content)
    found = Flow.objects.get(id=applied.document.id)
    return governance.deploy(flow=found, environment=endpoint.environment, version=applied.version, actor=SYSTEM)


def test_an_endpoint_that_starts_a_deployed_flow_stays(
    endpoint: Endpoint, environment: Environment, secret: Secret, alice: Actor
) -> None:
    staging = Environment.objects.create(workspace=environment.workspace, slug="staging", name="Staging")
    elsewhere = services.create_endpoint(
        actor=SYSTEM, environment=staging, slug="shop", title="Shop", secret_slug=secret.slug
    )
    orders = started_by(endpoint, "orders")
    pause_flow(flow=orders.flow, actor=SYSTEM, reason="sale")
    with pytest.raises(EndpointInUse, match=r"starts flow orders v1 \(production\)"):
        delete(alice, endpoint)
    delete(alice, elsewhere)
    governance.undeploy(deployment=orders, actor=SYSTEM, reason="sale")
    delete(alice, endpoint)
    assert endpoint_view(endpoint.public_id) is None
    entries = AuditEntry.objects.filter(action="endpoint.deleted").order_by("id")
    assert [entry.details for entry in entries] == [{"environment": "staging"}, {"environment": "production"}]
    delete_secret(secret=secret, actor=SYSTEM)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"title": ""}, "/title"),
        ({"delivery_header": "no header"}, "/delivery_header"),
        ({"event_header": "a\r\nb"}, "/event_header"),
        ({"signature": {"scheme": "magic"}}, "/signature"),
        ({"signature": {"scheme": "none"}}, "/signature"),
        ({"secret_slug": ""}, "/secret_slug"),
        ({"secret_slug": "nothing"}, "/secret_slug"),
        ({"secret_slug": "payments-key"}, "/secret_slug"),
        ({"secret_slug": "odd-fields"}, "/secret_slug"),
        ({"public_id": "mine"}, "public_id"),
        ({"state": "paused"}, "state"),
    ],
    ids=lambda value: "-".join(f"{key}={text}" for key, text in value.items()) if isinstance(value, dict) else value,
)
def test_faults_are_named_and_nothing_is_stored(
    endpoint: Endpoint, alice: Actor, changes: dict[str, Any], path: str
) -> None:
    workspace = endpoint.workspace
    create_secret(workspace=workspace, slug="payments-key", fields={"signing_secret": "x"}, actor=SYSTEM)
    create_secret(workspace=workspace, slug="odd-fields", fields={"other": "x"}, actor=SYSTEM, kind=Secret.Kind.SIGNING)
    with pytest.raises(InvalidInput) as caught:
        services.update_endpoint(actor=alice, endpoint=endpoint, changes=changes)
    assert path in [error["path"] for error in caught.value.errors]
    kept = Endpoint.objects.get(id=endpoint.id)
    assert (kept.title, kept.secret_slug, kept.state) == ("Shop", "shop-signing", "active")


def test_unsigned_deliveries_need_the_say_of_an_administrator(endpoint: Endpoint, alice: Actor) -> None:
    changes = {"signature_required": False, "signature": {"scheme": "none"}, "secret_slug": ""}
    with pytest.raises(PermissionDenied):
        services.update_endpoint(actor=alice, endpoint=endpoint, changes=changes)
    admin = Actor("user", "u4", "Ada", endpoint.workspace_id, EDITOR | {"settings.edit"})
    assert not services.update_endpoint(actor=admin, endpoint=endpoint, changes=changes).signature_required


def test_a_secret_that_can_verify_nothing_is_refused_with_its_place(environment: Environment) -> None:
    fields = {"signing_secret": "our-shared-secret"}
    create_secret(workspace=environment.workspace, slug="plain", fields=fields, actor=SYSTEM, kind="signing")
    made: dict[str, Any] = {"actor": SYSTEM, "environment": environment, "title": "Till", "secret_slug": "plain"}
    with pytest.raises(InvalidInput, match="whsec_ and base64") as refused:
        services.create_endpoint(slug="till", **made)
    assert [one["path"] for one in refused.value.errors] == ["/secret_slug"]
    signed = {"scheme": "github"}
    assert services.create_endpoint(slug="code", signature=signed, **made).secret_slug == "plain"


def test_without_the_store_of_secrets_a_sender_is_told_no_reason(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise BackendUnavailable(backend="openbao (https://vault.inside.example:8200)", reason="sealed")

    monkeypatch.setattr("ipaas.vault.stores.builtin.BuiltinStore.open", away)
    with pytest.raises(EndpointUnready) as caught:
        endpoint_view(endpoint.public_id)
    assert (caught.value.status, "vault.inside" in str(caught.value.as_problem())) == (503, False)


def test_a_signing_secret_in_use_stays(endpoint: Endpoint, secret: Secret) -> None:
    with pytest.raises(SecretInUse, match=r"endpoint shop \(production\)"):
        delete_secret(secret=secret, actor=SYSTEM)


def test_without_a_usable_secret_nothing_is_taken(endpoint: Endpoint, secret: Secret) -> None:
    revoke_version(secret=secret, number=1, actor=SYSTEM, reason="leaked")
    with pytest.raises(EndpointUnready) as caught:
        endpoint_view(endpoint.public_id)
    assert caught.value.status == 503
    assert "shop-signing" not in str(caught.value.as_problem())
    Secret.objects.filter(id=secret.id).delete()
    with pytest.raises(EndpointUnready):
        endpoint_view(endpoint.public_id)


def test_both_secrets_hold_during_a_rotation(endpoint: Endpoint, secret: Secret) -> None:
    put_version(secret=secret, fields={"signing_secret": "new"}, actor=SYSTEM, overlap=timedelta(hours=1))
    view = endpoint_view(endpoint.public_id)
    assert view is not None
    assert view.secrets == ["new", "whsec_" + "QUJD" * 8]
