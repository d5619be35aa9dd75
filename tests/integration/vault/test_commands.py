"""The command line of keys and audit trail."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipaas.accounts.models import Workspace
from ipaas.cli.trust import audit, vault
from ipaas.core.actor import Actor
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
    assert told.exit_code == 1
    assert told.output.startswith(f"Error: There is no key-encryption key: {key_file} does not exist. Restore")


def test_an_export_verifies(tmp_path: Path, workspace: Workspace) -> None:
    exported = run("audit", "export", "acme", "--filter", "action=secret.created")
    assert exported.exit_code == 0
    path = tmp_path / "audit.jsonl"
    path.write_bytes(exported.stdout_bytes)
    key = run("audit", "public-keys").output.split()[1]
    told = run("audit", "verify", str(path), "--public-key", key)
    assert (told.exit_code, told.output.startswith("Intact")) == (0, True)
    assert run("audit", "checkpoints", "acme").exit_code == 0


@pytest.mark.parametrize("words", [("nowhere",), ("acme", "--filter", "since=today"), ("acme", "--filter", "x")])
def test_what_is_wrong_is_told_without_a_traceback(words: tuple[str, ...]) -> None:
    told = run("audit", "export", *words)
    assert told.exit_code == 1
    assert told.output.startswith("Error: ")
