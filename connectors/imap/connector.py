"""Mail that arrives: read by UID, moved, flagged."""

import hashlib
from base64 import b64encode
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as mail_policy
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, cast

from ipaas.sdk.basics import ErrorClass
from ipaas.sdk.connector import HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports.imap import Mail, Session, in_folder

MAX_TEXT = 500_000
MAX_ATTACHMENTS_BYTES = 10 * 1024 * 1024


async def poll_mails(call: HandlerCall) -> Result:
    """Mails above the cursor's UID; another UIDVALIDITY makes the UIDs anew, so the folder is read from its start."""
    params = call.params
    after, criteria = params["after"] or {}, "UNSEEN" if params["only_unseen"] else ""

    def work(session: Session) -> dict[str, Any]:
        start = int(after.get("uid", 0)) if after.get("validity") == session.validity else 0
        uids = session.uids(start, criteria)
        taken = uids[: params["limit"]]
        mails = [mail for uid in taken if (mail := session.mail(uid)) is not None]
        items = [{"key": _key(mail, session.validity), "mail": shown(mail, session.validity)} for mail in mails]
        following = {"validity": session.validity, "uid": taken[-1] if taken else start}
        return {"items": items, "next": following, "more": len(uids) > len(taken)}

    return _result("poll_mails", params, await in_folder(call.io, work, folder=params["folder"]))


async def read_mail(call: HandlerCall) -> Result:
    """One mail with its attachments."""
    params = call.params

    def work(session: Session) -> dict[str, Any]:
        _same(session, params)
        mail = session.mail(params["uid"])
        if mail is None:
            raise ActionError(ErrorClass.NOT_FOUND, "imap_no_mail", "The folder holds no such mail any more.")
        return shown(mail, session.validity, attachments=True)

    return _result("read_mail", params, await in_folder(call.io, work, folder=params["folder"]))


async def move_mail(call: HandlerCall) -> Result:
    """A mail that is gone from the folder counts as moved: a repetition changes nothing."""
    params = call.params

    def work(session: Session) -> dict[str, Any]:
        _same(session, params)
        there = session.mail(params["uid"]) is not None
        if there:
            session.move(params["uid"], params["to"])
        return {"uid": params["uid"], "repeated": not there}

    return _result("move_mail", params, await in_folder(call.io, work, folder=params["folder"], writing=True))


async def flag_mail(call: HandlerCall) -> Result:
    """Set and take flags away."""
    params = call.params

    def work(session: Session) -> dict[str, Any]:
        _same(session, params)
        session.flag(params["uid"], params["add"] or [], params["remove"] or [])
        return {"uid": params["uid"]}

    return _result("flag_mail", params, await in_folder(call.io, work, folder=params["folder"], writing=True))


def _same(session: Session, params: Any) -> None:
    if params["validity"] != session.validity:
        message = "The folder was made anew since the mail was read: its number means another mail now."
        raise ActionError(ErrorClass.CONFLICT, "imap_validity", message)


def _key(mail: Mail, validity: int) -> str:
    """The Message-ID, which outlives a new UIDVALIDITY; without one the place in the folder."""
    message = message_from_bytes((mail.content or b"")[:100_000], policy=mail_policy)
    told = str(message.get("Message-ID") or "").strip()
    return told if told and mail.content is not None else f"{validity}/{mail.uid}"


def shown(mail: Mail, validity: int, *, attachments: bool = False) -> dict[str, Any]:
    """A mail as JSON. One that is too large has no members but these; attachments come when they are asked for."""
    basics = {"uid": mail.uid, "validity": validity, "flags": list(mail.flags), "size": mail.size}
    if mail.content is None:
        return {**basics, "too_large": True}
    message = cast("EmailMessage", message_from_bytes(mail.content, policy=mail_policy))
    files = [_attachment(part) for part in message.walk() if part.is_attachment() or part.get_filename()]
    if attachments and sum(len(one["content"]) for one in files) > MAX_ATTACHMENTS_BYTES:
        message_text = "The mail's attachments are larger than 10 MB together."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "imap_attachments", message_text)
    kept = [one if attachments else {**one, "content": None} for one in files]
    texts = {"text": _text(message, "plain"), "html": _text(message, "html")}
    return {**basics, **_headers(message), **texts, "attachments": kept, "too_large": False}


def _headers(message: EmailMessage) -> dict[str, Any]:
    try:
        date = parsedate_to_datetime(str(message.get("Date") or "")).isoformat()
    except (ValueError, TypeError):
        date = None
    return {
        "message_id": str(message.get("Message-ID") or "").strip() or None,
        "in_reply_to": str(message.get("In-Reply-To") or "").strip() or None,
        "subject": str(message.get("Subject") or ""),
        "date": date,
        **{name: _addresses(message, name) for name in ("from", "to", "cc")},
    }


def _addresses(message: EmailMessage, name: str) -> list[dict[str, str]]:
    found = getaddresses([str(line) for line in message.get_all(name, [])])
    return [{"name": person, "address": address} for person, address in found if address]


def _text(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\0", "\ufffd")[:MAX_TEXT]


def _attachment(part: Any) -> dict[str, Any]:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    return {
        "name": part.get_filename() or "",
        "type": part.get_content_type(),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": b64encode(content).decode("ascii"),
    }


def _result(action: str, params: Any, data: dict[str, Any]) -> Result:
    return Result(data, None, {}, RequestView("IMAP", action, body=dict(params)), ResponseView(None, {}, data))


HANDLERS = {"poll_mails": poll_mails, "read_mail": read_mail, "move_mail": move_mail, "flag_mail": flag_mail}
