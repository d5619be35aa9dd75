"""The RabbitMQ connector against a real server (Debian's rabbitmq-server)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import amqp
import pytest

from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io
from tests.integration.sdk.servers import free_port, running

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "amqp")
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="needs Debian's rabbitmq-server")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with TemporaryDirectory(prefix="rmq") as folder:
        found, names = free_port(), free_port()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"r{found}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(found),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        try:
            with running([str(SERVER)], says=b"completed with", env=env):
                yield found
        finally:
            subprocess.run(["epmd", "-kill"], env=env, capture_output=True, check=False)


@pytest.fixture
def place(port: int) -> Iterator[tuple[Io, amqp.Channel, str]]:
    """A queue of the test's own and a channel to it."""
    name = f"q{uuid4().hex}"
    with amqp.Connection(f"127.0.0.1:{port}", "guest", "guest") as connection:
        channel = connection.channel()
        channel.queue_declare(name, durable=True, auto_delete=False)
        config = CONNECTOR.with_config_defaults({"host": "127.0.0.1", "port": port, "tls": "disable", "queue": name})
        yield Io(config, {"username": "guest", "password": "guest"}), channel, name


async def call(io: Io, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, io)).data


async def test_a_message_is_confirmed_and_carries_the_effect_key(place: tuple[Io, amqp.Channel, str]) -> None:
    io, channel, name = place
    told = await call(io, "publish", routing_key=name, data={"n": 1}, headers={"x-who": "me"}, type="order")
    message = channel.basic_get(name, no_ack=True)
    assert message is not None
    assert (message.properties["message_id"], told["message_id"], io.committed) == ("effect-1", "effect-1", 1)
    assert message.properties["application_headers"] == {"x-who": "me"}
    with pytest.raises(ActionError) as caught:
        await call(io, "publish", routing_key="nobody.listens", data=1)
    assert (caught.value.vendor_code, caught.value.applied) == ("amqp_312", False)


async def test_messages_are_acknowledged_after_they_are_stored_and_come_again_when_not(
    place: tuple[Io, amqp.Channel, str],
) -> None:
    io, channel, name = place
    for number, body in enumerate((b'{"n": 1}', b"plain", b"\xff\x00")):
        channel.basic_publish(amqp.Message(body, message_id=f"m{number}"), "", name)
    lost = await CONNECTOR.poll("messages", None, io)
    assert lost.settle is not None
    await lost.settle(False)
    page = await CONNECTOR.poll("messages", None, io)
    assert [item.key for item in page.items] == [item.key for item in lost.items] == ["m0", "m1", "m2"]
    first, second, third = (item.data for item in page.items)
    assert (first["data"], second["text"], third["base64"], first["redelivered"]) == ({"n": 1}, "plain", "/wA=", True)
    assert page.settle is not None
    await page.settle(True)
    empty = await CONNECTOR.poll("messages", page.cursor, io)
    assert (empty.items, empty.more) == ([], False)
    assert empty.settle is not None
    await empty.settle(True)


@pytest.mark.parametrize(
    ("config", "secrets", "code"),
    [
        ({}, {"password": "wrong-pw"}, "amqp_403"),
        ({"queue": "none"}, {}, "amqp_404"),
        ({"queue": None}, {}, "amqp_no_queue"),
        ({"tls": "require"}, {}, "amqp_broken"),
    ],
)
async def test_what_stands_in_the_way_is_told(
    place: tuple[Io, amqp.Channel, str], config: dict[str, Any], secrets: dict[str, str], code: str
) -> None:
    io = place[0]
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.poll("messages", None, Io({**io.config, **config}, {**io.secrets, **secrets}))
    assert (caught.value.vendor_code, caught.value.sent) == (code, False)
    assert "wrong-pw" not in str(caught.value)
