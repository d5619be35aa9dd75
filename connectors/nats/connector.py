"""NATS JetStream: publish with acknowledgement; messages as events, acknowledged when they are stored."""

import asyncio
from typing import Any

from ipaas.sdk.basics import ErrorClass, dumps
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.messages import content
from ipaas.sdk.transports import nats
from ipaas.sdk.transports.nats import APIError, NatsError


async def publish(call: HandlerCall) -> Result:
    """Publish one message; the stream's acknowledgement tells its place and whether it knew the message already."""
    params, io = call.params, call.io
    payload = params["text"].encode() if params["text"] is not None else dumps(params["data"])
    headers = {**(params["headers"] or {})}
    if io.effect_key:
        headers["Nats-Msg-Id"] = io.effect_key
    async with nats.session(io) as client:
        io.committing()
        try:
            told = await client.jetstream(timeout=10).publish(params["subject"], payload, headers=headers or None)
        except (NatsError, APIError, ValueError, OSError, TimeoutError) as error:
            raise nats.failure(error, sent=True) from error
    data = {"stream": told.stream, "sequence": told.seq, "repeated": bool(told.duplicate)}
    return _result("publish", {"subject": params["subject"]}, data)


async def fetch_messages(call: HandlerCall) -> Result:
    """Messages of the connection's consumer. They are acknowledged when the platform has stored them."""
    config, limit = call.io.config, call.params["limit"]
    stream, consumer = (call.params[name] or config.get(name) for name in ("stream", "consumer"))
    if not stream or not consumer:
        message = "Neither the flow's trigger nor the connection says which stream and consumer to read."
        raise ActionError(ErrorClass.CONFIGURATION, "nats_no_consumer", message)
    client = await nats.opened(call.io)
    try:
        reader = await client.jetstream(timeout=10).pull_subscribe_bind(consumer, stream)
        found = await _fetched(reader, limit)
        items = [_item(message) for message in found]
        sequence = found[-1].metadata.sequence.stream if found else None
    except (NatsError, APIError, OSError, TimeoutError) as error:
        await client.close()
        raise nats.failure(error, sent=False) from error
    except BaseException:
        await client.close()
        raise

    async def settle(stored: bool) -> None:
        try:
            await asyncio.gather(*(message.ack_sync(timeout=5) if stored else message.nak() for message in found))
            await client.flush(timeout=5)
        finally:
            await client.close()

    data = {"items": items, "next": {"sequence": sequence}, "more": len(found) == limit}
    return Result(data, None, {}, _view("fetch_messages", {"limit": limit}), ResponseView(None, {}, None), settle)


async def _fetched(reader: Any, limit: int) -> list[Any]:
    """What waits; nothing waiting is no error."""
    try:
        messages: list[Any] = await reader.fetch(limit, timeout=1)
    except TimeoutError:
        return []
    return messages


def _item(message: Any) -> dict[str, Any]:
    """A message as an event: its data when it is JSON, else text or Base64."""
    place = message.metadata
    return {
        "key": f"{place.stream}/{place.sequence.stream}",
        "subject": message.subject,
        "headers": dict(message.headers or {}),
        "sequence": place.sequence.stream,
        "published_at": place.timestamp.isoformat(),
        "delivered": place.num_delivered,
        **content(message.data),
    }


def _view(action: str, shown: dict[str, Any]) -> RequestView:
    return RequestView("NATS", action, body=shown)


def _result(action: str, shown: dict[str, Any], data: dict[str, Any]) -> Result:
    return Result(data, None, {}, _view(action, shown), ResponseView(None, {}, data))


HANDLERS = {"publish": publish, "fetch_messages": fetch_messages}
