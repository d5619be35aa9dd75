"""``/healthz``, ``/readyz`` and ``/metrics``: the same answers in the web process and in the ingress.

Health is told to anybody in one word. Detail and meters are for who shows ``IPAAS_METRICS_TOKEN``; without that
setting for who asks on the machine itself, and not through a proxy.
"""

import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import orjson

from ipaas.config import settings
from ipaas.core.errors import IpaasError
from ipaas.core.meters import CONTENT_TYPE
from ipaas.core.readiness import readiness

PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
FORWARDING: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})
INERT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
)
"""Headers of answers that are for programs: a browser does nothing with them."""
_JSON = "application/json"


class MetricsRefused(IpaasError):
    """The meters are shown only to who may see them."""

    status = 403
    code = "metrics_refused"
    title = "Not shown"
    remedy = "Ask on the machine itself, or set IPAAS_METRICS_TOKEN and send it as Authorization: Bearer."


class MetricsTokenWrong(MetricsRefused):
    """The meters are shown only with the right token."""

    status = 401
    remedy = "Send the value of IPAAS_METRICS_TOKEN as Authorization: Bearer."


class ProbeMethod(IpaasError):
    """Probes are asked with GET."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    status: int
    body: bytes
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_probe(
    path: str, *, method: str, peer: str, headers: Mapping[str, str], meters: Callable[[], bytes]
) -> ProbeAnswer:
    """Answer one of ``PATHS``. ``headers`` have lower-case names; ``peer`` is the address at the other end. Blocks."""
    if method not in ("GET", "HEAD"):
        return _problem(ProbeMethod(), path, {"Allow": "GET, HEAD"})
    if path == "/healthz":
        return ProbeAnswer(200, b'{"status":"ok"}')
    if path == "/readyz":
        found = readiness()
        told: dict[str, object] = {"status": found.status}
        if _trusted(peer, headers):
            told["checks"] = found.checks
        return ProbeAnswer(200 if found.ready else 503, orjson.dumps(told))
    if _trusted(peer, headers):
        return ProbeAnswer(200, meters(), CONTENT_TYPE)
    if settings().metrics_token is None:
        return _problem(MetricsRefused(), path, {})
    return _problem(MetricsTokenWrong(), path, {"WWW-Authenticate": "Bearer"})


def _trusted(peer: str, headers: Mapping[str, str]) -> bool:
    token = settings().metrics_token
    if token is None:
        return _is_loopback(peer) and not any(name in headers for name in FORWARDING)
    scheme, _, given = headers.get("authorization", "").partition(" ")
    expected = token.get_secret_value().encode()
    right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected)
    return right and scheme.lower() == "bearer"


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _problem(error: IpaasError, path: str, headers: Mapping[str, str]) -> ProbeAnswer:
    return ProbeAnswer(error.status, orjson.dumps(error.as_problem(instance=path)), "application/problem+json", headers)
