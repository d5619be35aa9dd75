"""A mail server that keeps mail in the ledger instead of delivering it.

It drops a repeated Message-ID the way mail stores with duplicate suppression do, and notes the repetition.
"""

import asyncio
import hashlib
import struct
from collections.abc import Mapping
from email import message_from_bytes, policy
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from ipaas.core import clock
from ipaas.sdk.stubs.faults import Fault, FaultBook
from ipaas.sdk.stubs.ledger import Ledger

MAX_MAIL = 5 * 1024 * 1024
MAX_LINE = 4096
_SIMPLE = {b"RSET": b"250 OK", b"NOOP": b"250 OK", b"VRFY": b"252 Not told", b"HELO": b"250 stub.example"}


class _Closed(Exception):
    """The dialogue is over."""


class MailStub:
    """Speaks SMTP (RFC 5321) with AUTH (any credential is taken), without TLS."""

    def __init__(self, ledger: Ledger, faults: FaultBook) -> None:
        self._ledger = ledger
        self._faults = faults
        self._seen: set[str] = set()
        self._number = 0

    def reset(self) -> None:
        self._seen.clear()
        self._number = 0

    def restore(self, line: Mapping[str, Any]) -> None:
        """Learn from a ledger line what has been delivered."""
        self._number += 1
        if line["key"]:
            self._seen.add(line["key"])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, any number of mails."""
        try:
            await _Dialogue(self, reader, writer).run()
        except (_Closed, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    def fault(self) -> tuple[int, Fault | None]:
        verdict = self._faults.verdict("smtp", "send_mail")
        return verdict.delay_ms, verdict.fault

    def keep(self, sender: str, recipients: list[str], data: bytes) -> str:
        """Write a mail into the ledger; its queue id."""
        message = message_from_bytes(data, policy=policy.default)
        key = str(message.get("Message-ID", "")).strip()
        repeated = bool(key) and key in self._seen
        self._seen.add(key)
        self._number += 1
        self._ledger.append(
            {
                "number": self._number,
                "at": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "vendor": "smtp",
                "action": "send_mail",
                "outcome": "replay" if repeated else "effect",
                "reference": str(message.get("X-Reference") or message.get("Subject") or ""),
                "entity_id": f"q{self._number:08d}",
                "key": key or None,
                "digest": hashlib.sha256(data).hexdigest(),
                "status": 250,
                "method": "DATA",
                "path": "",
                "query": {},
                "body": {"from": sender, "to": recipients, "subject": str(message.get("Subject", ""))},
            }
        )
        return f"q{self._number:08d}"


class _Dialogue:
    def __init__(self, stub: MailStub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stub = stub
        self._reader = reader
        self._writer = writer
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        await self._say(b"220 stub.example ESMTP")
        while True:
            line = await self._line()
            verb = line[:4].upper()
            if verb == b"QUIT":
                await self._say(b"221 Bye")
                return
            await self._command(verb, line)

    async def _command(self, verb: bytes, line: bytes) -> None:
        if verb in _SIMPLE:
            self._sender, self._recipients = None, []
            await self._say(_SIMPLE[verb])
        elif verb == b"EHLO":
            await self._say(
                b"250-stub.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 5242880"
            )
        elif verb == b"AUTH":
            await self._authenticate(line)
        elif line[:10].upper() == b"MAIL FROM:":
            self._sender, self._recipients = _address(line[10:]), []
            await self._say(b"250 OK")
        elif line[:8].upper() == b"RCPT TO:" and self._sender is not None:
            self._recipients.append(_address(line[8:]))
            await self._say(b"250 OK")
        elif verb == b"DATA" and self._recipients:
            await self._take_mail()
        else:
            await self._say(b"503 Not now")

    async def _authenticate(self, line: bytes) -> None:
        words = line.split()
        if len(words) == 2 and words[1].upper() == b"PLAIN":
            await self._say(b"334 ")
            await self._line()
        elif words[1:2] and words[1].upper() == b"LOGIN":
            for question in (b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6")[len(words) - 2 :]:
                await self._say(question)
                await self._line()
        await self._say(b"235 Accepted")

    async def _take_mail(self) -> None:
        delay_ms, fault = self._stub.fault()
        await asyncio.sleep(delay_ms / 1000)
        if fault and fault.when == "before":
            await self._break(fault)
            return
        await self._say(b"354 Go on")
        data = await self._mail_data()
        queue_id = self._stub.keep(self._sender or "", self._recipients, data)
        self._sender, self._recipients = None, []
        if fault:
            await self._break(fault)
        else:
            await self._say(b"250 Queued as " + queue_id.encode())

    async def _mail_data(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        while (line := await self._line()) != b".":
            size += len(line) + 2
            if size > MAX_MAIL:
                raise _Closed
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"\r\n".join(lines) + b"\r\n"

    async def _break(self, fault: Fault) -> None:
        if fault.kind in ("reset", "half", "drift"):
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
            raise _Closed
        code = 554 if fault.kind == "reject" else 550 if fault.status == 422 else 451 if fault.status >= 500 else 450
        await self._say(f"{code} Scripted fault".encode())

    async def _line(self) -> bytes:
        line = await self._reader.readuntil(b"\n")
        if len(line) > MAX_LINE:
            raise _Closed
        return line.rstrip(b"\r\n")

    async def _say(self, text: bytes) -> None:
        self._writer.write(text + b"\r\n")
        await self._writer.drain()


def _address(text: bytes) -> str:
    inner = text.partition(b"<")[2].partition(b">")[0]
    return inner.decode("utf-8", "replace")
