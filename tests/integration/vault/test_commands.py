"""The command line of keys and audit trail."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipaas.accounts.models import Workspace
from ipaas.audit.services import verify_chain
from ipaas.audit.signing import public_keys
from ipaas.cli.trust import audit, vault
from ipaas.core.actor import SYSTEM, Actor
from ipaas.vault import services


@pytest.fixture(autouse=True)
def _one_secret(workspace: Workspace, alice: Actor, key_file: Path) -> None:
    services.create_secret(workspace=workspace, slug="payments", fields={"token": "value"}, actor=alice)


def run(*words: str) -> Result:
    return CliRunner().invoke(vault if words[0] == "vault" else audit, words[1:])


def test_a_key_is_rotated_by_three_commands() -> None:
    refused = run("vault", "retire-key", "1")
    assert refused.exit_code == 1
    assert "version 2 is current" in run("vault", "add-key").output
    refused = run("vault", "retire-key", "1")
    assert (refused.exit_code, "ipaas vault rewrap" in refused.output) == (1, True)
    assert "0 left" in run("vault", "rewrap").output
    assert run("vault", "retire-key", "1").output == "version 1 is removed\n"
    status = run("vault", "status")
    assert status.exit_code == 0
    assert status.output == "version 2: 1 data keys, current\nevery version in use opens\n"


def test_a_lost_key_is_told_in_a_line(key_file: Path) -> None:
    key_file.unlink()
    told = run("vault", "status")
    assert told.exit_code == 5
    assert told.output.startswith(f"Error: There is no key-encryption key: {key_file} does not exist. Restore")


def test_public_keys_are_shown_by_their_ids(workspace: Workspace) -> None:
    verify_chain(workspace_id=workspace.id, actor=SYSTEM)
    shown = dict(line.split() for line in run("audit", "public-keys").output.splitlines())
    assert shown == public_keys()
    assert shown
