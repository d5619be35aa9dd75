"""Chat: the webhook's path is its secret, so the request is built here and shown without it."""

from dataclasses import replace
from typing import Any

from ipaas.sdk.basics import ErrorClass, dumps
from ipaas.sdk.connector import HandlerCall, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.handlers import exchange
from ipaas.sdk.requests import BuiltRequest

SHOWN_PATH = "/(secret)"


async def post_message(call: HandlerCall) -> Result:
    """Post one message in the form that the chat takes."""
    path = (call.io.secret("path") or "").strip()
    if not path:
        raise ActionError(ErrorClass.CONFIGURATION, "no_webhook_path", "The connection has no path of a webhook.")
    if not path.isascii() or any(ord(char) <= 32 or char in "#\\" for char in path):
        message = "The path of the webhook holds a character that no address has."
        raise ActionError(ErrorClass.CONFIGURATION, "webhook_path", message)
    bare, _, query = path.lstrip("/").partition("?")
    pairs = tuple((name, value) for name, _, value in (one.partition("=") for one in query.split("&") if one))
    body = dumps(message_for(str(call.io.config.get("kind") or "slack"), call.params))
    request = BuiltRequest("POST", f"/{bare}", pairs, {"content-type": "application/json"}, body)
    result = await exchange(call, request)
    return replace(result, request=replace(result.request, path=SHOWN_PATH, query=()))


def message_for(kind: str, params: Any) -> dict[str, Any]:
    """The body of a message."""
    text, title, extra = params["text"], params["title"], params["extra"] or {}
    bold = f"**{title}**\n{text}" if kind in ("discord", "mattermost") else f"*{title}*\n{text}"
    whole = bold if title else text
    if kind == "discord":
        return {"content": whole, **extra}
    if kind == "teams":
        lines = [{"type": "TextBlock", "text": text, "wrap": True}]
        if title:
            lines.insert(0, {"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": True})
        card = {"type": "AdaptiveCard", "version": "1.4", "body": lines}
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        return {"type": "message", "attachments": [attachment], **extra}
    return {"text": whole, **extra}


HANDLERS = {"post_message": post_message}
