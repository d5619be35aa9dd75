"""Backends of the vault, against a real OpenBao server; variables and files as an operator mounts them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import Actor
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.outbox.models import Mail
from ipaas.vault import leftovers, services
from ipaas.vault.backends import check_backend, down_backends, set_backend
from ipaas.vault.errors import (
    BackendDenied,
    BackendUnavailable,
    BackendUnusable,
    SecretNotFound,
    SecretUnusable,
    StoreReadOnly,
)
from ipaas.vault.inbound import open_versions
from ipaas.vault.known import secret_values
from ipaas.vault.models import Backend, Leftover, Secret, SecretVersion
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.standing import look_after_backends
from ipaas.vault.stores import bao as bao_module
from ipaas.vault.stores import mounted
from tests.integration.vault.conftest import POLICY, Bao

VALUE = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"


def opened(workspace: Workspace, slug: str = "payments") -> dict[str, str]:
    forget_all()
    return open_secret(workspace.id, slug, purpose="charge")


def make(workspace: Workspace, actor: Actor, slug: str = "payments", kind: str = "credential", **fields: str) -> Secret:
    given = fields or {"token": VALUE}
    return services.create_secret(workspace=workspace, slug=slug, kind=kind, fields=given, actor=actor)


def kept_by(bao: Bao, slug: str = "payments") -> dict[str, Any]:
    found: dict[str, Any] = bao.do("GET", f"secret/metadata/ipaas/acme/{slug}")["data"]["versions"]
    return found


def test_what_is_entered_is_kept_by_the_backend_alone(openbao: Bao, workspace: Workspace, alice: Actor) -> None:
    secret = make(workspace, alice)
    version = SecretVersion.objects.get(secret=secret)
    assert (secret.store, version.store_ref) == ("openbao", "1")
    assert (bytes(version.wrapped_key), version.sealed_fields) == (b"", [])
    assert openbao.do("GET", "secret/data/ipaas/acme/payments")["data"]["data"] == {"token": VALUE}
    assert opened(workspace) == {"token": VALUE}
    assert VALUE[:10] not in str(secret_values(workspace.id))


def test_versions_overlap_are_revoked_and_destroyed_there(
    openbao: Bao, workspace: Workspace, alice: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    secret = make(workspace, alice, "hooks", "signing", key="one")
    with django_capture_on_commit_callbacks(execute=True):
        services.put_version(secret=secret, fields={"key": "two"}, actor=alice, overlap=timedelta(hours=1))
    assert open_versions(workspace.id, "hooks", purpose="verify") == [{"key": "two"}, {"key": "one"}]
    with django_capture_on_commit_callbacks(execute=True):
        services.revoke_version(secret=secret, number=1, actor=alice, reason="leaked")
    assert open_versions(workspace.id, "hooks", purpose="verify") == [{"key": "two"}]
    assert [one["destroyed"] for one in kept_by(openbao, "hooks").values()] == [True, False]
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_secret(secret=secret, actor=alice)
    assert [one["destroyed"] for one in kept_by(openbao, "hooks").values()] == [True, True]
    assert not Leftover.objects.exists()


def test_what_somebody_changes_there_is_used_and_becomes_a_version(
    openbao: Bao, workspace: Workspace, alice: Actor
) -> None:
    secret = make(workspace, alice)
    changed = {"token": "changed-outside", "port": 8443, "UPPER": "x"}
    openbao.do("POST", "secret/data/ipaas/acme/payments", {"data": changed})
    assert opened(workspace) == {"token": "changed-outside", "port": "8443"}
    assert opened(workspace) == {"token": "changed-outside", "port": "8443"}
    live = secret.versions.get(state="live")
    assert (live.number, live.store_ref, live.created_by, live.field_names) == (2, "2", "openbao", ["port", "token"])
    assert AuditEntry.objects.filter(action="secret.version_found").count() == 1
    openbao.do("DELETE", "secret/data/ipaas/acme/payments")
    with pytest.raises(SecretUnusable):
        opened(workspace)


def test_a_secret_that_is_there_already_is_registered_without_a_value(
    openbao: Bao, workspace: Workspace, alice: Actor
) -> None:
    openbao.do("POST", "secret/data/ipaas/acme/erp", {"data": {"token": "of-the-erp"}})
    services.register_secret(workspace=workspace, slug="erp", actor=alice)
    assert opened(workspace, "erp") == {"token": "of-the-erp"}
    with pytest.raises(SecretUnusable):
        services.register_secret(workspace=workspace, slug="missing", actor=alice)
    assert not Secret.objects.filter(slug="missing").exists()


def test_no_login_is_seen_or_used_by_those_who_use_secrets(openbao: Bao, workspace: Workspace, alice: Actor) -> None:
    login = Secret.objects.get(kind="login")
    assert (login.slug, login.store) == ("vault-login-openbao", "builtin")
    with pytest.raises(SecretNotFound):
        open_secret(workspace.id, login.slug, purpose="charge")
    with pytest.raises(PermissionDenied):
        services.put_version(secret=login, fields={"role_id": "x", "secret_id": "y"}, actor=alice)
    with pytest.raises(PermissionDenied):
        services.delete_secret(secret=login, actor=alice)


def test_tokens_are_renewed_made_anew_and_kept_alive(
    openbao: Bao, workspace: Workspace, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(workspace, alice)
    (before,) = (one.value for one in bao_module._tokens.values())
    moment = bao_module.monotonic()
    monkeypatch.setattr(bao_module, "monotonic", lambda: moment + 20)
    assert look_after_backends() == 1  # two thirds of its life are over
    (renewed,) = bao_module._tokens.values()
    assert renewed.value == before
    assert renewed.ends_at > moment + 40
    openbao.do("POST", "auth/token/revoke", {"token": before})
    assert opened(workspace) == {"token": VALUE}
    assert next(iter(bao_module._tokens.values())).value != before
    assert before not in repr(bao_module._tokens)


def test_a_token_works_as_a_login_too(bao: Bao, workspace: Workspace, admin: Actor) -> None:
    bao.do("PUT", "sys/policies/acl/ipaas-acme", {"policy": POLICY})
    token = bao.do("POST", "auth/token/create", {"policies": ["ipaas-acme"], "ttl": "1h"})["auth"]["client_token"]
    config = {"address": bao.address, "auth": "token"}
    set_backend(workspace=workspace, kind="openbao", config=config, login={"token": token}, actor=admin)
    make(workspace, admin)
    assert opened(workspace) == {"token": VALUE}
    bao.do("POST", "auth/token/revoke", {"token": token})
    bao_module.forget_tokens()
    with pytest.raises(BackendUnavailable, match="does not accept the token"):
        opened(workspace)


def test_a_sealed_or_absent_server_is_unavailable_and_left_alone_a_while(
    openbao: Bao, workspace: Workspace, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(workspace, alice)
    asked: list[str] = []
    real = bao_module.BaoClient._call

    async def count(self: Any, method: str, path: str, *rest: Any) -> Any:
        asked.append(path)
        return await real(self, method, path, *rest)

    monkeypatch.setattr(bao_module.BaoClient, "_call", count)
    Backend.objects.update(config={**Backend.objects.get().config, "address": "http://127.0.0.1:1"})
    workspace.settings = {"egress_allow": ["127.0.0.1:1"]}
    workspace.save()
    for _ in range(3):
        with pytest.raises(BackendUnavailable):
            opened(workspace)
    assert len(asked) == 1
    moment = bao_module.monotonic()
    monkeypatch.setattr(bao_module, "monotonic", lambda: moment + bao_module.LEFT_ALONE_S + 1)
    with pytest.raises(BackendUnavailable):
        opened(workspace)
    assert len(asked) == 2


def test_what_a_good_login_may_not_do_is_not_waited_for_and_one_that_ended_is(
    openbao: Bao, workspace: Workspace, alice: Actor
) -> None:
    make(workspace, alice)
    openbao.do("PUT", "sys/policies/acl/ipaas-acme", {"policy": 'path "secret/data/other" { capabilities = ["read"] }'})
    with pytest.raises(BackendDenied, match=r"it refuses GET secret/data/ipaas/acme/payments \(status 403\)") as denied:
        opened(workspace)
    assert not denied.value.passes
    assert "Extend the policy" in denied.value.advice
    role = openbao.do("LIST", "auth/approle/role/acme/secret-id")["data"]["keys"]
    for one in role:
        openbao.do("POST", "auth/approle/role/acme/secret-id-accessor/destroy", {"secret_id_accessor": one})
    bao_module.forget_tokens()
    with pytest.raises(BackendUnavailable, match="does not accept the AppRole login") as ended:
        opened(workspace)
    assert ended.value.passes


def test_a_store_that_is_away_is_shown_and_told_once_until_it_is_back(
    openbao: Bao, workspace: Workspace, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Backend.objects.get().config["address"]
    Backend.objects.update(config={**Backend.objects.get().config, "address": "http://127.0.0.1:1"})
    workspace.settings = {"egress_allow": [openbao.host, "127.0.0.1:1"]}
    workspace.save()
    with time_machine.travel("2026-12-01T10:00:00Z", tick=False) as clock:
        assert (look_after_backends(), look_after_backends()) == (0, 0)
        (down,) = down_backends(workspace.id)
        assert down.down_reason.startswith("The backend openbao (http://127.0.0.1:1) of the vault can not be used: No")
        assert not Mail.objects.exists()  # a restart is nobody's business
        clock.shift(timedelta(seconds=61))
        assert (look_after_backends(), look_after_backends()) == (0, 0)
        told = Mail.objects.get()
        assert (told.to, "Since 2026-12-01T10:00:00+00:00" in told.text) == ("ada@example.org", True)
        Backend.objects.update(config={**Backend.objects.get().config, "address": address})
        bao_module.forget_tokens()
        assert (look_after_backends(), down_backends(workspace.id)) == (1, [])
    found = AuditEntry.objects.filter(action__startswith="vault.backend_").exclude(action="vault.backend_set")
    assert sorted(found.values_list("action", flat=True)) == ["vault.backend_back", "vault.backend_down"]


def test_a_token_that_was_revoked_is_told_from_one_that_may_not(bao: Bao, workspace: Workspace, admin: Actor) -> None:
    token = bao.do("POST", "auth/token/create", {"policies": ["root"], "ttl": "1h"})["auth"]["client_token"]
    config = {"address": bao.address, "auth": "token"}
    set_backend(workspace=workspace, kind="openbao", config=config, login={"token": token}, actor=admin)
    make(workspace, admin)
    bao.do("POST", "auth/token/revoke", {"token": token})
    with pytest.raises(BackendUnavailable, match="its login has ended") as ended:
        opened(workspace)
    assert ended.value.passes


def test_what_could_not_be_destroyed_is_destroyed_later(
    openbao: Bao, workspace: Workspace, alice: Actor, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    secret = make(workspace, alice)

    def away(*_: Any) -> None:
        raise BackendUnavailable(backend="openbao", reason="away")

    with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr("ipaas.vault.stores.kv.KvStore.wipe", away)
        services.revoke_version(secret=secret, number=1, actor=alice, reason="leaked")
    assert not kept_by(openbao)["1"]["destroyed"]
    assert leftovers.clear_leftovers() == 1
    assert kept_by(openbao)["1"]["destroyed"]


def test_keys_are_wrapped_by_the_transit_engine(bao: Bao, workspace: Workspace, admin: Actor) -> None:
    bao.do("POST", "transit/keys/ipaas-acme", {})
    config = {"address": bao.address, "auth": "token"}
    login = {"token": bao.root}
    told = set_backend(workspace=workspace, kind="transit", config=config, login=login, actor=admin)
    assert told.endswith("The key ipaas-acme of transit/ wraps and unwraps; it is at v1.")
    secret = make(workspace, admin)
    version = secret.versions.get()
    assert bytes(version.wrapped_key).startswith(b"vault:v1:")
    assert VALUE not in str(version.sealed_fields)
    assert opened(workspace) == {"token": VALUE}
    bao.do("POST", "transit/keys/ipaas-acme/rotate")
    services.put_version(secret=secret, fields={"token": "second"}, actor=admin)
    assert bytes(secret.versions.get(state="live").wrapped_key).startswith(b"vault:v2:")
    assert opened(workspace) == {"token": "second"}
    SecretVersion.objects.filter(secret=secret, state="live").update(number=9)
    with pytest.raises(BackendUnavailable, match="400"):
        opened(workspace)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"address": "https://127.0.0.1:8200"}, "address"),
        ({"address": "http://vault.example.com"}, "address"),
        ({"address": "ftp://x"}, "address"),
        ({"address": "https://user:pw@vault.example.com"}, "address"),
        ({"mount": "../sys"}, "mount"),
        ({"path": "a//b"}, "path"),
        ({"path": "a?b"}, "path"),
        ({"auth": "ldap"}, "auth"),
        ({"ca_pem": "nonsense"}, "ca_pem"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_setting_is_refused_by_name(
    config: dict[str, str], path: str, workspace: Workspace, admin: Actor, db: None
) -> None:
    given = {"address": "https://vault.example.com", **config}
    login = {"role_id": "a", "secret_id": "b"}
    with pytest.raises(InvalidInput) as caught:
        set_backend(workspace=workspace, kind="openbao", config=given, login=login, actor=admin)
    assert path in {one["path"] for one in caught.value.errors}
    assert not Backend.objects.exists()


def test_another_address_needs_the_login_anew_and_what_fails_is_not_stored(
    openbao: Bao, workspace: Workspace, admin: Actor, alice: Actor
) -> None:
    with pytest.raises(InvalidInput, match="entered with the address"):
        set_backend(
            workspace=workspace, kind="openbao", config={"address": "https://other.example"}, login={}, actor=admin
        )
    wrong = {"role_id": "a", "secret_id": "b"}
    with pytest.raises(BackendUnusable, match="AppRole"):
        set_backend(workspace=workspace, kind="openbao", config={}, login=wrong, actor=admin)
    with pytest.raises(PermissionDenied):
        set_backend(workspace=workspace, kind="builtin", config={}, login={}, actor=alice)


def test_a_login_with_too_few_rights_is_told(bao: Bao, workspace: Workspace, admin: Actor) -> None:
    token = bao.do("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"})["auth"]["client_token"]
    config = {"address": bao.address, "auth": "token"}
    with pytest.raises(BackendUnusable, match="may not create, read, update secret/data/ipaas/acme"):
        set_backend(workspace=workspace, kind="openbao", config=config, login={"token": token}, actor=admin)


def test_variables_are_read_by_their_own_workspace_alone(
    workspace: Workspace, other_workspace: Workspace, admin: Actor, charlie: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, value in enumerate(("first", "second")):
        monkeypatch.setenv("IPAAS_SECRET__ACME__PARTNER_KEY__TOKEN", value)
        if number == 0:
            told = set_backend(workspace=workspace, kind="environment", config={}, login={}, actor=admin)
            assert told == "1 secrets stand in variables IPAAS_SECRET__ACME__<SECRET>__<FIELD>."
            services.register_secret(workspace=workspace, slug="partner-key", actor=admin)
        assert opened(workspace, "partner-key") == {"token": value}
    secret = Secret.objects.get(slug="partner-key")
    assert list(secret.versions.values_list("number", "state")) == [(2, "live"), (1, "retired")]
    assert "second" not in str(list(SecretVersion.objects.values()))
    with pytest.raises(StoreReadOnly):
        make(workspace, admin)
    with pytest.raises(StoreReadOnly):
        services.put_version(secret=secret, fields={"token": "x"}, actor=admin)
    set_backend(workspace=other_workspace, kind="environment", config={}, login={}, actor=charlie)
    with pytest.raises(SecretUnusable):
        services.register_secret(workspace=other_workspace, slug="partner-key", actor=charlie)
    made = services.create_secret(
        workspace=workspace, slug="made", kind="signing", fields={"signing_secret": "x"}, actor=admin, made_here=True
    )
    assert made.store == "builtin"


def test_files_are_read_from_the_workspaces_folder_alone(
    workspace: Workspace, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Conf:
        secrets_dir = tmp_path

    monkeypatch.setattr(mounted, "settings", Conf)
    with pytest.raises(BackendUnusable, match="is not mounted"):
        set_backend(workspace=workspace, kind="file", config={}, login={}, actor=admin)
    data = tmp_path / "acme" / "..data" / "erp"
    data.mkdir(parents=True)
    (data / "token").write_text("of-the-erp\n")
    (tmp_path / "acme" / "erp").symlink_to(data)
    assert set_backend(workspace=workspace, kind="file", config={}, login={}, actor=admin).startswith("1 secrets are")
    services.register_secret(workspace=workspace, slug="erp", actor=admin)
    assert opened(workspace, "erp") == {"token": "of-the-erp"}
    (tmp_path / "foreign").write_text("of another workspace")
    (data / "stolen").symlink_to(tmp_path / "foreign")
    with pytest.raises(BackendUnavailable, match="leads elsewhere"):
        opened(workspace, "erp")
    assert check_backend(workspace=workspace, kind="builtin", actor=admin).startswith("Version 1")
