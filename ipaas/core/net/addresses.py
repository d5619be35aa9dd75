"""Which IP addresses may be called.

Our own table, because ``ipaddress.is_global`` accepts multicast, 6to4 and NAT64 forms of inner addresses, and the
metadata addresses of some clouds. Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries, RFC 6890, RFC 6052
(NAT64), RFC 5214 (ISATAP), and the clouds' own pages for 168.63.129.16, 192.0.0.192, 100.100.100.200, fd00:ec2::254.
"""

from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class Reach(StrEnum):
    """How far an address reaches, as far as egress is concerned."""

    GLOBAL = "global"
    PRIVATE = "private"
    """Callable only by an explicit entry of the allow-list."""
    FORBIDDEN = "forbidden"
    """Never callable: metadata services, link-local, multicast, reserved, tunnels that hide another address."""


_FORBIDDEN_HOSTS = frozenset(
    ip_address(text)
    for text in (
        "168.63.129.16",  # Azure platform
        "192.0.0.192",  # Oracle Cloud metadata
        "100.100.100.200",  # Alibaba Cloud metadata
        "169.254.169.254",
        "fd00:ec2::254",  # AWS metadata
        "fd20:ce::254",  # Google Cloud metadata
        "fd00:42::42",  # Scaleway metadata
    )
)
_PRIVATE_V4 = tuple(
    IPv4Network(text) for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_FORBIDDEN_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PRIVATE_V6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3ffe::/16",
        "3fff::/20",
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


@lru_cache(maxsize=4096)
def reach_of(text: str) -> Reach:
    """The reach of an address in its numeric form; an IPv4-mapped IPv6 address is judged as the IPv4 address."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        return _reach_v6(address)
    return _reach_v4(address)


def canonical(text: str) -> str:
    """The one spelling of a numeric address, IPv4-mapped ones as IPv4; ValueError when it is none."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _reach_v4(address: IPv4Address) -> Reach:
    if address in _FORBIDDEN_HOSTS or any(address in network for network in _FORBIDDEN_V4):
        return Reach.FORBIDDEN
    if any(address in network for network in _PRIVATE_V4):
        return Reach.PRIVATE
    return Reach.GLOBAL


def _reach_v6(address: IPv6Address) -> Reach:
    if address.ipv4_mapped is not None:
        return _reach_v4(address.ipv4_mapped)
    if address.scope_id is not None or address in _FORBIDDEN_HOSTS:
        return Reach.FORBIDDEN
    if any(address in network for network in _PRIVATE_V6):
        return Reach.PRIVATE
    if address not in _GLOBAL_V6 or any(address in network for network in _FORBIDDEN_V6):
        return Reach.FORBIDDEN
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return Reach.FORBIDDEN
    return Reach.GLOBAL
