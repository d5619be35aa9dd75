"""What a connector may use to reach its vendor; the gateway binds it to one connection and one attempt."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ipaas.core.net import Socket, StreamReader

Stream = tuple[StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer: header names are lower case, the body is decompressed and within its cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """HTTP to the connection's origin only; authentication is added inside and never visible here."""

    async def send(
        self,
        method: str,
        path: str,
        query: tuple[tuple[str, str], ...],
        headers: Mapping[str, str],
        body: bytes,
    ) -> HttpAnswer:
        """Send one request. ``path`` is percent-encoded and begins below the base URL's path.

        Raises core.net's NetError, whose ``sent`` tells whether a byte may have left.
        """


class Transports(Protocol):
    """One attempt's way out."""

    @property
    def http(self) -> Http:
        """HTTP to the connection's origin."""

    @property
    def base_url(self) -> str:
        """The address that requests go below; nothing outside it can be reached."""

    async def another_request(self) -> None:
        """Ask the limits for a further request of the same attempt, and wait for it within reason.

        Raises ActionError (throttled) where that would take too long.
        """

    @property
    def config(self) -> Mapping[str, Any]:
        """The connection's settings, validated against the manifest's config_schema."""

    @property
    def effect_key(self) -> str | None:
        """Key of the effect, equal over attempts, workers and replays; None for a safe call."""

    def secret(self, field: str) -> str | None:
        """A field of the connection's secret, for protocols that authenticate inside the dialogue."""

    async def stream(self, host: str, port: int, *, tls: bool, told: bool = False) -> Stream:
        """A connection to a checked address (core.net.open_stream), TLS verified from the start when ``tls``.

        Whatever breaks from now on leaves the effect in doubt, unless the connector has ``told`` that it calls
        ``committing`` before the bytes that can take effect.
        """

    async def start_tls(self, stream: Stream, host: str) -> None:
        """STARTTLS (core.net.start_tls), verified with the installation's private authorities too."""

    async def pin(self, host: str, port: int, *, told: bool = False) -> str:
        """The one checked address of a host, for libraries that connect by themselves; ``told`` as for ``stream``."""

    async def dial(self, host: str, port: int, *, told: bool = False) -> Socket:
        """A connected socket to a checked address, for libraries that block; ``told`` as for ``stream``."""

    async def folder(self, *, told: bool = False) -> Path:
        """The files that the workspace may reach on this machine; ``told`` as for ``stream``.

        Raises ActionError (configuration) where the installation allows none.
        """

    def committing(self) -> None:
        """What is sent from now on may take effect, and nothing before has."""
