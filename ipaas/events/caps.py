"""Who may send to an endpoint, how much and how often."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from ipaas.core.errors import IpaasError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST_ENDPOINTS = 10_000


class SourceRefused(IpaasError):
    """The endpoint takes nothing from the address {peer}."""

    status = 403
    code = "source_refused"
    title = "Source refused"
    remedy = "Send from an address on the endpoint's source list; behind a proxy, IPAAS_TRUSTED_PROXIES must count it."


class TooManyDeliveries(IpaasError):
    """The endpoint takes {per_minute} deliveries a minute, and this is one too many."""

    status = 429
    code = "too_many_deliveries"
    title = "Too many deliveries"
    remedy = "Send the same delivery again after the seconds that Retry-After names."


def check_source(sources: Sequence[Network], peer: str) -> None:
    """Raise SourceRefused unless the list is empty or names the caller; an unknown caller is on no list."""
    if sources and not within(sources, peer):
        raise SourceRefused(peer=_address(peer) or "unknown")


def within(networks: Sequence[Network], peer: str) -> bool:
    """Whether one of the networks holds an address; an unknown one is in none."""
    address = _address(peer)
    return address is not None and any(address in network for network in networks)


def _address(peer: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Rates:
    """How many deliveries each endpoint took lately: a token bucket of one minute's worth for each.

    Every process that takes deliveries counts for itself.
    """

    def __init__(self) -> None:
        self._buckets: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def take(self, endpoint_id: UUID, per_minute: int, moment: float | None = None) -> None:
        """Count one delivery; raises TooManyDeliveries with ``retry_after_s``."""
        if not per_minute:
            return
        at = time.monotonic() if moment is None else moment
        tokens, since = self._buckets.pop(endpoint_id, (float(per_minute), at))
        tokens = min(float(per_minute), tokens + (at - since) * per_minute / 60)
        if tokens < 1:
            self._buckets[endpoint_id] = (tokens, at)
            wait_s = max(1, round((1 - tokens) * 60 / per_minute))
            raise TooManyDeliveries(per_minute=per_minute, retry_after_s=wait_s)
        self._buckets[endpoint_id] = (tokens - 1, at)
        if len(self._buckets) > MOST_ENDPOINTS:
            self._buckets.popitem(last=False)
