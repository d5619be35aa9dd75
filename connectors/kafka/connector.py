"""Apache Kafka: publish with acknowledgement; messages as events, their offsets kept by the platform."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice, zip_longest
from typing import Any

from ipaas.sdk.basics import ErrorClass, dumps
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.messages import content
from ipaas.sdk.transports import kafka
from ipaas.sdk.transports.kafka_records import Message, Outgoing, partition_of

EFFECT_KEY = "ipaas-effect-key"
_ROUNDS = 20


async def publish(call: HandlerCall) -> Result:
    """Write one message; the acknowledgement tells its place."""
    params, io = call.params, call.io
    name, key = params["topic"], params["key"]
    headers = {**(params["headers"] or {}), **({EFFECT_KEY: io.effect_key} if io.effect_key else {})}
    message = Outgoing(
        None if key is None else key.encode(),
        None if params["deleted"] else params["text"].encode() if params["text"] is not None else dumps(params["data"]),
        [(header, value.encode()) for header, value in headers.items()],
    )
    async with kafka.session(io) as session:
        topic = await session.topic(name)
        partition = params["partition"]
        if partition is None:
            partition = partition_of(message.key or (io.effect_key or "").encode(), sorted(topic.leaders))
        offset = await session.produce(topic, partition, message)
    data = {"topic": name, "partition": partition, "offset": offset}
    view = RequestView("KAFKA", "publish", body={"topic": name, "key": key, "partition": params["partition"]})
    return Result(data, None, {}, view, ResponseView(None, {}, data))


async def fetch_messages(call: HandlerCall) -> Result:
    """Messages of the connection's topic from the cursor's offsets on, the partitions in turn."""
    config, limit, after = call.io.config, call.params["limit"], call.params["after"]
    name = call.params["topic"] or config.get("topic")
    if not name:
        message = "Neither the flow's trigger nor the connection says which topic to read."
        raise ActionError(ErrorClass.CONFIGURATION, "kafka_no_topic", message)
    kept: dict[str, int] = dict(after["offsets"]) if after and after["topic"] == name else {}
    async with kafka.session(call.io) as session:
        topic = await session.topic(name)
        places = await _places(session, topic, config, kept)
        found, lost = await _read(session, topic, places, config)
    shares = _shares({one: len(page.batch.messages) for one, page in found.items()}, limit)
    items = []
    for one, page in found.items():
        messages = page.batch.messages
        taken = messages[: shares[one]]
        items += [_item(name, one, told, lost.get(one, 0) if told is taken[0] else 0) for told in taken]
        places[one] = page.batch.next if len(taken) == len(messages) else messages[len(taken)].offset
    offsets = {**kept, **{str(one): offset for one, offset in places.items()}}
    more = any(places[one] < page.end for one, page in found.items())
    data = {"items": items, "next": {"topic": name, "offsets": offsets}, "more": more}
    view = RequestView("KAFKA", "fetch_messages", body={"topic": name, "limit": limit})
    return Result(data, None, {}, view, ResponseView(None, {}, None), moves=True)


async def _places(
    session: kafka.Session, topic: kafka.Topic, config: Mapping[str, Any], kept: Mapping[str, int]
) -> dict[int, int]:
    """Where each partition is read on. One that appears later is read from its first message."""
    assigned = config.get("partitions") or sorted(topic.leaders)
    fresh = [one for one in assigned if str(one) not in kept]
    moment = kafka.LATEST if not kept and config.get("start") == "latest" else kafka.EARLIEST
    begun = await session.offsets(topic, fresh, moment)
    return {one: begun[one] if one in begun else kept[str(one)] for one in assigned}


async def _read(
    session: kafka.Session, topic: kafka.Topic, places: dict[int, int], config: Mapping[str, Any]
) -> tuple[dict[int, kafka.Fetched], dict[int, int]]:
    """What the partitions hold at their places, which move over what no reader sees; and how many were lost of each."""
    lost: dict[int, int] = {}
    found: dict[int, kafka.Fetched] = {}
    for _ in range(_ROUNDS):
        found, gone = await session.fetch(topic, places)
        if gone:
            lost |= await _gaps(session, topic, places, gone, config)
        elif any(page.batch.messages for page in found.values()):
            break
        else:
            places.update({one: page.batch.next for one, page in found.items()})
            if all(page.batch.next >= page.end for page in found.values()):
                break
    return found, lost


async def _gaps(
    session: kafka.Session, topic: kafka.Topic, places: dict[int, int], gone: list[int], config: Mapping[str, Any]
) -> dict[int, int]:
    """Go on with the oldest message where the connection says so. Raises ActionError where it does not."""
    oldest = await session.offsets(topic, gone, kafka.EARLIEST)
    if config.get("gap") != "earliest":
        one = gone[0]
        message = (
            f"Messages are gone: partition {one} was to be read from offset {places[one]} and begins at {oldest[one]} "
            "now, or was made anew. Let the connection go on with the oldest to read what is left."
        )
        raise ActionError(ErrorClass.CONFIGURATION, "kafka_gap", message)
    lost = {one: max(0, oldest[one] - places[one]) for one in gone}
    places.update(oldest)
    return lost


def _shares(waiting: Mapping[int, int], limit: int) -> dict[int, int]:
    """How many of each partition's messages are taken, one of each in turn, so that none waits behind a busy one."""
    shares = dict.fromkeys(waiting, 0)
    rounds = zip_longest(*([one] * count for one, count in waiting.items()))
    for one in islice((one for turn in rounds for one in turn if one is not None), limit):
        shares[one] += 1
    return shares


def _item(topic: str, partition: int, message: Message, lost: int) -> dict[str, Any]:
    """A message as an event: its data when it is JSON, else text or Base64."""
    written = message.timestamp_ms
    empty = {"data": None, "text": None, "base64": None}
    return {
        "id": f"{topic}/{partition}/{message.offset}",
        "topic": topic,
        "partition": partition,
        "offset": message.offset,
        "written_at": datetime.fromtimestamp(written / 1000, UTC).isoformat() if written >= 0 else None,
        "key": None if message.key is None else _text(message.key),
        "headers": {name: None if value is None else _text(value) for name, value in message.headers},
        "deleted": message.value is None,
        "lost_before": lost,
        **(empty if message.value is None else content(message.value)),
    }


def _text(value: bytes) -> str:
    """Text as it is, other bytes as ``base64:…``."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    return f"base64:{b64encode(value).decode('ascii')}" if "\0" in text else text


HANDLERS = {"publish": publish, "fetch_messages": fetch_messages}
