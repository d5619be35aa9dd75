"""A workspace with an environment, an endpoint and flows, and an engine that works until nothing is due."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from psycopg.conninfo import make_conninfo

from ipaas.accounts import services as accounts
from ipaas.accounts.models import Environment, Workspace
from ipaas.core import ids
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.ids import uuid7
from ipaas.events.models import Endpoint, Receipt
from ipaas.flows import catalogue
from ipaas.flows.models import Flow
from ipaas.governance import services as governance
from ipaas.runtime import calls
from ipaas.runtime.models import DeadLetter, Run, StepRun
from ipaas.runtime.pump import Pump
from ipaas.runtime.services import trigger_flow
from ipaas.runtime.tasks import HANDLERS
from ipaas.runtime.values import read_values
from tests.factories import flow_documents
from tests.integration.runtime.gateway import ScriptedGateway


def conninfo() -> str:
    """The test database, for the engine's own connections."""
    given = connection.settings_dict
    wanted = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"], "password": given["PASSWORD"]}
    return make_conninfo("", dbname=given["NAME"], **{name: value for name, value in wanted.items() if value})


def call(step_id: str, given: dict[str, Any] | None = None, undo: bool = False, **changes: Any) -> dict[str, Any]:
    """A call step; with ``undo`` it has a compensation."""
    step = {"id": step_id, "call": {"connection": "vendor", "action": "do_it", "with": given or {}}, **changes}
    if undo:
        back = {"what": f"{{{{ steps.{step_id}.output.id }}}}"}
        step["compensate"] = {"call": {"connection": "vendor", "action": "undo_it", "with": back}}
    return step


@dataclass
class World:
    """One workspace and what happens in it."""

    workspace: Workspace
    environment: Environment
    gateway: ScriptedGateway

    def flow(self, *steps: dict[str, Any], **changes: Any) -> Flow:
        """Publish and deploy a flow."""
        content = flow_documents.flow(steps=list(steps), **changes)
        applied = governance.apply_document(content=content, workspace=self.workspace, actor=SYSTEM)
        flow = Flow.objects.get(id=applied.document.id)
        governance.deploy(flow=flow, environment=self.environment, version=applied.version, actor=SYSTEM)
        return flow

    def endpoint(self, slug: str = "shop") -> Endpoint:
        return Endpoint.objects.create(
            workspace=self.workspace,
            environment=self.environment,
            slug=slug,
            title=slug,
            public_id=secrets.token_hex(8),
            signature_required=False,
            delivery_header="x-id",
            event_header="x-topic",
        )

    def start(self, flow: Flow, body: Any = None, **changes: Any) -> Run:
        body = {"id": "o-1"} if body is None else body
        return trigger_flow(actor=SYSTEM, flow=flow, environment=self.environment, body=body, **changes)

    def work(self) -> None:
        """Let one pump work until nothing is due."""
        asyncio.run(_work())

    def play(self, flow: Flow, body: Any = None) -> Run:
        """Start a run and work until nothing is due."""
        run = self.start(flow, body)
        self.work()
        run.refresh_from_db()
        return run

    def go_on(self, run: Run) -> Run:
        """Let the time of whatever the run waits for have come, and work."""
        self.make_due()
        self.work()
        run.refresh_from_db()
        return run

    @staticmethod
    def make_due() -> None:
        sql("UPDATE runtime_work SET due_at = now(), leased = false")
        sql("UPDATE runtime_steprun SET due_at = now() - interval '1 second' WHERE due_at > now()")

    @staticmethod
    def steps(run: Run) -> dict[str, str]:
        """Status by ``path`` or ``path#item``."""
        return {str(step): step.status for step in StepRun.objects.filter(run_id=run.id).order_by("seq")}

    @staticmethod
    def step(run: Run, path: str, item: str = "") -> StepRun:
        return StepRun.objects.get(run_id=run.id, path=path, item=item)

    @staticmethod
    def output(run: Run, path: str, item: str = "") -> Any:
        return read_values(run).get(f"{path}#{item}.output")

    @staticmethod
    def letter(run: Run) -> DeadLetter:
        return DeadLetter.objects.get(run_id=run.id, state=DeadLetter.State.OPEN)

    @staticmethod
    def receipts() -> list[Receipt]:
        return list(Receipt.objects.order_by("id"))

    def actor(self, *permissions: str, workspace_id: UUID | None = None) -> Actor:
        return Actor(
            kind="user",
            id=str(uuid7()),
            label="alice@example.com",
            workspace_id=workspace_id or self.workspace.id,
            permissions=frozenset(permissions),
        )


async def _work() -> None:
    pump = Pump(conninfo(), handlers=HANDLERS)
    await pump.open()
    try:
        await pump.run_until_idle()
    finally:
        await pump.close()


def sql(statement: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or [])
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Stands in for every connection; that flows name connections nobody made is therefore not checked."""
    double = ScriptedGateway()
    monkeypatch.setattr(calls, "invoke", double)
    monkeypatch.setattr(catalogue, "PROVIDER", "catalog.nobody")
    return double


@pytest.fixture
def world(transactional_db: None, gateway: ScriptedGateway) -> World:
    workspace = accounts.create_workspace(slug=f"w-{secrets.token_hex(4)}", name="Works", actor=SYSTEM)
    environment = accounts.create_environment(
        workspace=workspace, slug="production", name="Production", actor=SYSTEM, variables={"region": "eu"}
    )
    return World(workspace, environment, gateway)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Stands at noon of today, for which there are partitions; ids made meanwhile do not push later ones ahead."""
    monkeypatch.setattr(ids, "_last", 0)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=30, microsecond=0)
    with time_machine.travel(noon, tick=False) as frozen:
        yield frozen
