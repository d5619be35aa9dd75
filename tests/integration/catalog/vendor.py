"""A loopback vendor that keeps what really happened and misbehaves as a test says."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Vendor:
    """``faults``: one per POST, in order: a status, ``lost`` (done, connection dropped), ``reset`` (not done, dropped),
    ``hang`` (done, no answer). ``charges`` holds what was really charged, by key or running number."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[Any] = field(default_factory=list)
    charges: dict[str, Any] = field(default_factory=dict)
    honours_keys: bool = True
    tokens: list[str] = field(default_factory=list)
    refuse_tokens: int = 0
    echo: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    listed: dict[str, Any] | None = None
    pages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def answer(self, seen: Seen) -> tuple[Any, dict[str, Any]]:
        """Status (or a fault) and body."""
        if seen.path == "/oauth/token":
            self.tokens.append(f"token-number-{len(self.tokens) + 1}")
            return 200, {"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600}
        if self.refuse_tokens and seen.headers.get("authorization", "").startswith("Bearer token-number"):
            self.refuse_tokens -= 1
            return 401, {"error": {"code": "expired", "message": "expired"}}
        if seen.method == "GET" and self.pages:
            return 200, self.pages.pop(0)
        if seen.method == "GET" and self.listed is not None:
            return 200, self.listed
        if seen.method == "GET":
            found = [charge for charge in self.charges.values() if charge["reference"] == seen.query.get("reference")]
            return 200, {"charges": found}
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return fault, {"error": {"message": "scripted"}}
        if fault == "reset":
            return "drop", {}
        charge = self._charge(seen)
        if fault == "lost":
            return "drop", {}
        if fault == "hang":
            return "hang", {}
        return 201, {**charge, **({"echo": seen.headers.get("authorization")} if self.echo else {})}

    def _charge(self, seen: Seen) -> dict[str, Any]:
        key = seen.headers.get("idempotency-key") if self.honours_keys else None
        key = key or f"call-{len(self.charges) + 1}"
        made = {
            "id": f"ch_{len(self.charges) + 1:08}",
            "status": "captured",
            "reference": seen.body["reference"],
            "amount_minor": seen.body["amount_minor"],
            "currency": seen.body["currency"],
            "created_at": "2026-11-24T08:00:00Z",
        }
        return dict(self.charges.setdefault(key, made))


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Vendor]:
    vendor = Vendor()
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await _exchange(vendor, reader, writer):
                pass
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await server.wait_closed()


async def _exchange(vendor: Vendor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    body = json.loads(raw) if raw and "json" in headers.get("content-type", "") else raw.decode()
    url = urlsplit(target)
    seen = Seen(method, url.path, dict(parse_qsl(url.query)), headers, body)
    vendor.seen.append(seen)
    status, answer = vendor.answer(seen)
    if status == "hang":
        await reader.read()
        return False
    if status == "drop":
        writer.transport.abort()
        return False
    data = json.dumps(answer).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in vendor.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    await writer.drain()
    return True
