"""Every place that takes an address refuses those that lead inside, in every spelling that libraries know."""

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ipaas
from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import registry
from ipaas.catalog.connecting import enter_credential
from ipaas.catalog.fetching import fetch_description
from ipaas.catalog.models import Connection
from ipaas.catalog.services import create_connection
from ipaas.catalog.trials import Trial, try_operation
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput
from ipaas.core.net import PUBLIC_ONLY, HttpClient, NetError
from ipaas.events.models import Endpoint
from ipaas.events.services import create_endpoint
from ipaas.notices.models import Webhook
from ipaas.notices.services import create_webhook
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.vault.backends import set_backend
from ipaas.vault.models import Backend
from tests.integration.security.vendor import MANIFEST

pytestmark = pytest.mark.django_db

INSIDE = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1:8443/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://user:password@93.184.216.34/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https:\\\\127.0.0.1/",
    "https:///127.0.0.1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://127\u30020\u30020\u30021/",
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com/\r\nX-Evil: 1",
    "https://exa mple.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "",
]


def connection(environment: Environment, url: str) -> Any:
    return create_connection(environment=environment, slug="to", connector="http", base_url=url, actor=SYSTEM)


def webhook(environment: Environment, url: str) -> Any:
    place = environment.workspace
    return create_webhook(
        actor=SYSTEM, workspace=place, slug="to", title="To", url=url, events=["ipaas.run.dead_lettered"]
    )


def key_set(environment: Environment, url: str) -> Any:
    scheme = {"scheme": "jwt", "algorithm": "RS256", "jwks_url": url}
    return create_endpoint(actor=SYSTEM, environment=environment, slug="to", title="To", signature=scheme)


def description(environment: Environment, url: str) -> Any:
    return fetch_description(workspace=environment.workspace, url=url, actor=SYSTEM)


def the_client(environment: Environment, url: str) -> Any:
    del environment

    async def call() -> Any:
        async with HttpClient() as client:
            return await client.call("GET", url, egress=PUBLIC_ONLY, deadline_s=5)

    return asyncio.run(call())


def vault(environment: Environment, url: str) -> Any:
    config = {"address": url, "mount": "secret", "path": "ipaas", "auth": "token"}
    return set_backend(workspace=environment.workspace, kind="bao", config=config, login={"token": "t"}, actor=SYSTEM)


PLACES: list[Callable[[Environment, str], Any]] = [connection, webhook, key_set, description, vault, the_client]

PROTOCOLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "postgres": ("query", {"database": "d"}, {"sql": "SELECT 1"}),
    "mysql": ("query", {"database": "d"}, {"sql": "SELECT 1"}),
    "sftp": ("list_files", {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"}, {}),
    "smtp": ("send_mail", {"from_address": "a@example.com"}, {"to": "b@example.com", "subject": "s", "text": "t"}),
    "imap": ("poll_mails", {}, {}),
    "amqp": ("fetch_messages", {"queue": "q"}, {}),
    "nats": ("fetch_messages", {"stream": "s", "consumer": "c"}, {}),
    "kafka": ("fetch_messages", {"topic": "t"}, {"topic": "t"}),
}
REFUSALS = ("net.egress_refused", "net.url_refused")
HOSTS = ["127.0.0.1", "0x7f.1", "169.254.169.254", "::1", "[::ffff:10.0.0.1]", "10.1.2.3", "localhost", "LOCALHOST."]
TOKENS: dict[str, Any] = {
    **MANIFEST,
    "slug": "tokens",
    "auth": [{"name": "client", "type": "oauth2_client_credentials", "token_url": "https://{{ config.site }}/token"}],
    "config_schema": {"type": "object", "required": ["site"], "properties": {"site": {"type": "string"}}},
    "config_example": {"site": "example.com"},
}


@pytest.fixture
def environment(db: None) -> Environment:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


@pytest.fixture(autouse=True)
def _no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is opened is the failure that these tests look for."""

    async def opened(*_: Any, **__: Any) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr("ipaas.core.net.dial._connect_one", opened)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_an_address_that_leads_inside_is_refused_before_anything_is_stored_or_called(
    environment: Environment, place: Callable[[Environment, str], Any]
) -> None:
    for url in INSIDE:
        with pytest.raises((InvalidInput, NetError)):
            place(environment, url)
    assert [kind.objects.count() for kind in (Connection, Webhook, Endpoint, Backend)] == [0, 0, 0, 0]


@pytest.mark.parametrize("place", [description, the_client], ids=lambda place: place.__name__)
def test_a_name_that_leads_inside_is_refused_when_it_is_called(
    environment: Environment, place: Callable[[Environment, str], Any]
) -> None:
    with pytest.raises((InvalidInput, NetError)):
        place(environment, "https://localhost/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("connector", PROTOCOLS)
def test_a_server_inside_is_not_reached_by_any_other_protocol(environment: Environment, connector: str) -> None:
    action, config, params = PROTOCOLS[connector]
    for number, host in enumerate(HOSTS):
        given: dict[str, Any] = {
            "environment": environment,
            "slug": f"to-{number}",
            "connector": connector,
            "actor": SYSTEM,
        }
        row = create_connection(**given, config={**config, "host": host}, auth_scheme="login")
        enter_credential(connection=row, fields={"username": "u", "password": "p"}, actor=SYSTEM)
        assert _refusal(row, action, params) in REFUSALS, host


@pytest.mark.django_db(transaction=True)
def test_a_token_is_not_fetched_inside(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {**registry.connectors(), "tokens": Connector(parse_manifest(TOKENS))}
    monkeypatch.setattr(registry, "connectors", lambda: there)
    for number, host in enumerate(["127.0.0.1", "localhost", "169.254.169.254", "u:p@example.com", "example.com:22"]):
        given: dict[str, Any] = {
            "environment": environment,
            "slug": f"to-{number}",
            "connector": "tokens",
            "actor": SYSTEM,
        }
        row = create_connection(**given, config={"site": host}, base_url="https://api.example.com")
        enter_credential(connection=row, fields={"client_id": "i", "client_secret": "s"}, actor=SYSTEM)
        assert _refusal(row, "say", {"status": 200}) in REFUSALS, host


def _refusal(row: Connection, action: str, params: dict[str, Any]) -> str:
    tried: Trial = try_operation(connection=row, action=action, params=params, actor=SYSTEM, effects=True)
    return tried.outcome.error.code if tried.outcome.error is not None else ""


def test_every_use_of_the_client_says_where_it_may_go() -> None:
    """Whoever calls out hands its egress policy along: there is no default that could be forgotten."""
    calls = 0
    for file in Path(ipaas.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
                named = {word.arg for word in node.keywords}
                if "deadline_s" in named:
                    calls += 1
                    assert "egress" in named, f"{file}:{node.lineno}"
    assert calls >= 6
