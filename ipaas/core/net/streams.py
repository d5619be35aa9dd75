"""Checked byte streams and sockets for protocols other than HTTP."""

import asyncio
import socket
import ssl

from . import dial
from .errors import DeadlineExceeded, ProtocolError, TlsFailed
from .policy import MAIL_PORTS, EgressPolicy
from .resolver import Resolver, default_resolver
from .tls import default_tls, tls_reason
from .urls import normalise_host

Socket = socket.socket
_LINE_LIMIT = 65_536


class StreamReader(asyncio.StreamReader):
    """asyncio's reader that can tell whether something has arrived that nobody has read."""

    @property
    def pending(self) -> bool:
        return bool(vars(self)["_buffer"])


async def open_stream(
    host: str,
    port: int,
    tls: bool | ssl.SSLContext,
    egress: EgressPolicy,
    deadline_s: float,
    *,
    usual_ports: frozenset[int] = MAIL_PORTS,
    resolver: Resolver | None = None,
) -> tuple[StreamReader, asyncio.StreamWriter]:
    """A connection to a checked address; ``tls``: from the first byte (True or a context), or False for STARTTLS.

    ``deadline_s`` bounds the opening only. Errors have ``sent`` False.
    """
    host = normalise_host(host)
    egress.check_port(host, port, usual_ports)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    opening = dial.Opening(host, port)
    context = tls if isinstance(tls, ssl.SSLContext) else default_tls() if tls else None
    reader = StreamReader(limit=_LINE_LIMIT, loop=loop)
    async with dial.within(opening, deadline):
        sock = await dial.connect(opening, egress, resolver or default_resolver(), deadline)
        transport, protocol = await dial.attach(
            sock, lambda: asyncio.StreamReaderProtocol(reader, loop=loop), opening, context
        )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def open_socket(
    host: str,
    port: int,
    egress: EgressPolicy,
    deadline_s: float,
    *,
    usual_ports: frozenset[int],
    resolver: Resolver | None = None,
) -> socket.socket:
    """A connected socket to a checked address, for libraries that speak over one; whoever takes it closes it.

    ``deadline_s`` bounds the opening, and is the timeout of each of the socket's operations afterwards.
    """
    host = normalise_host(host)
    egress.check_port(host, port, usual_ports)
    deadline = asyncio.get_running_loop().time() + deadline_s
    opening = dial.Opening(host, port)
    async with dial.within(opening, deadline):
        sock = await dial.connect(opening, egress, resolver or default_resolver(), deadline)
    sock.settimeout(deadline_s)
    return sock


def hang_up(sock: Socket) -> None:
    """End both directions, which wakes a thread that waits for the peer; the socket is still to be closed."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


async def start_tls(
    reader: StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    *,
    deadline_s: float,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Turn a plain stream into a verified one (STARTTLS); on any error the stream is closed.

    Refuses when something was received before the handshake: it would be taken for the peer's protected words
    (RFC 3207, 6; CVE-2011-0411).
    """
    port = int((writer.get_extra_info("peername") or ("", 0))[1])
    if reader.pending:
        writer.transport.abort()
        raise ProtocolError(host=host, port=port, reason="it sent unprotected data ahead of the TLS handshake")
    try:
        async with asyncio.timeout(deadline_s):
            await writer.start_tls(tls or default_tls(), server_hostname=normalise_host(host))
    except TimeoutError as error:
        writer.transport.abort()
        raise DeadlineExceeded(host=host, port=port, phase="tls") from error
    except OSError as error:
        writer.transport.abort()
        raise TlsFailed(host=host, port=port, reason=tls_reason(error)) from error
    except BaseException:
        writer.transport.abort()
        raise
