"""A Kafka connection through the gateway: where it may go, and what its credential is bound to."""

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import gateway, services
from ipaas.catalog.gateway import GatewayCall
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.vault.services import create_secret
from tests.integration.catalog.conftest import Pay
from tests.integration.sdk.kafka_broker import program, started, topic_of
from tests.integration.sdk.servers import free_port


def made(environment: Environment, **fields: Any) -> Connection:
    return services.create_connection(environment=environment, connector="kafka", actor=SYSTEM, **fields)


async def test_a_flow_reads_what_was_published_and_goes_nowhere_else(
    environment: Environment, pay: Pay, tmp_path: Path
) -> None:
    tansu, port, elsewhere = program(tmp_path), free_port(), free_port()
    await Workspace.objects.aupdate(settings={"egress_allow": [f"127.0.0.1:{port}"]})
    place = await Environment.objects.select_related("workspace").aget(id=environment.id)
    config: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": "disable", "start": "earliest"}
    with started(tansu, port, f"127.0.0.1:{port}"):
        config["topic"] = topic_of(tansu, port)
        await sync_to_async(made)(place, slug="bus", config=config, auth_scheme="none")
        sent = await pay(connection="bus", action="publish", params={"topic": config["topic"], "data": {"n": 1}})
        assert sent.kind == "ok", sent.error
        where = {"workspace_id": place.workspace_id, "environment_id": place.id}
        call = GatewayCall(**where, connection="bus", action="messages", params={})
        page = await gateway.poll(call, None)
        assert page.kind == "ok", page.error
        assert [item["data"]["data"] for item in page.data["items"]] == [{"n": 1}]
        assert (await gateway.poll(call, page.data["cursor"])).data["items"] == []
    with started(tansu, port, f"127.0.0.1:{elsewhere}"):
        topic = topic_of(tansu, port)
        another = {"topic": topic, "data": 2}
        refused = await pay(connection="bus", action="publish", params=another, effect_key=b"another", fresh=True)
        assert refused.error is not None
        assert (refused.error.code, refused.effect_state) == ("kafka_broker_unlisted", "failed")


@pytest.mark.parametrize("brokers", [[], ["b2.shop.example:9092"], ["*.shop.example:9092"]])
def test_other_brokers_detach_the_credential(environment: Environment, brokers: list[str]) -> None:
    create_secret(
        workspace=environment.workspace, slug="bus", fields={"username": "u", "password": "p-secret"}, actor=SYSTEM
    )
    config = {"host": "kafka.shop.example", "brokers": ["b1.shop.example:9092"]}
    row = made(environment, slug="bus", config=config, secret="bus")
    assert row.secret_origin.startswith("kafka://kafka.shop.example:9092+")
    changed = services.update_connection(
        connection=row, changes={"config": {**config, "brokers": brokers}}, actor=SYSTEM
    )
    assert (changed.secret, changed.secret_origin) == ("", "")
