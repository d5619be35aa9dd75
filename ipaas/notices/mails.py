"""Sending queued mails: at least once, each with a message id that stays."""

import asyncio
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.outbox.models import Mail
from ipaas.runtime import writing
from ipaas.runtime.engine import Engine
from ipaas.runtime.rows import Suspension, Unit
from ipaas.runtime.store import Claimed

log = get_logger(__name__)

DELAYS_S = (30.0, 300.0, 1800.0, 7200.0, 21_600.0, 43_200.0)
"""Pauses after each failure: seven tries within a day."""


async def mail_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Send one mail; what came of it is written in its own transaction, fenced there."""
    del unit
    mail = await engine.in_thread(lambda: Mail.objects.filter(id=claim.id, state=Mail.State.WAITING).first())
    error = await asyncio.to_thread(send, mail) if mail is not None else ""
    await engine.in_thread(_end, claim, error)


def abandon_mail(claim: Claimed, message: str) -> None:
    Mail.objects.filter(id=claim.id).update(state=Mail.State.FAILED, last_error=message)


def send(mail: Mail) -> str:
    """Hand a mail to the server that the settings name; what went wrong, without any address, or nothing."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    message = EmailMessage(mail.subject, mail.text, to=[mail.to], headers={"Message-ID": f"<{mail.id}@{host}>"})
    try:
        message.send()
    except (OSError, IpaasError) as error:  # texts repeat what the server said, addresses too
        return type(error).__name__
    return ""


@transaction.atomic
def _end(claim: Claimed, error: str) -> None:
    writing.own(claim)
    mail = Mail.objects.select_for_update().filter(id=claim.id).first()
    if mail is None or mail.state != Mail.State.WAITING:
        writing.write_rows({"done": [(claim.id,)]})
        return
    mail.attempts += 1
    mail.last_error = error
    if error and mail.attempts <= len(DELAYS_S):
        due_at = now() + timedelta(seconds=DELAYS_S[mail.attempts - 1])
        writing.write_rows({"suspend": [Suspension(claim.id, due_at, claim.wakes)]})
    else:
        mail.state = Mail.State.FAILED if error else Mail.State.SENT
        writing.write_rows({"done": [(claim.id,)]})
    mail.save(update_fields=["attempts", "last_error", "state"])
    if error:
        log.warning("mail not sent", action="mail_failed", mail_id=str(mail.id), attempt=mail.attempts, error=error)
