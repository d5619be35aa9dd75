"""Mail of the product itself: to the server that IPAAS_MAIL_URL names, through the one door out; else into files."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.filebased import EmailBackend as FileBased

from ipaas.accounts.models import User
from ipaas.config import settings
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, NetError, open_stream, start_tls
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Stream
from ipaas.sdk.transports import smtp as dialogue

log = get_logger(__name__)
SOURCE = "en"
OPENING_S = 10.0
WHOLE_S = 20.0
SCHEMES = {"smtps": ("tls", 465), "smtp": ("starttls", 587), "smtp+plain": ("none", 25)}


class MailFailed(IpaasError):
    """The mail was not handed over: {reason}"""

    status = 502
    code = "mail.failed"
    title = "Mail not sent"
    remedy = "Check IPAAS_MAIL_URL and the mail server, then send it again."


@dataclass(frozen=True, slots=True)
class MailServer:
    """What a mail URL says: ``smtps`` speaks TLS at once, ``smtp`` insists on STARTTLS, ``smtp+plain`` does neither."""

    server: dialogue.Server
    login: tuple[str, str] | None

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """Raises ValueError with what is wrong; the message holds no password."""
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            message = f"a mail address begins with {', '.join(f'{one}://' for one in SCHEMES)} and names a host"
            raise ValueError(message)
        security, usual = SCHEMES[parts.scheme]
        login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        server = dialogue.Server(parts.hostname, parts.port or usual, security, deadline_s=WHOLE_S)
        return cls(server, login)


class _Way:
    """One dialogue's way to the mail server, which the installation's settings allow whatever its address."""

    def __init__(self, server: dialogue.Server) -> None:
        self._egress = EgressPolicy(allow_private=frozenset({(server.host, server.port)}))

    async def stream(self, host: str, port: int, *, tls: bool, told: bool = False) -> Stream:
        del told
        return await open_stream(host, port, tls, self._egress, OPENING_S)

    async def start_tls(self, stream: Stream, host: str) -> None:
        await start_tls(*stream, host, deadline_s=OPENING_S)

    def committing(self) -> None:
        """Nothing is written down here: who sends a mail again sends a second one."""


class SmtpBackend(BaseEmailBackend):
    """Django's mail over the dialogue and the egress guard of the product."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        target = mail_server()
        if target is None:
            return 0
        return sum(self._send(target, message) for message in email_messages)

    def _send(self, target: MailServer, message: EmailMessage) -> bool:
        sending = dialogue.send(
            _Way(target.server),  # type: ignore[arg-type]  # the dialogue uses these three of a connector's ways
            target.server,
            sender=message.from_email,
            recipients=message.recipients(),
            message=message.message().as_bytes(),
            login=target.login,
        )
        try:
            asyncio.run(sending)
        except (ActionError, NetError, OSError) as error:
            reason = getattr(error, "detail", None) or getattr(error, "message", None) or type(error).__name__
            log.warning("a mail was not handed over", action="mail_failed", error=type(error).__name__)
            if self.fail_silently:
                return False
            raise MailFailed(reason=str(reason)[:300]) from None
        return True


class FileBackend(FileBased):
    """Mails as files that only their owner can read: nothing is lost where no mail server is named."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        mail_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(*args, **{**kwargs, "file_path": str(mail_folder())})


def mail_server() -> MailServer | None:
    """The mail server of the installation; None when none is named."""
    url = settings().mail_url
    return MailServer.parse(url.get_secret_value()) if url is not None else None


def language_of_address(email: str) -> str:
    """What whoever has the address chose to read; English where nobody did."""
    chosen = User.objects.filter(email=email).values_list("language", flat=True).first()
    return chosen or SOURCE


def mail_folder() -> Path:
    return settings().home / "mail"
