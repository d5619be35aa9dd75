"""The demo workspace over real stand-ins (a process of their own) and a real warehouse, driven by the test's pump."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import credentials, gateway
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.services import create_connection, update_connection
from ipaas.catalog.stand_in_place import HOST, StandIns
from ipaas.catalog.stand_ins import clear_faults, reset_stand_ins, set_fault
from ipaas.catalog.threads import close_thread_connections
from ipaas.cli import demo
from ipaas.cli.books import OrderBook, open_books, read_ledger
from ipaas.cli.demo_warehouse import Warehouse
from ipaas.config import settings
from ipaas.core.actor import SYSTEM
from ipaas.flows.models import Flow
from ipaas.governance import services as governance
from ipaas.launcher.layout import ROOT
from ipaas.runtime.models import Run
from ipaas.runtime.pump import Pump
from ipaas.runtime.services import trigger_flow
from ipaas.runtime.tasks import HANDLERS
from ipaas.sdk.stubs.orders import order
from ipaas.vault.opening import forget_all
from ipaas.vault.payloads import forget_sealers
from ipaas.vault.services import create_secret
from tests.factories import flow_documents
from tests.integration.runtime.conftest import conninfo, sql

ROUNDS = 40


@dataclass
class Shop:
    """The demo workspace."""

    workspace: Workspace
    environment: Environment
    place: StandIns
    warehouse: Warehouse

    def fault(self, vendor: str, kind: str, **fault: Any) -> None:
        set_fault(actor=SYSTEM, workspace=self.workspace, fault={"vendor": vendor, "kind": kind, **fault})

    def lift_faults(self) -> None:
        clear_faults(actor=SYSTEM, workspace=self.workspace)

    def configure(self, slug: str, **changes: Any) -> None:
        known = Connection.objects.get(environment=self.environment, slug=slug)
        update_connection(connection=known, changes={**changes, "secret": known.secret}, actor=SYSTEM)

    def connect(self, vendor: str) -> None:
        """A further connection, to a stand-in that the demo's flow does not use."""
        create_secret(workspace=self.workspace, slug=f"{vendor}-key", fields={"token": "t"}, actor=SYSTEM)
        create_connection(
            environment=self.environment,
            slug=vendor,
            connector=vendor,
            base_url=f"{self.place.url}/{vendor}",
            secret=f"{vendor}-key",
            actor=SYSTEM,
        )

    def flow(self, *steps: dict[str, Any]) -> Flow:
        content = flow_documents.flow(steps=list(steps), slug=f"f-{secrets.token_hex(3)}")
        applied = governance.apply_document(content=content, workspace=self.workspace, actor=SYSTEM)
        found = Flow.objects.get(id=applied.document.id)
        governance.deploy(flow=found, environment=self.environment, version=applied.version, actor=SYSTEM)
        return found

    def start(self, flow: Flow, body: Any) -> Run:
        return trigger_flow(actor=SYSTEM, flow=flow, environment=self.environment, body=body)

    def order(self, number: int) -> Run:
        """Place one order of seed 1."""
        flow = Flow.objects.get(workspace=self.workspace, slug="order-to-shipment")
        return self.start(flow, {"event": "order.created", "order": order(1, number)})

    def work(self, *runs: Run) -> None:
        """Work until these runs have ended, the time of whatever they wait for having come at once."""
        for _ in range(ROUNDS):
            asyncio.run(_work())
            for run in runs:
                run.refresh_from_db()
            if all(run.ended for run in runs):
                return
            sql("UPDATE runtime_work SET due_at = now(), leased = false")
            sql("UPDATE runtime_steprun SET due_at = now() - interval '1 second' WHERE due_at > now()")
        pytest.fail(f"not ended: {[run.status for run in runs]}")

    def books(self, order_ids: Iterable[str]) -> dict[str, OrderBook]:
        wanted = list(order_ids)
        return open_books(read_ledger(self.place.ledger), self.warehouse.rows(wanted), wanted)

    def effects(self, vendor: str, action: str) -> int:
        """How often something really happened at a vendor."""
        lines = read_ledger(self.place.ledger)
        return sum((line["vendor"], line["action"], line["outcome"]) == (vendor, action, "effect") for line in lines)


async def _work() -> None:
    pump = Pump(conninfo(), handlers=HANDLERS)
    await pump.open()
    try:
        await pump.run_until_idle()
    finally:
        await pump.close()
        await gateway.close()


@pytest.fixture(scope="module")
def home(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of the module's own; the warehouse is a table of the test database."""
    given, place = connection.settings_dict, tmp_path_factory.mktemp("home")
    login = f"{quote(given['USER'], safe='')}:{quote(given['PASSWORD'] or 'unused', safe='')}"
    address = f"{given['HOST'] or HOST}:{given['PORT'] or 5432}/{given['NAME']}"
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("IPAAS_HOME", str(place))
        changed.setenv("IPAAS_DEMO_WAREHOUSE_URL", f"postgresql://{login}@{address}?sslmode=disable")
        settings.cache_clear()
        yield place
    settings.cache_clear()


@pytest.fixture(scope="module")
def stand_ins(home: Path) -> Iterator[StandIns]:
    place = StandIns.load()
    argv = [sys.executable, "-m", "ipaas.sdk.stubs", *place.arguments()]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert b"stubs listen" in process.stdout.readline()
            yield place
        finally:
            process.terminate()


@pytest.fixture
def shop(transactional_db: None, stand_ins: StandIns) -> Iterator[Shop]:
    settings.cache_clear()
    warehouse = Warehouse.from_settings()
    assert warehouse is not None
    yield from _opened(stand_ins, warehouse)


@pytest.fixture
def shop_without_warehouse(
    transactional_db: None, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """Installed where no warehouse is named; its table is there to be looked into."""
    settings.cache_clear()
    warehouse = Warehouse.from_settings()
    assert warehouse is not None
    warehouse.prepare()
    monkeypatch.delenv("IPAAS_DEMO_WAREHOUSE_URL")
    settings.cache_clear()
    yield from _opened(stand_ins, warehouse)


def _opened(stand_ins: StandIns, warehouse: Warehouse) -> Iterator[Shop]:
    demo.install()
    workspace = Workspace.objects.get(slug=demo.WORKSPACE)
    reset_stand_ins(actor=SYSTEM, workspace=workspace)
    production = Environment.objects.get(workspace=workspace, slug=demo.ENVIRONMENT)
    yield Shop(workspace, production, stand_ins, warehouse)
    sql("DROP TABLE orders")
    for forget in (invalidate_all, credentials.forget_all, forget_all, forget_sealers, close_thread_connections):
        forget()
