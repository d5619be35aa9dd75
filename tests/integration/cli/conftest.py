"""The command line against a running server, over HTTP, with a key."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Environment, Workspace
from ipaas.cli.main import main
from ipaas.config import settings
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.vault.payloads import forget_sealers
from tests.factories.flow_documents import flow

SIMPLE = flow(steps=[{"id": "note", "map": {"fields": {"order": "trigger.body.id"}}}])
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder and a place for credentials of the test's own; nothing of the caller's is read."""
    for name in ("IPAAS_SERVER", "IPAAS_API_KEY", "IPAAS_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IPAAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "home").mkdir()
    settings.cache_clear()
    forget_sealers()
    yield tmp_path / "home"
    monkeypatch.undo()
    settings.cache_clear()
    forget_sealers()


@pytest.fixture(autouse=True)
def _server_logs_elsewhere() -> Iterator[None]:
    """The server of the test is a thread of the same process; its log is not the command's output."""
    with capture_logs():
        yield


@pytest.fixture
def acme(transactional_db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def production(acme: Workspace) -> Environment:
    return Environment.objects.create(workspace=acme, slug="production", name="Production")


@pytest.fixture
def run(live_server: Any, acme: Workspace) -> Run:
    """``run("runs", "list")`` as a program that may do everything in Acme."""
    return caller(live_server, acme, *known_permissions())


def caller(live_server: Any, workspace: Workspace, *scopes: str) -> Run:
    key = create_api_key(workspace=workspace, name="cli", scopes=sorted(scopes), actor=SYSTEM).raw

    def call(*words: Any, stdin: str | None = None) -> Result:
        given = ["--server", live_server.url, *(str(word) for word in words)]
        return CliRunner().invoke(main, given, env={"IPAAS_API_KEY": key}, input=stdin)

    return call


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(SIMPLE))
    return file


def told(result: Result, code: int = 0) -> Any:
    """The JSON that a command printed."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)
