"""Rotating the key-encryption key while the vault is in use."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, PermissionDenied
from ipaas.vault import keys, rotation, services
from ipaas.vault.errors import KeyFileMissing, KeyVersionMissing, KeyWrong
from ipaas.vault.models import DataKey, SecretVersion
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.payloads import forget_sealers, sealer_for


@pytest.fixture
def sealed(workspace: Workspace, alice: Actor, key_file: Path) -> bytes:
    """Five secrets and a payload, all under version 1."""
    for number in range(5):
        services.create_secret(workspace=workspace, slug=f"s-{number}", fields={"token": str(number)}, actor=alice)
    return sealer_for(workspace.id, fresh=True).seal(b"payload", b"aad")


def opened(workspace: Workspace) -> list[str]:
    forget_all()
    return [open_secret(workspace.id, f"s-{number}", purpose="test")["token"] for number in range(5)]


def test_reading_works_at_every_moment_of_a_rotation(workspace: Workspace, sealed: bytes) -> None:
    assert rotation.add_key(actor=SYSTEM) == 2
    assert opened(workspace) == list("01234")
    seen = []
    done = rotation.rewrap(
        actor=SYSTEM, batch=2, progress=lambda moved, left: seen.append((moved, left, opened(workspace)))
    )
    assert (done.version, done.moved, done.left) == (2, 7, 0)
    assert len(seen) == 4
    assert all(values == list("01234") for _, _, values in seen)
    rotation.retire_key(version=1, actor=SYSTEM)
    forget_sealers()
    assert opened(workspace) == list("01234")
    assert sealer_for(workspace.id).open(sealed, b"aad") == b"payload"
    actions = AuditEntry.objects.filter(action__startswith="vault.").order_by("id")
    assert [entry.action for entry in actions] == ["vault.key_added", "vault.rewrapped", "vault.key_retired"]


def test_an_interrupted_rewrap_goes_on(workspace: Workspace, sealed: bytes) -> None:
    class Killed(Exception):
        pass

    def kill(moved: int, left: int) -> None:
        raise Killed

    rotation.add_key(actor=SYSTEM)
    with pytest.raises(Killed):
        rotation.rewrap(actor=SYSTEM, batch=3, progress=kill)
    assert opened(workspace) == list("01234")
    assert SecretVersion.objects.filter(kek_version=2).count() == 3
    assert rotation.rewrap(actor=SYSTEM, batch=3).left == 0
    assert rotation.rewrap(actor=SYSTEM).moved == 0


KILLED = """
import os, signal, django
django.setup()
from ipaas.core.actor import SYSTEM
from ipaas.vault import rotation
from ipaas.vault.keys import Keyring

wrap, wrapped = Keyring.wrap, []


def wrap_or_die(self, key, aad):
    wrapped.append(1)
    if len(wrapped) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return wrap(self, key, aad)


Keyring.wrap = wrap_or_die
rotation.rewrap(actor=SYSTEM, batch=3)
"""


@pytest.mark.django_db(transaction=True)
def test_a_rewrap_that_is_killed_in_the_middle_of_a_batch_goes_on(
    workspace: Workspace, sealed: bytes, key_file: Path
) -> None:
    """The first batch is committed; of the second one key is wrapped anew when the process dies."""
    rotation.add_key(actor=SYSTEM)
    to = connection.settings_dict
    url = f"postgresql://{to['USER']}:{to['PASSWORD']}@/{to['NAME']}?host={quote(to['HOST'])}&port={to['PORT']}"
    env = {name: value for name, value in os.environ.items() if name != "IPAAS_KEK"}
    env |= {"DATABASE_URL": url, "IPAAS_KEK_FILE": str(key_file), "DJANGO_SETTINGS_MODULE": "ipaas.settings"}
    child = subprocess.run([sys.executable, "-c", KILLED], env=env, capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr

    assert SecretVersion.objects.filter(kek_version=2).count() == 3
    assert opened(workspace) == list("01234")
    done = rotation.rewrap(actor=SYSTEM)
    assert (done.moved, done.left) == (4, 0)
    rotation.retire_key(version=1, actor=SYSTEM)
    forget_sealers()
    assert opened(workspace) == list("01234")
    assert sealer_for(workspace.id).open(sealed, b"aad") == b"payload"


def test_a_version_in_use_can_not_be_retired(sealed: bytes) -> None:
    rotation.add_key(actor=SYSTEM)
    with pytest.raises(Conflict, match="rewrap"):
        rotation.retire_key(version=1, actor=SYSTEM)


def test_a_wiped_version_does_not_hold_an_old_key_back(workspace: Workspace, sealed: bytes, alice: Actor) -> None:
    secret = SecretVersion.objects.order_by("id").first().secret  # type: ignore[union-attr]
    services.revoke_version(secret=secret, number=1, actor=alice, reason="test")
    rotation.add_key(actor=SYSTEM)
    rotation.rewrap(actor=SYSTEM)
    rotation.retire_key(version=1, actor=SYSTEM)


def test_only_the_platform_rotates(workspace: Workspace, alice: Actor) -> None:
    for deed in (rotation.add_key, rotation.rewrap):
        with pytest.raises(PermissionDenied):
            deed(actor=alice)


def test_the_wrong_key_is_named_and_nothing_changes(workspace: Workspace, sealed: bytes, key_file: Path) -> None:
    rotation.check_keys()
    before = list(DataKey.objects.order_by("id").values_list("wrapped", flat=True))
    key_file.unlink()
    keys.ensure_key_file(key_file)
    forget_sealers()
    for use in (lambda: opened(workspace), lambda: sealer_for(workspace.id), rotation.check_keys):
        with pytest.raises(KeyWrong) as caught:
            use()
        assert str(key_file) in caught.value.advice
    assert list(DataKey.objects.order_by("id").values_list("wrapped", flat=True)) == before


def test_a_missing_file_or_version_is_named(workspace: Workspace, sealed: bytes, key_file: Path) -> None:
    rotation.add_key(actor=SYSTEM)
    keys.drop_key_version(1, key_file)
    with pytest.raises(KeyVersionMissing) as caught:
        opened(workspace)
    assert "version 1" in caught.value.detail
    assert str(key_file) in caught.value.detail
    key_file.unlink()
    with pytest.raises(KeyFileMissing):
        opened(workspace)
