"""A credential is made anew at its provider: the old one is good until the new one is stored, and for the overlap."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import services
from ipaas.catalog.errors import ProviderRefused
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.provider_rotation import revoke_due
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.opening import forget_opened, open_secret
from ipaas.vault.rotating import rotate_secret, set_rotation
from ipaas.vault.services import create_secret
from tests.factories.stub_server import Running

FIRST = "SG.key-00000001.entered-by-a-person"


@pytest.fixture
def stubs(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


@pytest.fixture
def mail(workspace: Workspace, environment: Environment, stubs: Running) -> Connection:
    workspace.settings = {"egress_allow": [f"127.0.0.1:{stubs.port}"]}
    workspace.save()
    create_secret(workspace=workspace, slug="mail", fields={"token": FIRST}, actor=SYSTEM)
    return services.create_connection(
        environment=Environment.objects.select_related("workspace").get(id=environment.id),
        slug="mail",
        connector="sendgrid",
        secret="mail",
        base_url=f"http://127.0.0.1:{stubs.port}/sendgrid",
        config={"from_email": "shop@example.com"},
        actor=SYSTEM,
    )


def keys(stubs: Running) -> dict[str, Any]:
    return stubs._server.vendors["sendgrid"].state.entities.setdefault("api-key", {})


def live(row: Connection) -> str:
    forget_opened(row.workspace_id, "mail")
    return open_secret(row.workspace_id, "mail", purpose="test", flow_label="")["token"]


def test_the_provider_makes_the_next_key_and_ends_the_old_one_after_the_overlap(
    mail: Connection, stubs: Running
) -> None:
    keys(stubs)["key-00000001"] = {"id": "key-00000001"}
    secret = Secret.objects.get(slug="mail")
    set_rotation(
        secret=secret, every_days=30, rotation=Secret.Rotation.AUTOMATIC, overlap=timedelta(hours=2), actor=SYSTEM
    )
    rotate_secret(secret=secret, actor=SYSTEM)
    assert live(mail) == "SG.key-00000002.stub-key-00000002-never-a-real-key"
    assert keys(stubs)["key-00000002"]["scopes"] == ["mail.send", "marketing.read"]
    waiting = Revocation.objects.get()
    assert abs(waiting.due_at - now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert b"key-00000001" not in bytes(waiting.sealed)
    assert (revoke_due(), set(keys(stubs))) == (0, {"key-00000001", "key-00000002"})
    Revocation.objects.update(due_at=now())
    assert (revoke_due(), set(keys(stubs)), Revocation.objects.count()) == (1, {"key-00000002"}, 0)
    assert services.test_connection(connection=mail, actor=SYSTEM).kind == "ok"


def test_a_provider_that_refuses_leaves_the_old_key_in_force(mail: Connection, stubs: Running) -> None:
    stubs.fault(vendor="sendgrid", action="create_api_key", kind="status", status=403)
    with pytest.raises(ProviderRefused):
        rotate_secret(secret=Secret.objects.get(slug="mail"), actor=SYSTEM)
    assert (live(mail), Revocation.objects.count(), SecretVersion.objects.count()) == (FIRST, 0, 1)


def test_a_key_that_is_gone_already_needs_no_end(mail: Connection, stubs: Running) -> None:
    keys(stubs)["key-00000001"] = {"id": "key-00000001"}
    rotate_secret(secret=Secret.objects.get(slug="mail"), actor=SYSTEM, overlap=timedelta(0))
    keys(stubs).pop("key-00000001", None)
    assert (revoke_due(), Revocation.objects.count()) == (1, 0)
