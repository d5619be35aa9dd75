"""Acting on what stopped, on secrets and keys, on the audit trail."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import stand_ins
from ipaas.core.actor import SYSTEM
from ipaas.events.models import Endpoint
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document, deploy
from ipaas.runtime.models import DeadLetter, Work
from ipaas.runtime.models import Run as RunRow
from ipaas.runtime.services import trigger_flow
from ipaas.vault.models import Secret
from ipaas.vault.opening import forget_all, open_secret
from tests.integration.cli.conftest import SIMPLE, Run, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def letter(acme: Workspace, production: Environment) -> DeadLetter:
    """A dead letter of a run that stopped at its only step."""
    version = apply_document(actor=SYSTEM, workspace=acme, content=SIMPLE).version
    flow = Flow.objects.get(slug="orders")
    deploy(flow=flow, environment=production, version=version, actor=SYSTEM)  # type: ignore[arg-type]
    run = trigger_flow(actor=SYSTEM, flow=flow, environment=production, body={"id": "o-1"})
    failed = {"error_class": "business_rejection", "error_code": "no_stock", "error_message": "Nothing left."}
    RunRow.objects.filter(id=run.id).update(status="dead", abnormal="dead", error_step="note", **failed)
    Work.objects.all().delete()
    return DeadLetter.objects.create(
        workspace_id=acme.id, run_id=run.id, flow_id=flow.id, environment_id=production.id, cause="note: no_stock",
        step="note", business_key="o-1", **failed,
    )  # fmt: skip


def test_dead_letters_are_listed_previewed_corrected(run: Run, letter: DeadLetter) -> None:
    assert "note: no_stock" in run("dead-letters", "list").stdout
    assert told(run("dead-letters", "list", "--groups", "--json"))[0]["count"] == 1
    preview = told(run("runs", "replay", letter.run_id, "--preview", "--json"))
    assert preview["recorded"] == []
    assert run("runs", "replay", letter.run_id).exit_code == 2
    body = '{"id": "o-2"}'
    new = told(run("dead-letters", "correct", letter.id, body, "--reason", "typo", "--json"))
    assert new["business_ids"] == {"order": "o-2"}
    letter.refresh_from_db()
    assert (letter.state, letter.close_reason) == ("replayed", "typo")
    assert run("dead-letters", "discard", letter.id, "--reason", "x").exit_code == 1


def test_many_are_handled_after_a_preview_and_a_yes(run: Run, letter: DeadLetter) -> None:
    assert run("dead-letters", "replay-all", "--preview").stdout == "1 dead letters match\n"
    assert run("dead-letters", "replay-all", "--reason", "fixed").exit_code == 2
    job = told(run("dead-letters", "replay-all", "--reason", "fixed", "--yes", "--cause", "note: no_stock", "--json"))
    assert (job["deed"], job["total"], job["state"]) == ("replay", 1, "running")


def test_a_secret_is_entered_without_being_an_argument(run: Run, acme: Workspace) -> None:
    made = run("secrets", "set", "crm-key", "--field", "token", stdin="s3cret-1\n")
    assert (made.exit_code, made.stdout) == (0, "secret crm-key is made\n")
    again = run("secrets", "set", "crm-key", "--stdin-json", stdin='{"token": "s3cret-2"}')
    assert again.stdout == "secret crm-key: version 2 is live\n"
    forget_all()
    assert open_secret(acme.id, "crm-key", purpose="test") == {"token": "s3cret-2"}
    shown = run("secrets", "show", "crm-key", "--json").stdout + run("secrets", "list").stdout
    assert "s3cret" not in shown
    assert run("secrets", "set", "crm-key", "--field", "a", "--field", "b", stdin="one\n").exit_code == 2
    assert run("secrets", "revoke", "crm-key", "2", "--reason", "leak").exit_code == 2
    assert run("secrets", "revoke", "crm-key", "2", "--reason", "leak", "--yes").exit_code == 0
    assert run("secrets", "delete", "crm-key", "--yes").exit_code == 0
    assert not Secret.objects.exists()
    forget_all()


def test_keys_are_made_rotated_and_revoked(run: Run) -> None:
    made = run("keys", "create", "ci", "--scope", "runs.view")
    assert made.stdout.startswith("ipk_")
    assert "not shown again" in made.stderr
    row = next(one for one in told(run("keys", "list", "--json")) if one["name"] == "ci")
    assert "key" not in row
    new = told(run("keys", "rotate", row["id"], "--json"))
    assert run("keys", "revoke", new["id"], "--yes").exit_code == 0
    assert run("keys", "create", "ci", "--scope", "no.such").exit_code == 1


def test_the_trail_is_exported_and_verified_here_and_there(run: Run, tmp_path: Path) -> None:
    exported = run("audit", "export")
    assert exported.exit_code == 0
    file = tmp_path / "audit.jsonl"
    file.write_bytes(exported.stdout_bytes)
    offline = run("audit", "verify", file)
    assert (offline.exit_code, offline.stdout.startswith("Intact")) == (0, True)
    file.write_text(file.read_text().replace('"apikey.created"', '"apikey.revoked"'))
    assert run("audit", "verify", file).exit_code == 1
    assert run("audit", "verify").stdout.startswith("Intact")
    assert run("audit", "export", "--format", "csv").stdout.startswith("record,")
    assert run("audit", "checkpoints").exit_code == 0
    assert told(run("audit", "list", "--filter", "action=apikey.created", "--json"))[0]["action"] == "apikey.created"


def test_without_stand_ins_their_commands_say_so(run: Run) -> None:
    refused = run("stubs", "list")
    assert (refused.exit_code, "no stand-in" in refused.stderr) == (4, True)
    assert run("stubs", "fault", "payments", "odd").exit_code == 2


def test_a_connection_is_found_by_slug_and_environment(run: Run, production: Environment) -> None:
    assert run("connections", "test", "payments").exit_code == 4
    assert json.loads(run("connections", "list", "--json").stdout) == []


def test_json_is_all_that_programs_get(run: Run, letter: DeadLetter) -> None:
    words: list[list[Any]] = [["whoami"], ["flows", "list"], ["runs", "list"], ["runs", "show", letter.run_id]]
    words += [["dead-letters", "list"], ["approvals", "list"], ["secrets", "list"], ["keys", "list"], ["audit", "list"]]
    for one in words:
        told(run(*one, "--json"))


@pytest.fixture
def shop(production: Environment) -> Endpoint:
    return Endpoint.objects.create(
        workspace=production.workspace, environment=production, slug="shop", title="Shop", public_id="p" * 20
    )


def test_webhooks_are_sent_by_a_stand_in(
    run: Run, production: Environment, shop: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def send(**given: object) -> dict[str, object]:
        asked.update(given)
        return {"sent": 3, "statuses": {"202": 2, "409": 1}}

    monkeypatch.setattr(stand_ins, "send_webhooks", send)
    done = run("stubs", "send", "storefront", shop.slug, "--count", "2", "--duplicates", "50", "--out-of-order")
    assert (done.exit_code, done.stdout) == (0, "3 sent, answered 2 × 202, 1 × 409\n")
    assert (asked["vendor"], asked["public_id"]) == ("storefront", shop.public_id)
    assert asked["sending"] == {"count": 2, "duplicate_percent": 50.0, "out_of_order": True}
    assert run("stubs", "send", "storefront", "nobody").exit_code == 4
    assert run("stubs", "send", "storefront", shop.slug, "--duplicates", "200").exit_code == 2
