"""A credential is made anew at its provider: the old one is good until the new one is stored, and for the overlap."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import services
from ipaas.catalog.errors import CredentialNotEnded, ProviderRefused, RevocationFailed
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.revocations import retry_revocation, revoke_due, settle_revocation
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, PermissionDenied
from ipaas.outbox.models import Mail
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.opening import forget_opened, open_secret
from ipaas.vault.rotating import rotate_secret, set_rotation
from ipaas.vault.services import create_secret
from tests.factories.people import make_actor
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


@pytest.fixture
def people(workspace: Workspace) -> Mapping[str, Actor]:
    return {role: make_actor(workspace, f"{role}@example.org", role) for role in ("admin", "builder", "operator")}


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


def test_a_credential_that_is_not_ended_is_shown_told_and_tried_until_it_is(
    mail: Connection, stubs: Running, people: Mapping[str, Actor]
) -> None:
    keys(stubs)["key-00000001"] = {"id": "key-00000001"}
    rotate_secret(secret=Secret.objects.get(slug="mail"), actor=SYSTEM, overlap=timedelta(0))
    stubs.fault(vendor="sendgrid", action="delete_api_key", kind="status", status=403)
    assert (revoke_due(), revoke_due()) == (0, 0)  # the second: not before an hour is over
    waiting = Revocation.objects.select_related("connection").get()
    assert (waiting.secret, waiting.version, waiting.tries) == ("mail", 1, 1)
    assert waiting.problem
    assert "key-00000001" not in waiting.problem
    assert waiting.due_at > now() + timedelta(minutes=59)
    assert AuditEntry.objects.filter(action="connection.revocation_failed").count() == 1
    told = Mail.objects.get(to="admin@example.org")
    assert "Version 1 of mail was replaced" in told.text
    with pytest.raises(CredentialNotEnded):
        services.delete_connection(connection=mail, actor=SYSTEM)
    with pytest.raises(RevocationFailed):
        retry_revocation(revocation=waiting, actor=people["builder"])
    assert Mail.objects.count() == 1  # told once a day
    with pytest.raises(InvalidInput):
        settle_revocation(revocation=waiting, actor=people["builder"], reason=" ")
    with pytest.raises(PermissionDenied):
        settle_revocation(revocation=waiting, actor=people["operator"], reason="by hand")
    stubs.mend("sendgrid")
    retry_revocation(revocation=Revocation.objects.select_related("connection").get(), actor=people["builder"])
    assert "key-00000001" not in keys(stubs)
    with pytest.raises(Conflict):
        settle_revocation(revocation=waiting, actor=people["builder"], reason="by hand")
    services.delete_connection(connection=mail, actor=SYSTEM)


def test_an_old_credential_may_be_ended_before_its_overlap_or_left_to_a_person(
    mail: Connection, stubs: Running, people: Mapping[str, Actor]
) -> None:
    keys(stubs)["key-00000001"] = {"id": "key-00000001"}
    rotate_secret(secret=Secret.objects.get(slug="mail"), actor=SYSTEM, overlap=timedelta(days=1))
    settle_revocation(revocation=Revocation.objects.get(), actor=people["builder"], reason="ended by hand")
    entry = AuditEntry.objects.get(action="connection.revocation_settled")
    assert (entry.details["reason"], entry.details["version"]) == ("ended by hand", 1)
    assert (revoke_due(), set(keys(stubs))) == (0, {"key-00000001", "key-00000002"})
