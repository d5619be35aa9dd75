"""Messages of queues as JSON."""

from base64 import b64encode
from typing import Any

from ipaas.core.jsonio import JsonInvalid, loads


def content(raw: bytes) -> dict[str, Any]:
    """``data`` when the message is JSON, else ``text``, else ``base64``; the others are null."""
    nothing: dict[str, Any] = {"data": None, "text": None, "base64": None}
    try:
        return {**nothing, "data": loads(raw)}
    except JsonInvalid:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text:
        return {**nothing, "base64": b64encode(raw).decode("ascii")}
    return {**nothing, "text": text}
