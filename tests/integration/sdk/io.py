"""Transports for connectors that speak to a real server on this machine."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipaas.core.net import EgressPolicy, StreamReader, open_socket, open_stream, start_tls


@dataclass
class Io:
    """As the gateway would bind them, with loopback allowed; ``committed`` counts the announcements of an effect."""

    config: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    effect_key: str | None = "effect-1"
    files: Path | None = None
    http: Any = None
    tls: ssl.SSLContext | None = None
    reached: list[tuple[str, int]] = field(default_factory=list)
    committed: int = 0

    def secret(self, field: str) -> str | None:
        return self.secrets.get(field)

    @property
    def _egress(self) -> EgressPolicy:
        return EgressPolicy.parse([f"{self.config['host']}:{self.config['port']}"])

    async def pin(self, host: str, port: int, *, told: bool = False) -> str:
        self.reached.append((host, port))
        return "127.0.0.1"

    async def dial(self, host: str, port: int, *, told: bool = False) -> socket.socket:
        self.reached.append((host, port))
        return await open_socket(host, port, self._egress, 10, usual_ports=frozenset())

    async def stream(
        self, host: str, port: int, *, tls: bool, told: bool = False
    ) -> tuple[StreamReader, asyncio.StreamWriter]:
        self.reached.append((host, port))
        secured = (self.tls or True) if tls else False
        return await open_stream(host, port, secured, self._egress, 10, usual_ports=frozenset({9092}))

    async def start_tls(self, stream: Any, host: str) -> None:
        await start_tls(stream[0], stream[1], host, deadline_s=10)

    async def folder(self, *, told: bool = False) -> Path:
        assert self.files is not None
        return self.files

    async def another_request(self) -> None:
        """No limits here."""

    def committing(self) -> None:
        self.committed += 1
