"""Mail: builds the message and hands it over."""

import hashlib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from ipaas.sdk.basics import ErrorClass, clock
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports.smtp import Server, send


async def send_mail(call: HandlerCall) -> Result:
    """Send one mail to all its recipients or to none."""
    config, params, io = call.io.config, call.params, call.io
    recipients = [one for name in ("to", "cc", "bcc") for one in _addresses(params.get(name))]
    message_id = _message_id(io.effect_key, str(config["from_address"]))
    message = _message(config, params, message_id)
    username, password = io.secret("username"), io.secret("password")
    server = Server(
        host=str(config["host"]), port=int(config.get("port") or 587), security=config.get("security") or "starttls"
    )
    reply = await send(
        io,
        server,
        sender=str(config["from_address"]),
        recipients=recipients,
        message=message.as_bytes(),
        login=(username, password or "") if username else None,
    )
    shown = {"message_id": message_id, "recipients": len(recipients), "subject": params["subject"]}
    answer = ResponseView(reply.code, {}, reply.text)
    data = {"message_id": message_id, "reply": reply.text}
    return Result(data, reply.code, {}, RequestView("SMTP", "send_mail", body=shown), answer)


def _message(config: Any, params: Any, message_id: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    try:
        message["From"] = Address(config.get("from_name") or "", addr_spec=str(config["from_address"]))
        message["To"] = _listed(params["to"])
        if params.get("cc"):
            message["Cc"] = _listed(params["cc"])
        if params.get("reply_to"):
            message["Reply-To"] = Address(addr_spec=params["reply_to"])
        message["Subject"] = params["subject"]
        message["Message-ID"] = message_id
        message["Date"] = format_datetime(clock.now())
        message["Auto-Submitted"] = "auto-generated"
        if params.get("reference"):
            message["X-Reference"] = params["reference"]
    except (ValueError, IndexError) as error:
        raise ActionError(
            ErrorClass.CONTRACT_VIOLATION, "mail_header", "An address or header of the mail is malformed."
        ) from error
    message.set_content(params["text"])
    if params.get("html"):
        message.add_alternative(params["html"], subtype="html")
    return message


def _message_id(effect_key: str | None, sender: str) -> str:
    """Constant over attempts of one effect (RFC 5322 3.6.4)."""
    unique = hashlib.sha256(effect_key.encode()).hexdigest()[:40] if effect_key else uuid4().hex
    return f"<{unique}@{sender.rpartition('@')[2]}>"


def _addresses(value: Any) -> list[str]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _listed(value: Any) -> list[Address]:
    return [Address(addr_spec=one) for one in _addresses(value)]


HANDLERS = {"send_mail": send_mail}
