"""The gateway over protocols other than HTTP: databases, mail and local files."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import services, transports
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import invalidate_all
from ipaas.core.actor import SYSTEM
from ipaas.vault.services import create_secret
from tests.factories.ledger import MemoryLedger
from tests.integration.catalog.conftest import Pay

Connected = Callable[..., Awaitable[Connection]]


async def test_a_database_is_reached_by_its_own_protocol_and_bound_to_its_address(
    connected: Connected, environment: Environment, pay: Pay
) -> None:
    server = connections["default"].settings_dict
    host, port = str(server["HOST"]), int(server["PORT"])
    password = str(server["PASSWORD"] or "secret-pass")
    await connected()
    await Workspace.objects.aupdate(settings={"egress_allow": [f"{host}:{port}"]})
    workspace = await Workspace.objects.aget()
    await sync_to_async(create_secret)(
        workspace=workspace, slug="db", fields={"username": server["USER"], "password": password}, actor=SYSTEM
    )
    config = {"host": host, "port": port, "database": server["NAME"], "sslmode": "disable"}
    row = await sync_to_async(services.create_connection)(
        environment=await Environment.objects.select_related("workspace").aget(id=environment.id),
        slug="warehouse",
        connector="postgres",
        config=config,
        secret="db",
        actor=SYSTEM,
    )
    assert row.secret_origin == f"postgres://{host}:{port}"
    sql = f"SELECT '{password}' AS leaked, 1.10 AS price"
    outcome = await pay(connection="warehouse", action="query", params={"sql": sql})
    assert outcome.kind == "ok", outcome.error
    assert outcome.data["rows"] == [{"leaked": "‹secret›", "price": Decimal("1.10")}]
    assert password not in repr(outcome)
    await Connection.objects.filter(id=row.id).aupdate(secret_origin="postgres://elsewhere:5432")
    invalidate_all()
    detached = await pay(connection="warehouse", action="query", params={"sql": "SELECT 1"})
    assert detached.error is not None
    assert detached.error.code == "credential_detached"


@pytest.mark.parametrize("greeting", [b"", b"220 mail\r\n"], ids=["silent", "stalls-after-the-greeting"])
async def test_a_mail_that_was_not_handed_over_in_time_is_simply_tried_again(
    connected: Connected, environment: Environment, pay: Pay, greeting: bytes
) -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await connected()
    await Workspace.objects.aupdate(settings={"egress_allow": [f"127.0.0.1:{port}"]})
    await sync_to_async(services.create_connection)(
        environment=await Environment.objects.select_related("workspace").aget(id=environment.id),
        slug="mail",
        connector="smtp",
        auth_scheme="none",
        config={"host": "127.0.0.1", "port": port, "security": "none", "from_address": "shop@example.com"},
        actor=SYSTEM,
    )
    params = {"to": "bob@example.com", "subject": "Hello", "text": "There"}
    try:
        outcome = await pay(connection="mail", action="send_mail", params=params, policy={"timeout_s": 0.5})
    finally:
        server.close()
    assert (outcome.kind, outcome.effect_state) == ("retry", "failed"), outcome.error


async def test_local_files_are_those_of_the_workspace_and_their_intent_comes_first(
    environment: Environment,
    pay: Pay,
    connected: Connected,
    ledger: MemoryLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await connected()
    here = await Environment.objects.select_related("workspace").aget(id=environment.id)
    await sync_to_async(services.create_connection)(environment=here, slug="disk", connector="files", actor=SYSTEM)
    write = {"connection": "disk", "action": "write_file", "params": {"path": "a.txt", "content": "x"}}
    refused = await pay(**write)
    assert refused.error is not None
    assert (refused.error.code, refused.intent) == ("no_files_allowed", False)
    monkeypatch.setattr(transports, "settings", lambda: SimpleNamespace(files_root=tmp_path))
    folder = tmp_path / here.workspace.slug
    folder.mkdir()
    written = await pay(**write)
    assert (written.kind, written.intent) == ("ok", True)
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    again = await pay(**write)
    assert (again.kind, again.data) == ("recorded", written.data)
