"""Names to checked addresses: resolved once, checked as a whole, connected to as they are."""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .addresses import canonical
from .errors import DeadlineExceeded, ResolveFailed
from .policy import POSTGRES_PORTS, EgressPolicy, is_numeric
from .urls import normalise_host

Lookup = Callable[[str], list[str]]
_MAX_NAMES = 2048


def system_lookup(host: str) -> list[str]:
    """All addresses of a name by the system's resolver, in its order; blocks."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(canonical(str(entry[4][0])) for entry in found))


class Resolver:
    """A small cache before the system's resolver. Answers are kept for ``ttl_s``, failures are not kept.

    Look-ups have threads of their own, so that a slow DNS never holds up other work of the default executor.
    One resolver serves any number of loops.
    """

    def __init__(self, *, lookup: Lookup = system_lookup, ttl_s: float = 30.0, threads: int = 8) -> None:
        self._lookup = lookup
        self._ttl_s = ttl_s
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._known: dict[str, tuple[float, list[str]]] = {}

    async def resolve(self, host: str, port: int, policy: EgressPolicy) -> list[str]:
        """Checked addresses of a host; raises EgressRefused (any of them is bad), ResolveFailed or UrlRefused."""
        host = normalise_host(host)
        addresses = [host] if is_numeric(host) else await self._addresses(host, port)
        policy.check_addresses(host, port, addresses)
        return addresses

    async def _addresses(self, host: str, port: int) -> list[str]:
        known = self._known.get(host)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="dns")
        try:
            addresses = await asyncio.get_running_loop().run_in_executor(self._executor, self._lookup, host)
        except (OSError, UnicodeError, ValueError) as error:
            raise ResolveFailed(host=host, port=port, reason=_reason(error)) from error
        if not addresses:
            raise ResolveFailed(host=host, port=port, reason="it has no address")
        while len(self._known) >= _MAX_NAMES:
            del self._known[next(iter(self._known))]
        self._known[host] = (time.monotonic() + self._ttl_s, addresses)
        return addresses


def _reason(error: Exception) -> str:
    return error.strerror or "the resolver failed" if isinstance(error, OSError) else "it is not a proper name"


_default = Resolver()


def default_resolver() -> Resolver:
    """The resolver shared by the whole process."""
    return _default


async def resolve(host: str, port: int, policy: EgressPolicy) -> list[str]:
    """Addresses of a host, every one allowed by the policy; see ``Resolver.resolve``."""
    return await _default.resolve(host, port, policy)


async def pin(
    host: str,
    port: int,
    egress: EgressPolicy,
    *,
    usual_ports: frozenset[int] = POSTGRES_PORTS,
    deadline_s: float = 5.0,
    resolver: Resolver | None = None,
) -> str:
    """One checked address for a client that opens its own socket (psycopg's ``hostaddr``, beside ``host``).

    Raises EgressRefused, ResolveFailed or DeadlineExceeded, all with ``sent`` False.
    """
    host = normalise_host(host)
    egress.check_port(host, port, usual_ports)
    try:
        async with asyncio.timeout(deadline_s):
            return (await (resolver or _default).resolve(host, port, egress))[0]
    except TimeoutError as error:
        raise DeadlineExceeded(host=host, port=port, phase="resolve") from error
