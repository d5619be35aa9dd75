"""Signing of outbound events: the signature covers the body as sent, so it is made here and not by a template."""

from datetime import datetime

from ipaas.sdk.basics import ErrorClass, clock, dumps
from ipaas.sdk.connector import HandlerCall, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.handlers import exchange
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.signatures import STANDARD_WEBHOOKS, sign


async def send_event(call: HandlerCall) -> Result:
    """Post one event, signed with the current and, during a rotation, the next secret."""
    secrets = [secret for name in ("signing_secret", "signing_secret_next") if (secret := call.io.secret(name))]
    if not secrets:
        raise ActionError(ErrorClass.CONFIGURATION, "no_signing_secret", "The connection has no signing secret.")
    params = call.params
    body = dumps({"type": params["type"], "timestamp": params["timestamp"], "data": params["data"]})
    return await exchange(call, _request(call, body, secrets, clock.now()))


def _request(call: HandlerCall, body: bytes, secrets: list[str], now: datetime) -> BuiltRequest:
    delivery_id = call.io.effect_key or "test"
    headers = sign(STANDARD_WEBHOOKS, body=body, secrets=secrets, now=now, delivery_id=delivery_id)
    path = str(call.io.config.get("path") or "/")
    return BuiltRequest("POST", path, (), {"content-type": "application/json", **headers}, body)


HANDLERS = {"send_event": send_event}
