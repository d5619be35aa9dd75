"""A mail client's dialogue (RFC 5321, 3207, 4954) over a stream that the gateway hands in."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Stream, Transports

MAX_REPLY_LINES = 100


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how: ``security`` is starttls, tls or none; ``deadline_s`` bounds the whole dialogue."""

    host: str
    port: int
    security: str
    name: str = "localhost"
    deadline_s: float = 55


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)[:300]


async def send(
    io: Transports,
    server: Server,
    *,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    login: tuple[str, str] | None,
) -> Reply:
    """Hand one message over; the reply to its final dot.

    Raises ActionError. ``sent`` becomes True only with the message's final dot: what breaks before cannot have
    delivered anything (RFC 5321 4.1.1.4). All recipients are accepted or none.
    """
    stream = await io.stream(server.host, server.port, tls=server.security == "tls", told=True)
    dialogue = _Dialogue(stream)
    try:
        async with asyncio.timeout(server.deadline_s):
            await dialogue.open(io, server, login)
            await dialogue.command(f"MAIL FROM:<{_plain(sender)}>{dialogue.utf8_suffix(sender, *recipients)}", 250)
            for recipient in recipients:
                await dialogue.command(f"RCPT TO:<{_plain(recipient)}>", 250, 251)
            await dialogue.command("DATA", 354)
            return await dialogue.deliver(message, io)
    except TimeoutError as error:
        raise ActionError(
            ErrorClass.TIMEOUT, "smtp_timeout", "The mail server did not answer in time.", sent=dialogue.handed_over
        ) from error
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        raise ActionError(
            ErrorClass.TRANSIENT, "smtp_broken", "The mail server broke the dialogue off.", sent=dialogue.handed_over
        ) from error
    finally:
        stream[1].close()


class _Dialogue:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._extensions: dict[str, str] = {}
        self.handed_over = False

    async def open(self, io: Transports, server: Server, login: tuple[str, str] | None) -> None:
        self._expect(await self._reply(), 220)
        await self._greet(server.name)
        if server.security == "starttls":
            if "STARTTLS" not in self._extensions:
                raise ActionError(ErrorClass.CONFIGURATION, "smtp_no_starttls", "The mail server offers no STARTTLS.")
            await self.command("STARTTLS", 220)
            await io.start_tls(self._stream, server.host)
            await self._greet(server.name)
        if login:
            await self._authenticate(*login)

    async def command(self, line: str, *codes: int) -> Reply:
        return self._expect(await self._exchange(line.encode("utf-8")), *codes)

    def utf8_suffix(self, *addresses: str) -> str:
        if all(address.isascii() for address in addresses):
            return ""
        if "SMTPUTF8" not in self._extensions:
            raise ActionError(
                ErrorClass.BUSINESS_REJECTION, "smtp_no_utf8", "The mail server takes no addresses beyond ASCII."
            )
        return " SMTPUTF8"

    async def deliver(self, message: bytes, io: Transports) -> Reply:
        """The message with dots stuffed and bare line ends made CRLF."""
        lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        self._stream[1].write(stuffed + b"\r\n")
        await self._stream[1].drain()
        self.handed_over = True
        io.committing()
        reply = self._expect(await self._exchange(b"."), 250)
        self._stream[1].write(b"QUIT\r\n")
        return reply

    async def _greet(self, name: str) -> None:
        reply = await self._exchange(f"EHLO {name}".encode("ascii"))
        self._expect(reply, 250)
        words = [line.split(" ", 1) for line in reply.lines[1:]]
        self._extensions = {parts[0].upper(): parts[1] if len(parts) > 1 else "" for parts in words}

    async def _authenticate(self, username: str, password: str) -> None:
        offered = self._extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            token = base64.b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
            await self.command(f"AUTH PLAIN {token}", 235)
        elif "LOGIN" in offered:
            await self.command("AUTH LOGIN", 334)
            await self.command(base64.b64encode(username.encode()).decode("ascii"), 334)
            await self.command(base64.b64encode(password.encode()).decode("ascii"), 235)
        else:
            raise ActionError(
                ErrorClass.CONFIGURATION, "smtp_no_auth", "The mail server offers neither AUTH PLAIN nor LOGIN here."
            )

    async def _exchange(self, line: bytes) -> Reply:
        if b"\r" in line or b"\n" in line:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "smtp_line", "An address holds a line break.")
        self._stream[1].write(line + b"\r\n")
        await self._stream[1].drain()
        return await self._reply()

    async def _reply(self) -> Reply:
        lines: list[str] = []
        while len(lines) < MAX_REPLY_LINES:
            raw = (await self._stream[0].readuntil(b"\n")).rstrip(b"\r\n")
            code, more, text = raw[:3], raw[3:4], raw[4:].decode("utf-8", "replace")
            if not code.isdigit() or more not in (b"", b" ", b"-"):
                break
            lines.append(text)
            if more != b"-":
                return Reply(int(code), tuple(lines))
        msg = "not an SMTP reply"
        raise ValueError(msg)

    def _expect(self, reply: Reply, *codes: int) -> Reply:
        if reply.code in codes:
            return reply
        raise ActionError(
            _class_of(reply.code),
            f"smtp_{reply.code}",
            f"The mail server answered {reply.code}: {reply.text}",
            http_status=reply.code,
            sent=False,
        )


def _class_of(code: int) -> ErrorClass:
    if code in (450, 451, 452):
        return ErrorClass.THROTTLED if code == 450 else ErrorClass.TRANSIENT
    if code in (530, 534, 535, 538):
        return ErrorClass.AUTH
    if code in (500, 501, 502, 503, 504):
        return ErrorClass.CONFIGURATION
    return ErrorClass.TRANSIENT if code // 100 in (1, 2, 3, 4) else ErrorClass.BUSINESS_REJECTION


def _plain(address: str) -> str:
    if any(ord(char) <= 32 or char in "<>" or ord(char) == 127 for char in address) or "@" not in address:
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "smtp_address", "An address is not a plain mail address.")
    return address
