"""Setting up a workspace from the command line: connections, endpoints, people, environments, private targets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipaas.accounts.models import Environment, Membership, Workspace
from ipaas.accounts.services import create_service_account
from ipaas.audit.models import AuditEntry
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.events.models import Endpoint, Receipt
from ipaas.governance.services import apply_document
from ipaas.launcher.layout import ROOT
from ipaas.runtime.bulk import start_bulk_job
from ipaas.vault.services import create_secret
from tests.integration.cli.conftest import SIMPLE, Run, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(acme: Workspace) -> str:
    return create_secret(workspace=acme, slug="pay-key", fields={"token": "s3cret"}, actor=SYSTEM).slug


def test_a_connection_is_made_changed_switched_and_deleted(run: Run, production: Environment, key: str) -> None:
    words = ["payments", "--connector", "payments", "--base-url", "https://api.kestrelpay.example", "--secret", key]
    made = told(run("connections", "create", *words, "--title", "Pay", "--json"))
    assert (made["environment"], made["secret"], made["state"]) == ("production", key, "active")
    assert run("connections", "update", "payments").exit_code == 2
    assert told(run("connections", "update", "payments", "--title", "Payments", "--json"))["title"] == "Payments"
    assert run("connections", "disable", "payments").exit_code == 2
    off = run("connections", "disable", "payments", "--reason", "sale")
    assert off.stdout == "connection payments in production is disabled\n"
    assert AuditEntry.objects.get(action="connection.disabled").details["reason"] == "sale"
    assert run("connections", "enable", "payments").exit_code == 0
    assert run("connections", "delete", "payments").exit_code == 2
    assert told(run("connections", "delete", "payments", "--yes", "--json"))["deleted"] == "payments"
    assert not Connection.objects.exists()
    assert run("connections", "delete", "payments", "--yes").exit_code == 4


def test_a_connection_comes_from_a_file_with_options_before_it(
    run: Run, production: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "mail.yaml"
    file.write_text("connector: smtp\ntitle: Mail\nconfig: {host: m.example, port: 587, from_address: a@m.example}\n")
    made = told(
        run("connections", "create", "mail", "--file", file, "--title", "Post", "--config", "port=25", "--json")
    )
    assert (made["title"], made["config"]["host"], made["config"]["port"]) == ("Post", "m.example", 25)
    changed = told(run("connections", "update", "mail", "--config", "port=2525", "--json"))
    assert (changed["config"]["host"], changed["config"]["port"]) == ("m.example", 2525)
    file.write_text("[1, 2]")
    assert "one YAML or JSON object" in run("connections", "update", "mail", "--file", file).stderr
    assert run("connections", "update", "mail", "--config", "port").exit_code == 2


def test_an_endpoint_lives_its_life(run: Run, acme: Workspace, production: Environment) -> None:
    create_secret(workspace=acme, slug="hook", fields={"signing_secret": "s3"}, actor=SYSTEM, kind="signing")
    made = told(run("endpoints", "create", "shop", "--title", "Shop", "--secret", "hook", "--json"))
    assert run("endpoints", "list").stdout.count("shop") == 1
    assert told(run("endpoints", "edit", "shop", "--title", "The shop", "--json"))["title"] == "The shop"
    assert run("endpoints", "pause", "shop", "--reason", "sale").exit_code == 0
    assert told(run("endpoints", "list", "--state", "paused", "--json"))[0]["slug"] == "shop"
    assert run("endpoints", "resume", "shop").exit_code == 0
    assert run("endpoints", "rotate", "shop", "--reason", "leaked").exit_code == 2
    moved = told(run("endpoints", "rotate", "shop", "--reason", "leaked", "--yes", "--json"))
    assert moved["path"] != made["path"]
    assert told(run("endpoints", "show", "shop", "--json"))["path"] == moved["path"]
    assert run("endpoints", "delete", "shop", "--yes").stdout == "endpoint shop in production is deleted\n"
    assert not Endpoint.objects.exists()


def test_a_receipt_is_found_and_shown(run: Run, acme: Workspace, production: Environment) -> None:
    receipt = Receipt.objects.create(
        id=uuid7(), workspace_id=acme.id, endpoint_id=uuid7(), event="order.created", state="unmatched",
        delivery_id="d-1", body_sha256=b"0" * 32, trace_id="t", sealed=b"",
    )  # fmt: skip
    assert [row["id"] for row in told(run("receipts", "list", "--delivery-id", "d-1", "--json"))] == [str(receipt.id)]
    assert "order.created" in run("receipts", "show", receipt.id).stdout
    assert run("receipts", "show", uuid7()).exit_code == 4


def test_members_come_change_and_go(run: Run, acme: Workspace) -> None:
    added = run("members", "add", "eve@example.com", "--role", "operator", "--name", "Eve")
    assert added.stdout == "eve@example.com is a member: operator\n"
    changed = told(run("members", "roles", "Eve@example.com", "--role", "auditor", "--role", "approver", "--json"))
    assert sorted(changed["roles"]) == ["approver", "auditor"]
    assert "eve@example.com" in run("members", "list").stdout
    assert run("members", "remove", "eve@example.com").exit_code == 2
    assert run("members", "remove", "eve@example.com", "--yes").exit_code == 0
    assert not Membership.objects.exists()
    assert run("members", "roles", "eve@example.com", "--role", "auditor").exit_code == 4


def test_environments_keep_the_variables_that_are_not_named(run: Run, acme: Workspace) -> None:
    words = ["staging", "--name", "Staging", "--var", "rate=1.5", "--var", "shop=de", "--position", "2"]
    assert told(run("environments", "create", *words, "--json"))["variables"] == {"rate": 1.5, "shop": "de"}
    changed = told(run("environments", "change", "staging", "--var", "shop=ch", "--var", "rate=null", "--json"))
    assert (changed["name"], changed["variables"]) == ("Staging", {"shop": "ch"})
    replaced = told(run("environments", "change", "staging", "--file", "-", "--json", stdin='{"a": [1]}'))
    assert replaced["variables"] == {"a": [1]}
    assert run("environments", "change", "staging").exit_code == 2
    assert "staging" in run("environments", "list").stdout


def test_private_targets_are_allowed_and_taken_back(run: Run, acme: Workspace) -> None:
    assert "only public addresses" in run("egress", "show").stdout
    assert told(run("egress", "add", "10.0.0.5:8443", "erp.example:90", "--json")) == [
        "10.0.0.5:8443",
        "erp.example:90",
    ]
    refused = run("egress", "add", "10.0.0.0/8:1")
    assert (refused.exit_code, "one exact host:port" in refused.stderr) == (1, True)
    assert run("egress", "remove", "nothing.example:1").exit_code == 4
    assert run("egress", "remove", "erp.example:90").stdout == "1 private targets may be called\n"
    acme.refresh_from_db()
    assert acme.settings == {"egress_allow": ["10.0.0.5:8443"]}


def test_a_bulk_job_is_held_and_ended(run: Run, acme: Workspace) -> None:
    options = {"reason": "over"}
    job = start_bulk_job(actor=SYSTEM, workspace=acme, deed="cancel", filter={}, rate_per_s=1, options=options)
    assert str(job.id) in run("bulk-jobs", "list").stdout
    assert told(run("bulk-jobs", "pause", job.id, "--json"))["state"] == "paused"
    assert run("bulk-jobs", "pause", job.id).exit_code == 1
    assert told(run("bulk-jobs", "resume", job.id, "--json"))["state"] == "running"
    assert run("bulk-jobs", "stop", job.id).exit_code == 2
    assert told(run("bulk-jobs", "stop", job.id, "--yes", "--json"))["state"] == "stopped"
    assert run("bulk-jobs", "show", job.id).exit_code == 0


def test_an_export_reaches_its_file_whole_or_not_at_all(run: Run, acme: Workspace, tmp_path: Path) -> None:
    for number in range(3):
        create_service_account(workspace=acme, slug=f"r-{number}", name="R", roles=["auditor"], actor=SYSTEM)
    target = tmp_path / "trail.jsonl"
    done = told(run("audit", "export", "--to", target, "--json"))
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert (done["bytes"], len(lines) > 3) == (target.stat().st_size, True)
    assert target.stat().st_mode & 0o077 == 0
    assert run("audit", "export").stdout.count("\n") == len(lines) + 1  # the first export is on record
    refused = run("audit", "export", "--filter", "x=1", "--to", tmp_path / "no.jsonl")
    assert (refused.exit_code, sorted(one.name for one in tmp_path.glob("*.jsonl*"))) == (1, ["trail.jsonl"])
    away = run("audit", "export", "--to", tmp_path / "nowhere" / "x.jsonl")
    assert (away.exit_code, "No such file" in away.stderr) == (1, True)


@pytest.mark.parametrize(
    "words", [["demo", "install"], ["demo", "replay"], ["audit", "public-keys"], ["vault", "status"], ["whoami"]],
    ids=" ".join,
)  # fmt: skip
def test_a_server_that_is_gone_is_told_in_a_line(words: list[str], home: Path) -> None:
    """As a process of its own, against a port on which nobody listens."""
    gone = {"DATABASE_URL": "postgresql://a@127.0.0.1:9/x", "REDIS_URL": "redis://127.0.0.1:9/0"}
    done = subprocess.run(
        [sys.executable, "-m", "ipaas.cli.main", *words],
        cwd=ROOT, env={**os.environ, **gone, "IPAAS_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert done.stderr.startswith("Error: A server of the instance does not answer: ")
    assert done.stderr.count("\n") == 1


def test_a_bad_setting_is_told_in_a_line(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ipaas.cli.main", "whoami"],
        cwd=ROOT, env={**os.environ, "IPAAS_PORT": "99999", "IPAAS_HOME": str(home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("IPAAS_PORT: Input should be less")
    assert done.stderr.count("\n") == 1


def test_people_are_invited_switched_off_and_on(run: Run, acme: Workspace) -> None:
    invited = run("members", "invite", "fay@example.com", "--role", "operator")
    assert "/accounts/invitation/" in invited.stdout
    assert "Hand the link to fay@example.com" in invited.stderr
    again = told(run("members", "reinvite", "fay@example.com", "--json"))
    assert again["link"] not in invited.stdout
    assert told(run("members", "invitations", "--json"))[0]["state"] == "invited"
    assert "is revoked" in run("members", "uninvite", "Fay@example.com").stdout
    assert run("members", "uninvite", "fay@example.com").exit_code == 4

    run("members", "add", "eve@example.com", "--role", "operator", "--name", "Eve")
    assert "/accounts/password/new/" in run("members", "password-link", "eve@example.com").stdout
    assert run("members", "deactivate", "eve@example.com", "--yes").exit_code == 0
    assert told(run("members", "list", "--json"))[0]["active"] is False
    assert run("members", "reactivate", "eve@example.com").exit_code == 0
    assert run("members", "reset-two-factor", "eve@example.com", "--yes").exit_code == 0
    assert told(run("members", "list", "--json"))[0]["second_factor"] is False


def test_a_workspace_asks_for_a_second_factor(run: Run, acme: Workspace) -> None:
    run("members", "add", "eve@example.com", "--role", "operator", "--name", "Eve")
    assert run("two-factor", "require").stdout == "a second factor is required\n"
    assert told(run("two-factor", "show", "--json")) == {"required": True, "without": ["eve@example.com"]}
    run("two-factor", "require", "--no")
    assert told(run("two-factor", "show", "--json"))["required"] is False


def test_service_accounts_are_made_changed_and_disabled(run: Run, acme: Workspace) -> None:
    words = ["robot", "--name", "Robot", "--role", "operator", "--rate", "60"]
    assert told(run("service-accounts", "create", *words, "--json"))["rate_per_minute"] == 60
    assert run("service-accounts", "change", "robot").exit_code == 2
    changed = told(run("service-accounts", "change", "robot", "--role", "auditor", "--json"))
    assert (changed["roles"], changed["rate_per_minute"]) == (["auditor"], 60)
    assert told(run("service-accounts", "change", "robot", "--no-rate", "--json"))["rate_per_minute"] is None
    assert run("service-accounts", "disable", "robot").exit_code == 0
    assert "yes" in run("service-accounts", "list").stdout
    assert run("service-accounts", "enable", "robot").exit_code == 0
    assert run("service-accounts", "disable", "nobody").exit_code == 4


def test_a_flow_gets_a_steward(run: Run, acme: Workspace) -> None:
    apply_document(actor=SYSTEM, workspace=acme, content=SIMPLE)
    run("members", "add", "eve@example.com", "--role", "approver", "--name", "Eve")
    assert run("flows", "assign", "orders", "eve@example.com").stdout == "eve@example.com is steward of orders\n"
    assert run("flows", "assign", "orders", "nobody@example.com").exit_code == 1
    assert told(run("flows", "people", "orders", "--json")) == [
        {"email": "eve@example.com", "name": "Eve", "role": "steward"}
    ]
    assert run("flows", "withdraw", "orders", "eve@example.com").exit_code == 0
    assert run("flows", "withdraw", "orders", "eve@example.com").exit_code == 4


def test_the_command_line_reads_no_settings_before_it_knows_the_instance() -> None:
    """What it imports is imported before the running instance's addresses are taken over."""
    asked = "import ipaas.cli.main; from django.conf import settings; print(settings.configured)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
