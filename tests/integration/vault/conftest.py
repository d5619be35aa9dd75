from pathlib import Path

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor
from ipaas.vault import keys
from tests.factories.people import make_actor


@pytest.fixture(autouse=True)
def _fresh(_no_secret_reads_pending: None) -> None:
    """Nothing opened or counted by other tests."""


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="globex", name="Globex")


@pytest.fixture
def alice(workspace: Workspace) -> Actor:
    return make_actor(workspace, "alice@example.org", "builder")


@pytest.fixture
def bob(workspace: Workspace) -> Actor:
    return make_actor(workspace, "bob@example.org", "operator")


@pytest.fixture
def charlie(other_workspace: Workspace) -> Actor:
    return make_actor(other_workspace, "charlie@example.org", "admin")


class KeyFileSettings:
    kek = None

    def __init__(self, path: Path) -> None:
        self.kek_file = path


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file instead of the key from the environment."""
    path = tmp_path / "kek.json"
    conf = KeyFileSettings(path)
    monkeypatch.setattr(keys, "settings", lambda: conf)
    keys.ensure_key_file(path)
    return path
