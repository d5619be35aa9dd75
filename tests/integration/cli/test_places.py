"""Which server is spoken to, with which key, and where that is kept."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ipaas.accounts.models import ApiKey, ServiceAccount, Workspace
from ipaas.accounts.services import create_api_key
from ipaas.cli.main import main
from ipaas.cli.places import credentials_file
from ipaas.config import settings
from ipaas.core.actor import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: str, stdin: str | None = None, **env: str) -> Result:
    return CliRunner().invoke(main, list(words), input=stdin, env=env)


@pytest.fixture
def local(live_server: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if the server of the test were the instance of this machine."""
    host, _, port = live_server.url.removeprefix("http://").rpartition(":")
    monkeypatch.setenv("IPAAS_HOST", host)
    monkeypatch.setenv("IPAAS_PORT", port)
    (home / "state.json").write_text("{}")
    settings.cache_clear()
    return home


def test_the_local_instance_needs_no_set_up(local: Path, acme: Workspace) -> None:
    assert json.loads(run("whoami", "--json").stdout)["workspace"] == "acme"
    file = local / "keys" / "cli-acme"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = ApiKey.objects.get()
    assert (key.service_account, file.read_text().split("_")[1]) == (ServiceAccount.objects.get(), key.prefix)
    assert run("whoami").exit_code == 0
    assert ApiKey.objects.count() == 1


def test_a_local_key_that_was_revoked_is_made_anew(local: Path, acme: Workspace) -> None:
    run("whoami")
    ApiKey.objects.all().delete()
    assert run("whoami").exit_code == 0
    assert ApiKey.objects.count() == 1


def test_a_local_key_of_a_release_with_other_permissions_is_replaced(local: Path, acme: Workspace) -> None:
    run("whoami")
    file = local / "keys" / "cli-acme"
    file.write_text(file.read_text().split("\n", maxsplit=1)[0])  # as it was kept before permissions were noted
    assert run("whoami").exit_code == 0
    old, new = ApiKey.objects.order_by("created_at")
    assert (old.revoked_at is None, new.revoked_at is None) == (False, True)
    assert file.read_text().split("_")[1] == new.prefix


def test_of_several_workspaces_one_must_be_named(local: Path, acme: Workspace) -> None:
    Workspace.objects.create(slug="globex", name="Globex")
    refused = run("whoami")
    assert (refused.exit_code, "acme, globex" in refused.stderr) == (1, True)
    assert json.loads(run("--workspace", "globex", "whoami", "--json").stdout)["workspace"] == "globex"
    assert run("--workspace", "nowhere", "whoami").exit_code == 4


def test_an_instance_without_a_workspace_says_so(local: Path, transactional_db: None) -> None:
    refused = run("whoami")
    assert (refused.exit_code, "no workspace yet" in refused.stderr) == (1, True)


def test_a_sign_in_is_kept_for_its_owner_alone(live_server: Any, acme: Workspace) -> None:
    key = create_api_key(workspace=acme, name="me", scopes=["flows.view"], actor=SYSTEM).raw
    assert run("login", "--server", live_server.url, stdin=f"{key}\n").exit_code == 0
    assert stat.S_IMODE(credentials_file().stat().st_mode) == 0o600
    assert run("flows", "list").exit_code == 0
    assert run("logout").exit_code == 0
    assert key not in credentials_file().read_text()


def test_a_wrong_key_is_not_kept(live_server: Any, acme: Workspace) -> None:
    refused = run("login", "--server", live_server.url, stdin="ipk_wrong\n")
    assert (refused.exit_code, credentials_file().exists()) == (6, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--server", "http://ipaas.example.com"], "https"),
        (["--server", "ftp://x"], "is not used"),
        (["--server", "nonsense"], "is not used"),
        (["--server", "https://ipaas.example.com"], "no key"),
        ([], "No server is named"),
    ],
    ids=["clear", "scheme", "nonsense", "no-key", "none"],
)
def test_a_key_goes_nowhere_by_accident(monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    refused = run(*words, "whoami")
    assert refused.exit_code == 1
    assert said in refused.stderr


def test_a_server_that_is_down_has_its_exit_code() -> None:
    refused = run("--server", "http://127.0.0.1:9", "whoami", IPAAS_API_KEY="ipk_x")
    assert (refused.exit_code, "does not answer" in refused.stderr) == (5, True)


def test_profiles_tell_two_workspaces_of_one_server_apart(live_server: Any, acme: Workspace) -> None:
    globex = Workspace.objects.create(slug="globex", name="Globex")
    for workspace in (acme, globex):
        key = create_api_key(workspace=workspace, name="me", scopes=["flows.view"], actor=SYSTEM).raw
        words = ("login", "--server", live_server.url, "--profile", workspace.slug)
        assert run(*words, stdin=f"{key}\n").exit_code == 0

    def where(*words: str, **environment: str) -> str:
        return str(json.loads(run(*words, "whoami", "--json", **environment).stdout)["workspace"])

    assert (where(), where("--profile", "acme"), where(IPAAS_PROFILE="acme")) == ("globex", "acme", "acme")
    assert run("profiles", "use", "acme").exit_code == 0
    assert where() == "acme"
    listed = run("profiles", "list", "--json").stdout
    assert ("globex" in listed, "ipk_" in listed) == (True, False)
    unknown = run("--profile", "nowhere", "whoami")
    assert (unknown.exit_code, "acme, globex" in unknown.stderr) == (1, True)
    assert run("logout", "--profile", "globex").exit_code == 0
    assert where() == "acme"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    made = run("completion", shell)
    assert (made.exit_code, "_IPAAS_COMPLETE" in made.stdout) == (0, True)
