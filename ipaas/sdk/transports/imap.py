"""IMAP (RFC 9051, 3501) for connectors: Python's imaplib over a checked socket, one session per call, in a thread."""

import imaplib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ipaas.core.errors import ErrorClass
from ipaas.core.net import Socket, TlsContext
from ipaas.sdk.errors import ActionError
from ipaas.sdk.transports import Transports
from ipaas.sdk.transports.secured import tls_settings
from ipaas.sdk.transports.threads import Gate, in_thread

T = TypeVar("T")
MAX_MAIL_BYTES = 25 * 1024 * 1024
_TIMEOUT_S = 50
_HEAD = re.compile(rb"UID (\d+)")
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as the folder holds it. ``content`` is None for one that is larger than MAX_MAIL_BYTES."""

    uid: int
    flags: tuple[str, ...]
    size: int
    content: bytes | None


class Session:
    """A folder that is open. Raises imaplib's errors and ActionError."""

    def __init__(self, client: imaplib.IMAP4, validity: int, gate: Gate) -> None:
        self._client = client
        self._gate = gate
        self.validity = validity

    def uids(self, after: int, criteria: str) -> list[int]:
        """UIDs above ``after`` that fit, ascending. ``*`` alone always names the last mail, hence the filter."""
        _, data = self._told(*self._client.uid("SEARCH", f"UID {after + 1}:* {criteria}".rstrip()))
        found = sorted({int(word) for line in data if line for word in line.split()})
        return [uid for uid in found if uid > after]

    def mail(self, uid: int) -> Mail | None:
        """A mail, which stays unread; None when it is gone."""
        _, data = self._told(*self._client.uid("FETCH", str(uid), "(UID FLAGS RFC822.SIZE)"))
        head = next((line for line in data if isinstance(line, bytes) and _is_of(line, uid)), None)
        if head is None:
            return None
        size, flags = _SIZE.search(head), _FLAGS.search(head)
        told = tuple(flags.group(1).decode("ascii", "replace").split()) if flags else ()
        number = int(size.group(1)) if size else 0
        if number > MAX_MAIL_BYTES:
            return Mail(uid, told, number, None)
        _, data = self._told(*self._client.uid("FETCH", str(uid), "(UID BODY.PEEK[])"))
        parts = [part for part in data if isinstance(part, tuple)]
        return Mail(uid, told, number, parts[0][1]) if parts else None

    def flag(self, uid: int, add: Sequence[str], remove: Sequence[str]) -> None:
        self._gate.commit()
        for verb, flags in (("+FLAGS", add), ("-FLAGS", remove)):
            if flags:
                self._told(*self._client.uid("STORE", str(uid), verb, f"({' '.join(flags)})"))

    def move(self, uid: int, folder: str) -> None:
        """By MOVE (RFC 6851); by COPY and a deletion of exactly this mail where the server has UIDPLUS only."""
        _, told = self._told(*self._client.capability())  # a server tells more after the sign-in than before
        capabilities = set(told[0].decode("ascii", "replace").upper().split())
        if "MOVE" not in capabilities and "UIDPLUS" not in capabilities:
            message = "The server knows neither MOVE nor UIDPLUS; a mail cannot be moved without touching others."
            raise ActionError(ErrorClass.CONFIGURATION, "imap_no_move", message)
        self._gate.commit()
        if "MOVE" in capabilities:
            self._told(*self._client.uid("MOVE", str(uid), quoted(folder)))
            return
        self._told(*self._client.uid("COPY", str(uid), quoted(folder)))
        self._told(*self._client.uid("STORE", str(uid), "+FLAGS", "(\\Deleted)"))
        self._told(*self._client.uid("EXPUNGE", str(uid)))

    def _told(self, state: str, data: list[Any]) -> tuple[str, list[Any]]:
        if state != "OK":
            raise ActionError(ErrorClass.BUSINESS_REJECTION, "imap_no", "The mail server refused the command.")
        return state, data


async def in_folder(
    io: Transports, work: Callable[[Session], T], *, folder: str | None = None, writing: bool = False
) -> T:
    """Work in a folder, that of the connection where none is named; it is opened read-only without ``writing``.

    Raises ActionError.
    """
    config = io.config
    host, port, security = str(config["host"]), int(config["port"]), str(config.get("security") or "tls")
    username, password = io.secret("username") or "", io.secret("password") or ""
    place = folder or str(config["folder"])
    secured = tls_settings(io, "disable" if security == "none" else "verify-full")
    sock = await io.dial(host, port, told=True)
    sock.settimeout(_TIMEOUT_S)
    gate = _Noted(io, sock)

    def run() -> T:
        client = _opened(sock, host, secured if security == "tls" else None)
        try:
            if security == "starttls":
                client.starttls(secured)
            _signed_in(client, username, password)
            state, _ = client.select(quoted(place), readonly=not writing)
            if state != "OK":
                message = "The mail server does not open the folder."
                raise ActionError(ErrorClass.CONFIGURATION, "imap_folder", message)
            _, told = client.response("UIDVALIDITY")
            validity = int(told[0]) if told and told[0] else 0
            found = work(Session(client, validity, gate))
            client.logout()
            return found
        finally:
            _ended(client)

    try:
        return await in_thread(gate, run)
    except (imaplib.IMAP4.error, OSError, EOFError) as error:
        if isinstance(error, TimeoutError):
            message = "The mail server did not answer in time."
            raise ActionError(ErrorClass.TIMEOUT, "imap_timeout", message, sent=gate.committed) from error
        message = "The mail server broke the session off."
        raise ActionError(ErrorClass.TRANSIENT, "imap_broken", message, sent=gate.committed) from error
    finally:
        sock.close()


def _ended(client: imaplib.IMAP4) -> None:
    """Close what the library holds; it may have done so already."""
    try:
        client.shutdown()
    except OSError:
        return


class _Noted(Gate):
    committed = False

    def commit(self) -> None:
        super().commit()
        self.committed = True


class _Client(imaplib.IMAP4):
    """imaplib over a socket that is connected already."""

    def __init__(self, sock: Socket, host: str) -> None:
        self._given = sock
        super().__init__(host)

    def _create_socket(self, timeout: float | None) -> Socket:
        return self._given


def _opened(sock: Socket, host: str, secured: TlsContext | None) -> imaplib.IMAP4:
    given = secured.wrap_socket(sock, server_hostname=host) if secured is not None else sock
    return _Client(given, host)


def _signed_in(client: imaplib.IMAP4, username: str, password: str) -> None:
    try:
        client.login(quoted(username), password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        message = "The mail server refused the user name or password."
        raise ActionError(ErrorClass.AUTH, "imap_login", message) from error


def quoted(text: str) -> str:
    """A quoted string (RFC 9051, 4.3). Raises ActionError for what has no place in one."""
    if not text.isascii() or any(ord(char) < 32 or ord(char) == 127 for char in text):
        message = "A folder or user name is written in ASCII (folders in modified UTF-7)."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "imap_name", message)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_of(line: bytes, uid: int) -> bool:
    found = _HEAD.search(line)
    return found is not None and int(found.group(1)) == uid
