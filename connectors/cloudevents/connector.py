"""CloudEvents 1.0 over HTTP: structured mode puts everything into the body, binary mode the attributes into headers."""

import hashlib
from typing import Any
from urllib.parse import quote

from ipaas.sdk.basics import ErrorClass, dumps
from ipaas.sdk.connector import HandlerCall, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.handlers import exchange
from ipaas.sdk.requests import BuiltRequest

RESERVED = frozenset(
    {"id", "source", "specversion", "type", "subject", "time", "dataschema", "datacontenttype", "data"}
)
_UNQUOTED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


async def send_event(call: HandlerCall) -> Result:
    """Send one event; its id is the same over all attempts."""
    attributes = attributes_of(call)
    path = str(call.io.config.get("path") or "/")
    if (call.io.config.get("mode") or "structured") == "structured":
        body = dumps({**attributes, "data": call.params["data"]})
        headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
        return await exchange(call, BuiltRequest("POST", path, (), headers, body))
    headers = {f"ce-{name}": header_value(value) for name, value in attributes.items() if name != "datacontenttype"}
    headers["content-type"] = "application/json"
    return await exchange(call, BuiltRequest("POST", path, (), headers, dumps(call.params["data"])))


def attributes_of(call: HandlerCall) -> dict[str, Any]:
    """The context attributes (CloudEvents 1.0, "Context Attributes")."""
    params = call.params
    extensions = params["extensions"] or {}
    if RESERVED & extensions.keys():
        message = f"An extension may not be called {', '.join(sorted(RESERVED & extensions.keys()))}."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "reserved_attribute", message)
    key = call.io.effect_key or dumps([params["type"], params["time"], params["data"]]).decode()
    optional = {name: params[name] for name in ("subject", "time", "dataschema") if params[name] is not None}
    return {
        "specversion": "1.0",
        "id": hashlib.sha256(key.encode()).hexdigest()[:40],
        "source": str(call.io.config["source"]),
        "type": params["type"],
        "datacontenttype": "application/json",
        **optional,
        **extensions,
    }


def header_value(value: Any) -> str:
    """As the HTTP binding encodes it (3.1.3.2): space, quote, percent and all beyond printable ASCII."""
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return quote(text, safe=_UNQUOTED)


HANDLERS = {"send_event": send_event}
