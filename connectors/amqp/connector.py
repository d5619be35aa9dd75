"""RabbitMQ: publish with the broker's confirmation; messages as events, acknowledged when they are stored."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from amqp import Channel, Message

from ipaas.sdk.basics import ErrorClass, dumps
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.messages import content
from ipaas.sdk.transports import amqp


async def publish(call: HandlerCall) -> Result:
    """Publish one message, persistent and confirmed; one that no queue takes is refused."""
    params, io = call.params, call.io
    is_text = params["text"] is not None
    message = Message(
        params["text"] if is_text else dumps(params["data"]),
        content_type="text/plain" if is_text else "application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=io.effect_key or uuid4().hex,
        application_headers=dict(params["headers"] or {}),
        **({"type": params["type"]} if params["type"] else {}),
    )
    session = await amqp.opened(io, confirmed=True)

    def send(channel: Channel) -> None:
        session.commit()
        channel.basic_publish(message, params["exchange"] or "", params["routing_key"], mandatory=True)

    try:
        await session.do(send)
    finally:
        await session.close()
    shown = {"exchange": params["exchange"], "routing_key": params["routing_key"]}
    data = {"message_id": message.properties["message_id"]}
    return Result(data, None, {}, RequestView("AMQP", "publish", body=shown), ResponseView(None, {}, data))


async def fetch_messages(call: HandlerCall) -> Result:
    """Messages of the connection's queue. They are acknowledged when the platform has stored them."""
    queue, limit = call.params["queue"] or call.io.config.get("queue"), call.params["limit"]
    if not queue:
        message = "Neither the flow's trigger nor the connection says which queue to read."
        raise ActionError(ErrorClass.CONFIGURATION, "amqp_no_queue", message)
    session = await amqp.opened(call.io)
    try:
        found = await session.do(lambda channel: _taken(channel, queue, limit))
        items = [_item(message) for message in found]
    except BaseException:
        await session.close()
        raise

    async def settle(stored: bool) -> None:
        try:
            if stored and found:
                await session.do(lambda channel: channel.basic_ack(found[-1].delivery_tag, multiple=True))
        finally:
            await session.close()

    data = {"items": items, "next": {"last": items[-1]["key"] if items else None}, "more": len(found) == limit}
    view = RequestView("AMQP", "fetch_messages", body={"queue": queue, "limit": limit})
    return Result(data, None, {}, view, ResponseView(None, {}, None), settle)


def _taken(channel: Channel, queue: str, limit: int) -> list[Message]:
    found = []
    while len(found) < limit and (message := channel.basic_get(queue)) is not None:
        found.append(message)
    return found


def _item(message: Message) -> dict[str, Any]:
    """A message as an event. Without a message id nothing tells a second delivery from another message."""
    told = message.properties
    sent = told.get("timestamp")
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return {
        "key": str(told["message_id"]) if told.get("message_id") else f"delivery/{uuid4().hex}",
        "message_id": told.get("message_id"),
        "routing_key": message.delivery_info.get("routing_key"),
        "exchange": message.delivery_info.get("exchange"),
        "redelivered": bool(message.delivery_info.get("redelivered")),
        "type": told.get("type"),
        "sent_at": sent.isoformat() if isinstance(sent, datetime) else None,
        "headers": {name: str(value) for name, value in (told.get("application_headers") or {}).items()},
        **content(body),
    }


HANDLERS = {"publish": publish, "fetch_messages": fetch_messages}
