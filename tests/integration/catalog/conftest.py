"""A workspace with a payments connection to a loopback vendor."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import credentials, gateway, oauth, services
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome, invoke
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.threads import close_thread_connections
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.ids import uuid7
from ipaas.vault import keys
from ipaas.vault.keys import ensure_key_file
from ipaas.vault.opening import forget_all
from ipaas.vault.payloads import forget_sealers
from ipaas.vault.services import create_secret
from tests.factories.ledger import MemoryLedger
from tests.integration.catalog.vendor import Vendor, serving

CHARGE = {"amount_minor": 4290, "currency": "EUR", "reference": "FH-1", "payment_token": "tok_1"}
TOKEN = "sk_live_3f9d2c7a10"
KEY = b"0123456789abcdef0123456789abcdef"
EDITOR = frozenset({"connections.view", "connections.edit", "connections.test", "connections.force_breaker"})


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key-encryption key of the test's own, and nothing kept of it afterwards."""
    file = tmp_path / "kek.json"
    ensure_key_file(file)
    monkeypatch.setattr(keys, "key_file", lambda: file)
    forget_all()
    forget_sealers()
    yield
    invalidate_all()
    credentials.forget_all()
    forget_all()
    forget_sealers()
    oauth._held.clear()
    close_thread_connections()


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def environment(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


@pytest.fixture
def alice(workspace: Workspace) -> Actor:
    """May do all with connections of the workspace."""
    return Actor("user", "u1", "Alice", workspace.id, EDITOR)


@pytest.fixture
def bob(workspace: Workspace) -> Actor:
    """May only look."""
    return Actor("user", "u2", "Bob", workspace.id, frozenset({"connections.view"}))


@pytest.fixture
def charlie(db: None) -> Actor:
    """A stranger who may do all at home."""
    return Actor("user", "u3", "Charlie", uuid7(), EDITOR)


@pytest_asyncio.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with serving() as running:
        yield running
        await gateway.close()
        await sync_to_async(connections.close_all)()


@pytest.fixture
def connect(workspace: Workspace, environment: Environment) -> Callable[..., Connection]:
    """Make a payments connection to a port of this machine."""

    def make(port: int, **fields: Any) -> Connection:
        workspace.settings = {"egress_allow": [f"127.0.0.1:{port}"]}
        workspace.save()
        if not workspace.secrets.exists():
            create_secret(workspace=workspace, slug="pay", fields={"token": TOKEN, "api_key": TOKEN}, actor=SYSTEM)
            create_secret(
                workspace=workspace,
                slug="pay-oauth",
                fields={"client_id": "client-1", "client_secret": "very-secret-value"},
                actor=SYSTEM,
            )
        defaults = {
            "slug": "payments",
            "connector": "payments",
            "secret": "pay",
            "base_url": f"http://127.0.0.1:{port}",
        }
        return services.create_connection(
            environment=Environment.objects.select_related("workspace").get(id=environment.id),
            actor=SYSTEM,
            **{**defaults, **fields},
        )

    return make


Pay = Callable[..., Awaitable[GatewayOutcome]]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest_asyncio.fixture
async def pay(
    vendor: Vendor, connect: Callable[..., Connection], ledger: MemoryLedger, environment: Environment
) -> Pay:
    """Make one attempt of a charge and settle the ledger as the engine would."""

    async def attempt(number: int = 1, *, fresh: bool = False, **fields: Any) -> GatewayOutcome:
        call = GatewayCall(
            **{
                "workspace_id": environment.workspace_id,
                "environment_id": environment.id,
                "connection": "payments",
                "action": "create_charge",
                "params": CHARGE,
                "attempt": number,
                "effect_key": KEY,
                "fresh": fresh,
                "flow_label": "orders",
                "step_path": "pay",
                **fields,
            }
        )
        outcome = await invoke(call, ledger=ledger)
        ledger.settle(KEY, outcome.effect_state, outcome.data)
        return outcome

    return attempt


@pytest.fixture
def connected(vendor: Vendor, connect: Callable[..., Connection]) -> Callable[..., Awaitable[Connection]]:
    """``connect`` to the running vendor, from a test's loop."""

    async def make(**fields: Any) -> Connection:
        connection: Connection = await sync_to_async(connect)(vendor.port, **fields)
        return connection

    return make
