"""What a workspace may call beyond the public internet on the usual ports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .addresses import Reach, reach_of
from .errors import EgressRefused, UrlRefused
from .urls import Target, parse_url

HTTP_PORTS = frozenset({80, 443, 8080, 8443})
MAIL_PORTS = frozenset({25, 465, 587, 2525})
POSTGRES_PORTS = frozenset({5432})
USUAL_PORTS: Mapping[str, frozenset[int]] = {
    "http": HTTP_PORTS,
    "smtp": MAIL_PORTS,
    "imap": frozenset({143, 993}),
    "postgres": POSTGRES_PORTS,
    "mysql": frozenset({3306}),
    "sftp": frozenset({22, 2222}),
    "nats": frozenset({4222}),
    "amqp": frozenset({5671, 5672}),
    "kafka": frozenset({9092, 9093, 9094, 9096}),
}
"""By a connector's protocol; a protocol that is not named has no usual port."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The deviations from "public addresses on the usual ports". Equal policies share connections.

    ``allow_private``: exact (host, port) pairs, host as in ``normalise_host``; they may resolve to private, loopback
    and carrier-grade addresses, on any port, but never to metadata, link-local, multicast or reserved ones.
    ``ports``: further ports allowed for public targets.
    """

    allow_private: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] | None = None

    @classmethod
    def parse(cls, allow: Iterable[str] = (), ports: Iterable[int] = ()) -> "EgressPolicy":
        """From settings: ``allow`` as ``host:port``, IPv6 in brackets; raises UrlRefused for a bad entry."""
        return cls(frozenset(parse_allowed(entry) for entry in allow), frozenset(ports) or None)

    def allows_private(self, host: str, port: int) -> bool:
        return (host, port) in self.allow_private

    def check_port(self, host: str, port: int, usual: frozenset[int]) -> None:
        """Raise EgressRefused unless the port is usual, widened to, or part of an allowed private target."""
        if port in usual or (self.ports is not None and port in self.ports) or self.allows_private(host, port):
            return
        raise EgressRefused(host=host, port=port, reason=f"port {port} is not among the allowed ports")

    def check_addresses(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """Raise EgressRefused unless every address may be called: one bad one among good ones is an attack."""
        private_allowed = self.allows_private(host, port)
        for address in addresses:
            reach = reach_of(address)
            if reach is Reach.FORBIDDEN or (reach is Reach.PRIVATE and not private_allowed):
                raise EgressRefused(host=host, port=port, reason=f"it leads to a {reach} address ({address})")


PUBLIC_ONLY = EgressPolicy()


def parse_allowed(entry: str) -> tuple[str, int]:
    """One entry of the allow-list, ``host:port``; the port must be written."""
    host, _, port = entry.strip().rpartition(":")
    if set("/?#") & set(entry):
        raise UrlRefused(reason="an allowed target is one exact host:port, not an address range or URL")
    target = parse_url(f"http://{host}:{port}")
    return target.host, target.port


def check_url(url: str, policy: EgressPolicy) -> Target:
    """Read a URL and check its port and, where it is numeric, its address; raises EgressRefused."""
    target = parse_url(url)
    check_target(target, policy)
    return target


def check_target(target: Target, policy: EgressPolicy) -> None:
    """The check of ``check_url`` for a target already read."""
    policy.check_port(target.host, target.port, HTTP_PORTS)
    if is_numeric(target.host):
        policy.check_addresses(target.host, target.port, (target.host,))


def is_numeric(host: str) -> bool:
    """Whether a normalised host is an IP address (no name ends in a digit-only label)."""
    return ":" in host or host.rpartition(".")[2].isdigit()
