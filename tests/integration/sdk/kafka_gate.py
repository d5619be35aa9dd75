"""A door before a real broker that asks for a user first, as Tansu in memory cannot: SASL, then bytes both ways."""

import asyncio
import hashlib
import hmac
import ssl
import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

USER, PASSWORD = "flow", "flow-pw"
HANDSHAKE, AUTHENTICATE = 17, 36
FETCH, LIST_OFFSETS = 1, 2
OUT_OF_RANGE, REFUSED = 1, 58


class Gate:
    """``rounds``: of SCRAM; ``cut``: an API whose requests go to the broker and whose answers never come back.

    ``floor``: retention has removed what lies before this offset; for requests of one partition (Fetch 11,
    ListOffsets 3).
    """

    def __init__(self, broker: int) -> None:
        self.broker = broker
        self.rounds = 4096
        self.cut: int | None = None
        self.floor = 0
        self.signed_in = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", self.broker)
        scram: Any = None
        open_ = False
        with suppress(OSError, EOFError):
            while True:
                frame = await _frame(reader)
                api, version, number = struct.unpack_from(">hhi", frame)
                body = frame[10 + max(0, struct.unpack_from(">h", frame, 8)[0]) :]
                if api == HANDSHAKE:
                    scram = _checker(body[2:].decode(), self.rounds)
                    names = [b"SCRAM-SHA-256", b"SCRAM-SHA-512", b"PLAIN"]
                    listed = b"".join(struct.pack(">h", len(name)) + name for name in names)
                    _send(writer, struct.pack(">ihi", number, 0, len(names)) + listed)
                elif api == AUTHENTICATE:
                    told = scram(body[4:]) if scram else None
                    open_ = open_ or (told is not None and not told.startswith(b"r="))
                    self.signed_in += open_
                    code, words = (0, told) if told is not None else (REFUSED, b"")
                    lifetime = struct.pack(">q", 0) if version else b""
                    _send(writer, struct.pack(">ihhi", number, code, -1, len(words)) + words + lifetime)
                elif open_ or api == 18:
                    _send(ahead, frame)
                    answer = await _frame(behind)
                    if api == self.cut:
                        break
                    _send(writer, self._without_the_removed(api, body, answer))
                else:
                    break
        writer.close()
        ahead.close()

    def _without_the_removed(self, api: int, asked: bytes, answer: bytes) -> bytes:
        if api == FETCH and self.floor:
            place = 29 + 2 + struct.unpack_from(">h", asked, 29)[0]  # after the topic's name
            (offset,) = struct.unpack_from(">q", asked, place + 12)
            code = 18 + 2 + struct.unpack_from(">h", answer, 18)[0] + 8
            if offset < self.floor:
                return answer[:code] + struct.pack(">h", OUT_OF_RANGE) + answer[code + 2 :]
        if api == LIST_OFFSETS and self.floor:
            return answer[:-8] + struct.pack(">q", self.floor)
        return answer


def _checker(mechanism: str, rounds: int) -> Any:
    """What the server says to each of the client's messages; None when it refuses."""
    if mechanism == "PLAIN":
        return lambda told: b"" if told == f"{USER}\0{USER}\0{PASSWORD}".encode() else None
    name = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    state: dict[str, str] = {}

    def answer(told: bytes) -> bytes | None:
        text = told.decode()
        if not state:
            state["bare"] = text.removeprefix("n,,")
            nonce = state["bare"].partition("r=")[2] + "server"
            state["first"] = f"r={nonce},s={b64encode(b'salt').decode()},i={rounds}"
            return state["first"].encode()
        unproved, _, proof = text.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac(name, PASSWORD.encode(), b"salt", rounds)
        key = hmac.digest(salted, b"Client Key", name)
        spoken = f"{state['bare']},{state['first']},{unproved}".encode()
        signature = hmac.digest(hashlib.new(name, key).digest(), spoken, name)
        if bytes(a ^ b for a, b in zip(key, signature, strict=True)) != b64decode(proof):
            return None
        return b"v=" + b64encode(hmac.digest(hmac.digest(salted, b"Server Key", name), spoken, name))

    return answer


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)


@asynccontextmanager
async def gate(port: int, broker: int, tls: ssl.SSLContext | None) -> AsyncIterator[Gate]:
    made = Gate(broker)
    server = await asyncio.start_server(made.serve, "127.0.0.1", port, ssl=tls)
    async with server:
        yield made
