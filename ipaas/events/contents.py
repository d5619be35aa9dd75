"""What a delivery's body says: one JSON document, or the fields of a form read as one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import said
from ipaas.sdk.paths import joined_text

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 1_000


class DeliveryInvalid(IpaasError):
    """The delivery is not accepted: {reason}"""

    status = 400
    code = "delivery_invalid"
    title = "Delivery not accepted"
    remedy = (
        "Send one JSON document (Content-Type application/json) or a form, with the headers that the endpoint's page "
        "names."
    )


def read_body(headers: Mapping[str, str], body: bytes) -> tuple[Any, bytes]:
    """The document of a body and its JSON text. Raises DeliveryInvalid or JsonInvalid and nothing else."""
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return jsonio.loads(body), body
    if kind != FORM:
        raise DeliveryInvalid(reason=said("the content type {kind!r} is neither JSON nor a form.", kind=kind[:60]))
    text = _form_text(body)
    return jsonio.loads(text), text


def _form_text(body: bytes) -> bytes:
    """A form as JSON: an object of texts, of lists where a name comes more than once.

    A form with the one field ``payload`` that holds a JSON object (GitHub, Slack) stands for that object.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise DeliveryInvalid(
            reason=said("it is not a form of up to {most:,} fields in UTF-8.", most=MAX_FIELDS)
        ) from None
    if len(pairs) == 1 and pairs[0][0] == "payload" and pairs[0][1].startswith("{"):
        return pairs[0][1].encode()
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return jsonio.dumps(fields)


def told(headers: Mapping[str, str], document: Any, header: str, path: str, limit: int) -> str | None:
    """What a delivery tells at a path (several, joined by +, make one text), else in a header; None when it does not.

    Raises DeliveryInvalid when it is too long or not printable.
    """
    value = joined_text(document, path) if path else None
    where = said("body's {path}", path=path) if value is not None else said("header {header}", header=header)
    if value is None:
        value = headers.get(header.lower(), "").strip() if header else ""
    if len(value) > limit or not value.isprintable():
        raise DeliveryInvalid(
            reason=said("the {where} is longer than {limit} characters or not printable.", where=where, limit=limit)
        )
    return value or None
