"""Opening sockets: resolve, check every address, connect to the checked one, verify TLS against the name asked for."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from .errors import ConnectFailed, DeadlineExceeded, NetError, TlsFailed
from .policy import EgressPolicy
from .resolver import Resolver
from .tls import tls_reason

_MAX_TRIED = 4
_P = TypeVar("_P", bound=asyncio.BaseProtocol)


@dataclass(slots=True)
class Opening:
    """How far an opening has come, for the error and for the timings (milliseconds)."""

    host: str
    port: int
    phase: str = "resolve"
    address: str = ""
    resolve_ms: float = 0.0
    connect_ms: float = 0.0
    tls_ms: float = 0.0


@contextlib.asynccontextmanager
async def within(opening: Opening, deadline: float) -> AsyncIterator[None]:
    """Turn the passing of ``deadline`` (the loop's time) into DeadlineExceeded with the phase reached."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise DeadlineExceeded(host=opening.host, port=opening.port, phase=opening.phase) from error


async def connect(opening: Opening, policy: EgressPolicy, resolver: Resolver, deadline: float) -> socket.socket:
    """A connected socket to one of the checked addresses, tried in the resolver's order; no error has ``sent``."""
    loop = asyncio.get_running_loop()
    started = perf_counter()
    addresses = await resolver.resolve(opening.host, opening.port, policy)
    opening.phase = "connect"
    resolved = perf_counter()
    opening.resolve_ms = (resolved - started) * 1000
    tried = addresses[:_MAX_TRIED]
    failure: OSError | None = None
    for position, address in enumerate(tried):
        share = (deadline - loop.time()) / (len(tried) - position)
        try:
            async with asyncio.timeout(None if position + 1 == len(tried) else share):
                sock = await _connect_one(address, opening.port)
        except OSError as error:  # TimeoutError is one
            failure = error
            continue
        opening.address = address
        opening.connect_ms = (perf_counter() - resolved) * 1000
        return sock
    reason = (failure.strerror if failure else None) or "timed out"
    raise ConnectFailed(host=opening.host, port=opening.port, reason=reason) from failure


async def _connect_one(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def attach(
    sock: socket.socket, factory: Callable[[], _P], opening: Opening, tls: ssl.SSLContext | None
) -> tuple[asyncio.Transport, _P]:
    """Put a protocol on a connected socket, through TLS where asked; raises TlsFailed with ``sent`` False."""
    loop = asyncio.get_running_loop()
    started = perf_counter()
    opening.phase = "connect" if tls is None else "tls"
    try:
        transport, protocol = await loop.create_connection(
            factory, sock=sock, ssl=tls, server_hostname=opening.host if tls is not None else None
        )
    except (OSError, ssl.CertificateError) as error:
        sock.close()
        raise _attach_error(error, opening, tls) from error
    except BaseException:
        sock.close()
        raise
    if tls is not None:
        opening.tls_ms = (perf_counter() - started) * 1000
    return transport, protocol


def _attach_error(error: Exception, opening: Opening, tls: ssl.SSLContext | None) -> NetError:
    if tls is None:
        return ConnectFailed(host=opening.host, port=opening.port, reason="the connection ended at once")
    return TlsFailed(host=opening.host, port=opening.port, reason=tls_reason(error))
