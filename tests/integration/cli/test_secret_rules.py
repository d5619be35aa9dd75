"""Secrets by command beyond entering them: rules, rotation, the backend, migration."""

import re

import pytest

from ipaas.accounts.models import Workspace
from ipaas.vault import break_glass
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.reads import flush_reads
from tests.integration.cli.conftest import Run, told

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_secret_is_rotated_collected_and_its_reads_are_told(run: Run, acme: Workspace) -> None:
    run("secrets", "set", "hooks", "--kind", "signing", "--field", "signing_secret", stdin="first-value\n")
    assert run("secrets", "rotation", "hooks").exit_code == 2
    ruled = run("secrets", "rotation", "hooks", "--every", "90", "--automatic", "--overlap", "3600")
    assert ruled.stdout.startswith("secret hooks: to be rotated by 20")
    rotated = run("secrets", "rotate", "hooks")
    assert rotated.stdout == "secret hooks: version 2 is live; collect it with: ipaas secrets collect hooks 2\n"
    collected = run("secrets", "collect", "hooks", "2")
    assert re.fullmatch(r"signing_secret: [\w-]{43}\n", collected.stdout)
    assert run("secrets", "collect", "hooks", "2").exit_code == 1
    flush_reads(everything=True)
    reads = told(run("secrets", "reads", "hooks", "--json"))
    assert sorted(purpose for one in reads for purpose in one["purposes"]) == ["collecting", "rotation"]
    shown = run("secrets", "show", "hooks").stdout
    assert re.search(r"every days +90\n.*rotation +automatic\n", shown)
    assert collected.stdout.strip()[16:] not in shown
    assert run("secrets", "rotation", "hooks", "--none").stdout == "secret hooks: no rule any more\n"


def test_reading_needs_the_glass_to_be_broken(run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run("secrets", "set", "erp", "--field", "token", stdin="of-the-erp\n")
    words = ("secrets", "reveal", "erp", "--reason", "the vendor locked us out")
    refused = run(*words, "--yes")
    assert (refused.exit_code, "IPAAS_BREAK_GLASS is off" in refused.stderr) == (6, True)

    class On:
        break_glass = True

    monkeypatch.setattr(break_glass, "settings", On)
    assert run(*words).exit_code == 2
    assert run(*words, "--yes").stdout == "token: of-the-erp\n"


def test_a_backend_is_chosen_and_secrets_move_there(run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run("secrets", "set", "erp", "--field", "token", stdin="of-the-erp\n")
    assert run("secrets", "migrate", "--to", "builtin", "--plan").exit_code == 0
    refused = run("secrets", "backend", "set", "openbao", "--set", "address=https://127.0.0.1:8200", "--stdin-json",
                  stdin='{"role_id": "a", "secret_id": "b"}')  # fmt: skip
    assert (refused.exit_code, "address:" in refused.stderr) == (1, True)
    monkeypatch.setenv("IPAAS_SECRET__ACME__ERP__TOKEN", "of-the-erp")
    monkeypatch.setenv("IPAAS_SECRET__ACME__CRM__TOKEN", "of-the-crm")
    chosen = run("secrets", "backend", "set", "environment")
    assert chosen.stdout.startswith("environment: 2 secrets stand in variables IPAAS_SECRET__ACME__")
    assert run("secrets", "backend", "check", "environment").stdout == chosen.stdout
    assert "environment" in run("secrets", "backend", "show").stdout
    plan = run("secrets", "migrate", "--to", "environment", "--plan")
    assert (plan.exit_code, "erp" in plan.stdout) == (3, True)
    assert run("secrets", "migrate", "--to", "environment").exit_code == 2
    moved = run("secrets", "migrate", "--to", "environment", "--yes")
    assert (moved.exit_code, moved.stdout) == (0, "1 secrets are kept by environment now; 0 left\n")
    assert run("secrets", "register", "crm").stdout == "secret crm is registered, with token\n"
    forget_all()
    assert open_secret(acme.id, "crm", purpose="test") == {"token": "of-the-crm"}
    assert set(Secret.objects.values_list("store", flat=True)) == {"environment"}
    forget_all()
