"""Moving secrets between stores: planned, checked, taken up again after a kill."""

from datetime import timedelta
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import Actor
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.vault import migrating, services
from ipaas.vault.backends import set_backend
from ipaas.vault.inbound import open_versions
from ipaas.vault.migrating import migrate_secrets, plan_migration
from ipaas.vault.models import Leftover, Secret, SecretVersion
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.stores.base import Held
from tests.integration.vault.conftest import Bao


@pytest.fixture
def secrets(workspace: Workspace, alice: Actor) -> list[Secret]:
    """Entered while the built-in store was the chosen one; the last has two live values."""
    made = [
        services.create_secret(workspace=workspace, slug=f"s-{one}", fields={"token": f"value {one}"}, actor=alice)
        for one in range(4)
    ]
    signing = services.create_secret(
        workspace=workspace, slug="t-signing", kind="signing", fields={"key": "one"}, actor=alice
    )
    services.put_version(secret=signing, fields={"key": "two"}, actor=alice, overlap=timedelta(hours=1))
    return [*made, signing]


def values(workspace: Workspace) -> list[Any]:
    forget_all()
    return [
        *(open_secret(workspace.id, f"s-{one}", purpose="test")["token"] for one in range(4)),
        *(fields["key"] for fields in open_versions(workspace.id, "t-signing", purpose="test")),
    ]


WHOLE = ["value 0", "value 1", "value 2", "value 3", "two", "one"]


def test_there_and_back_again(
    secrets: list[Secret], openbao: Bao, workspace: Workspace, admin: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    plan = plan_migration(workspace=workspace, to="openbao", actor=admin)
    assert [(one.slug, one.store, one.versions, one.problem) for one in plan][-1] == ("t-signing", "builtin", 2, "")
    assert len(plan) == 5
    assert not SecretVersion.objects.filter(store="openbao").exists()

    done = migrate_secrets(workspace=workspace, to="openbao", actor=admin, most=2)
    assert (done.moved, done.problems, done.left) == (("s-0", "s-1"), (), 3)
    assert values(workspace) == WHOLE
    assert migrate_secrets(workspace=workspace, to="openbao", actor=admin).left == 0
    assert values(workspace) == WHOLE
    gone = SecretVersion.objects.filter(store="openbao")
    assert {(bytes(one.wrapped_key), tuple(one.sealed_fields)) for one in gone} == {(b"", ())}
    assert migrate_secrets(workspace=workspace, to="openbao", actor=admin).moved == ()

    with django_capture_on_commit_callbacks(execute=True):
        assert migrate_secrets(workspace=workspace, to="builtin", actor=admin).left == 0
    assert values(workspace) == WHOLE
    for slug in ("s-0", "t-signing"):
        found = openbao.do("GET", f"secret/metadata/ipaas/acme/{slug}")["data"]["versions"]
        assert all(one["destroyed"] for one in found.values())
    assert AuditEntry.objects.filter(action="secret.migrated").count() == 10


def test_a_migration_that_is_killed_goes_on(
    secrets: list[Secret], openbao: Bao, workspace: Workspace, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the copy was written and before the row points to it: the worst moment."""

    class Killed(BaseException):
        pass

    def kill(action: str, secret: Secret, *_: Any) -> None:
        if secret.slug == "s-2":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(migrating, "record", kill)
        with pytest.raises(Killed):
            migrate_secrets(workspace=workspace, to="openbao", actor=admin)
    assert Secret.objects.filter(store="openbao").count() == 2
    assert values(workspace) == WHOLE
    assert migrate_secrets(workspace=workspace, to="openbao", actor=admin).left == 0
    assert values(workspace) == WHOLE


def test_a_copy_that_differs_is_not_believed(
    secrets: list[Secret], openbao: Bao, workspace: Workspace, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipaas.vault.stores.kv.KvStore.open", lambda *_: Held({"token": "other"}, "1"))
    done = migrate_secrets(workspace=workspace, to="openbao", actor=admin)
    assert (done.moved, done.left) == ((), 5)
    assert "gives back another value" in done.problems[0].problem
    assert values(workspace) == WHOLE


def test_mounted_values_take_over_when_they_are_the_same(
    secrets: list[Secret], workspace: Workspace, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPAAS_SECRET__ACME__S_0__TOKEN", "value 0")
    monkeypatch.setenv("IPAAS_SECRET__ACME__S_1__TOKEN", "another value")
    set_backend(workspace=workspace, kind="environment", config={}, login={}, actor=admin)
    done = migrate_secrets(workspace=workspace, to="environment", actor=admin)
    assert (done.moved, done.left) == (("s-0",), 4)
    assert [one.slug for one in done.problems] == ["s-1", "s-2", "s-3", "t-signing"]
    assert "two versions are accepted" in done.problems[-1].problem
    assert values(workspace) == WHOLE
    assert not Leftover.objects.exists()


def test_who_may_not_and_what_is_no_store(workspace: Workspace, admin: Actor, alice: Actor) -> None:
    with pytest.raises(PermissionDenied):
        migrate_secrets(workspace=workspace, to="builtin", actor=alice)
    with pytest.raises(InvalidInput):
        plan_migration(workspace=workspace, to="cloud", actor=admin)
